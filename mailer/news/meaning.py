"""What an item's labels make of it: its kind, its regions, or that somebody must explain a label first."""

from collections.abc import Iterable
from dataclasses import dataclass

from mailer.choices import Choices


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item belongs. unknown: the labels that nobody has explained; while there are any, it waits."""

    kind_id: int
    regions: tuple[int, ...]
    everyone: bool
    unknown: tuple[str, ...] = ()


def place(
    labels: Iterable[str],
    choices: Choices,
    default_kind: int | None = None,
    default_region: int | None = None,
) -> Place:
    """The first kind and all regions that the labels name; the feed's defaults where they name none.

    Without any region, or with a label such as Global, it is for everyone. An unknown label might be a
    region: then it is for nobody yet, so that it neither goes to everyone nor gets lost.
    """
    labels = list(labels)
    meanings = [choices.meaning(label) for label in labels]
    unknown = tuple(label for label, meaning in zip(labels, meanings, strict=True) if not meaning.known)
    kinds = [meaning.kind_id for meaning in meanings if meaning.kind_id]
    regions = list(dict.fromkeys(meaning.region_id for meaning in meanings if meaning.region_id))
    everyone = any(meaning.everyone for meaning in meanings)
    if not regions and not everyone and not unknown:
        regions = [default_region] if default_region else []
        everyone = not regions
    kind = kinds[0] if kinds else default_kind or choices.kinds[0].id
    return Place(kind, () if everyone else tuple(regions), everyone, unknown)

"""Which subscribers: a filter in the words that an operator uses. Rules only."""

from dataclasses import dataclass

from mailer.choices import Choices
from mailer.subscribers.status import Status
from mailer.subscribers.wish import Wish


class UnknownWord(ValueError):
    """A filter names something that isn't there; the message lists what is."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Everything that is set must fit. A reader who chose all regions also fits each single one."""

    status: Status | None = None
    region: int | None = None
    kind: int | None = None
    frequency: str | None = None
    language: str | None = None

    @property
    def asks_for_choice(self) -> bool:
        return any(wanted is not None for wanted in (self.region, self.kind, self.frequency, self.language))

    def fits(self, wish: Wish | None) -> bool:
        """wish: what the reader chose, None while nothing is confirmed."""
        if wish is None:
            return not self.asks_for_choice
        return (
            (self.region is None or not wish.regions or self.region in wish.regions)
            and (self.kind is None or not wish.kinds or self.kind in wish.kinds)
            and (self.frequency is None or self.frequency == wish.frequency)
            and (self.language is None or self.language == wish.languages[0])
        )


def segment(
    offered: Choices,
    *,
    status: str | None = None,
    region: str | None = None,
    kind: str | None = None,
    frequency: str | None = None,
    language: str | None = None,
) -> Segment:
    """From words: a region or kind by its code, its name or a label of a feed. Raises UnknownWord."""
    if status is not None and status not in set(Status):
        raise UnknownWord(f"no status {status!r}; there are {', '.join(Status)}")
    return Segment(
        status=Status(status) if status else None,
        region=_region(offered, region) if region else None,
        kind=_kind(offered, kind) if kind else None,
        frequency=frequency,
        language=language,
    )


def _region(offered: Choices, word: str) -> int:
    known = {region.code: region.id for region in offered.all_regions.values()}
    number = known.get(word.casefold()) or offered.meaning(word).region_id
    if number is None:
        raise UnknownWord(f"no region {word!r}; there are {', '.join(known)}")
    return number


def _kind(offered: Choices, word: str) -> int:
    known = {kind.code: kind.id for kind in offered.all_kinds.values()}
    number = known.get(word.casefold()) or offered.meaning(word).kind_id
    if number is None:
        raise UnknownWord(f"no kind {word!r}; there are {', '.join(known)}")
    return number

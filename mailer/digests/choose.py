"""Which items go to whom, and in what order. Pure: the one rule that planning and explaining share.

An item is news for a reader when the lowest arrival number among the languages they read lies above
their mark: so a late translation is not news to those who had the item.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailer.news import Item, ItemText
from mailer.subscribers import Audience

GROUPED_FROM = 8
"""From so many items on, they stand under the names of their regions."""


class Reason(StrEnum):
    """Why an item goes, or doesn't."""

    GOES = "goes"
    OTHER_REGION = "about a region that they didn't choose"
    OTHER_KIND = "of a kind that they didn't choose"
    NO_LANGUAGE = "in none of their languages"
    HAD = "already considered for them, or older than their subscription"
    HISTORY = "was there before its feed was first read, so it is not mailed"
    LATER = "arrived after this digest was planned"


@dataclass(frozen=True, slots=True)
class Chosen:
    """An item in the language in which the reader gets it. arrival: the number that made it news."""

    item: Item
    text: ItemText
    arrival: int


@dataclass(frozen=True, slots=True)
class Group:
    """Items under one heading. region: its number; 0 for everyone's; None when there are no headings."""

    region: int | None
    items: tuple[Chosen, ...]


def judge(item: Item, audience: Audience, low: int, high: int) -> tuple[Reason, Chosen | None]:
    """Whether an item goes to an audience whose mark is `low`, in a run that looks up to `high`."""
    if audience.kinds and item.kind_id not in audience.kinds:
        return Reason.OTHER_KIND, None
    if not item.everyone and audience.regions and not set(item.regions) & set(audience.regions):
        return Reason.OTHER_REGION, None
    texts = in_order(item, audience.languages)
    if not texts:
        return Reason.NO_LANGUAGE, None
    arrived = [text for text in texts if 0 < text.arrival <= high]
    if not arrived:
        return (Reason.LATER if any(text.arrival for text in texts) else Reason.HISTORY), None
    arrival = min(text.arrival for text in arrived)
    if arrival <= low:
        return Reason.HAD, None
    return Reason.GOES, Chosen(item, arrived[0], arrival)


def choose(items: Iterable[Item], audience: Audience, low: int, high: int) -> list[Chosen]:
    """What goes to an audience, each item once, newest first."""
    chosen = [found for item in items if (found := judge(item, audience, low, high)[1]) is not None]
    return sorted(chosen, key=lambda one: (one.item.published_on, one.arrival, one.item.id), reverse=True)


def arrange(chosen: Sequence[Chosen], audience: Audience, region_order: Sequence[int]) -> tuple[Group, ...]:
    """A plain list, or groups in the operator's order; an item in two of their regions stands under the first."""
    if len(chosen) < GROUPED_FROM:
        return (Group(None, tuple(chosen)),) if chosen else ()
    theirs = [region for region in region_order if not audience.regions or region in audience.regions]
    groups: dict[int, list[Chosen]] = {region: [] for region in (*theirs, 0)}
    for one in chosen:
        first = next((region for region in theirs if region in one.item.regions), 0)
        groups[0 if one.item.everyone else first].append(one)
    return tuple(Group(region, tuple(items)) for region, items in groups.items() if items)


def in_order(item: Item, languages: Sequence[str]) -> list[ItemText]:
    """The item's texts that a reader can read, in their order; "pt" also reads "pt-BR"."""
    found: list[ItemText] = []
    for wanted in languages:
        for text in item.texts.values():
            if text not in found and _reads(wanted, text.language):
                found.append(text)
    return found


def _reads(wanted: str, language: str) -> bool:
    wanted, language = wanted.casefold(), language.casefold()
    return language == wanted or language.split("-")[0] == wanted or wanted.split("-")[0] == language

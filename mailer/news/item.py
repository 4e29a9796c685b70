"""The values that walk through this room: drafts come in, items go out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class ItemText:
    """An item in one language. Title and teaser are plain text on one line; escape them where they are shown.

    arrival: the number under which it was announced; 0 = it is not to be mailed (history).
    """

    language: str
    title: str
    teaser: str
    url: str
    arrival: int


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of news. regions: ids in the operator's order; empty where it is for everyone."""

    id: int
    kind_id: int
    regions: tuple[int, ...]
    everyone: bool
    published_on: date
    texts: Mapping[str, ItemText]

    @property
    def arrival(self) -> int:
        """The lowest number among its texts: a late translation isn't news."""
        return min((text.arrival for text in self.texts.values() if text.arrival), default=0)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a feed or a page says of one item, cleaned, before we know what its labels mean.

    guid: as the feed gave it, "" where it gave none. published_on, language: None where none is given.
    """

    title: str
    teaser: str
    url: str
    guid: str = ""
    published_on: date | None = None
    labels: tuple[str, ...] = ()
    language: str | None = None

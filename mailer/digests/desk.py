"""The desk of one run: which edition an audience with a given mark gets, each made and saved once.

In go audiences and marks; out come edition numbers. It reads news and writes editions, never letters.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import news, subscribers
from mailer.choices import Choices
from mailer.database import Database
from mailer.delivery import Content, save_editions
from mailer.digests.choose import Chosen, Group, arrange, choose
from mailer.digests.edition import EditionMaker
from mailer.digests.schedule import Period
from mailer.news import Item
from mailer.settings import Settings
from mailer.subscribers import Audience

AT_ONCE = 50
"""Editions made and saved in one go; between two goes others have their turn."""

Beginning = tuple[int, int]
"""(audience id, low): what readers must share to get the same edition."""

Choice = tuple[int, ...]
"""Audience id and item ids: what beginnings must amount to for the same edition."""

Selected = dict[Beginning, tuple[Audience, list[Chosen]]]
"""The audience of each beginning and the items that go to it, perhaps none."""


@dataclass(frozen=True, slots=True)
class Made:
    """An edition as it was saved. items: [[item id, language], …] in order."""

    edition_id: int
    subject: str
    language: str
    items: list[list[object]]


class Desk:
    """Remembers, through one run, what has been chosen and made."""

    def __init__(self, settings: Settings, offered: Choices, period: Period, high: int) -> None:
        self.high = high
        self.made: dict[Beginning, Made | None] = {}
        self._maker = EditionMaker(settings, offered, period)
        self._region_order = [region.id for region in offered.regions]
        self._audiences: dict[int, Audience] = {}
        self._items: list[Item] = []
        self._items_after: int | None = None
        self._by_choice: dict[Choice, Made] = {}

    async def make_ahead(self, database: Database, beginnings: Iterable[Beginning]) -> None:
        """Make what is missing in short transactions of its own, so that nobody waits for the rendering."""
        missing = [beginning for beginning in beginnings if beginning not in self.made]
        for first in range(0, len(missing), AT_ONCE):
            async with database.reading() as db:
                chosen = await self.choose(db, missing[first : first + AT_ONCE])
            contents = self._compose(chosen)
            async with database.brief() as db:
                numbers = await save_editions(db, list(contents.values()))
            self._remember(chosen, contents, numbers)
            await asyncio.sleep(0)

    async def make(self, db: AsyncConnection, beginnings: Iterable[Beginning]) -> None:
        """Choose and make what isn't there yet; afterwards `made` says what each beginning gets."""
        chosen = await self.choose(db, [one for one in beginnings if one not in self.made])
        contents = self._compose(chosen)
        self._remember(chosen, contents, await save_editions(db, list(contents.values())))

    async def choose(self, db: AsyncConnection, beginnings: Collection[Beginning]) -> Selected:
        if not beginnings:
            return {}
        await self._read(db, beginnings)
        return {
            (number, low): (
                audience := self._audiences[number],
                choose(self._items, audience, low, self.high),
            )
            for number, low in beginnings
        }

    async def _read(self, db: AsyncConnection, missing: Collection[Beginning]) -> None:
        lowest = min(low for _, low in missing)
        if self._items_after is None or lowest < self._items_after:
            self._items = await news.arrived(db, lowest, self.high)
            self._items_after = lowest
        if any(audience_id not in self._audiences for audience_id, _ in missing):
            self._audiences = await subscribers.audiences(db)

    def _compose(self, selected: Selected) -> dict[Choice, Content]:
        """What has to be made for them and isn't made yet."""
        contents: dict[Choice, Content] = {}
        for audience, chosen in selected.values():
            choice = _choice(audience, chosen)
            if chosen and choice not in self._by_choice and choice not in contents:
                contents[choice] = self._maker.make(audience, self._arrange(audience, chosen))
        return contents

    def _remember(
        self, selected: Selected, contents: Mapping[Choice, Content], numbers: Sequence[int]
    ) -> None:
        saved = dict(zip(contents, numbers, strict=True))
        for beginning, (audience, chosen) in selected.items():
            choice = _choice(audience, chosen)
            if choice in saved and choice not in self._by_choice:
                items: list[list[object]] = [[one.item.id, one.text.language] for one in chosen]
                content = contents[choice]
                self._by_choice[choice] = Made(saved[choice], content.subject, content.language, items)
            self.made[beginning] = self._by_choice[choice] if chosen else None

    def subject(self, audience: Audience, chosen: list[Chosen]) -> str:
        """The subject of the edition that these items would make."""
        return self._maker.subject(audience, self._arrange(audience, chosen))

    def _arrange(self, audience: Audience, chosen: list[Chosen]) -> tuple[Group, ...]:
        return arrange(chosen, audience, self._region_order)


def _choice(audience: Audience, chosen: Sequence[Chosen]) -> Choice:
    return (audience.id, *(one.item.id for one in chosen))

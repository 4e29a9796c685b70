"""The desk of one run: which edition an audience with a given mark gets, each made and saved once.

In go audiences and marks; out come edition numbers. It reads news and writes editions, never letters.
"""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import news, subscribers
from mailer.choices import Choices
from mailer.database import Database
from mailer.delivery import save_edition
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
        self._by_choice: dict[tuple[object, ...], Made] = {}

    async def make_ahead(self, database: Database, beginnings: Iterable[Beginning]) -> None:
        """Make what is missing in short transactions of its own, so that nobody waits for the rendering."""
        missing = [beginning for beginning in beginnings if beginning not in self.made]
        for first in range(0, len(missing), AT_ONCE):
            async with database.transaction() as db:
                await self.make(db, missing[first : first + AT_ONCE])
            await asyncio.sleep(0)

    async def make(self, db: AsyncConnection, beginnings: Iterable[Beginning]) -> None:
        """Choose and make what isn't there yet; afterwards `made` says what each beginning gets."""
        missing = [beginning for beginning in beginnings if beginning not in self.made]
        for beginning, (audience, chosen) in (await self.choose(db, missing)).items():
            self.made[beginning] = await self._edition(db, audience, chosen) if chosen else None

    async def choose(
        self, db: AsyncConnection, beginnings: Collection[Beginning]
    ) -> dict[Beginning, tuple[Audience, list[Chosen]]]:
        """The audience of each beginning and the items that go to it, perhaps none."""
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

    async def _edition(self, db: AsyncConnection, audience: Audience, chosen: list[Chosen]) -> Made:
        items: list[list[object]] = [[one.item.id, one.text.language] for one in chosen]
        choice = (audience.id, *(one.item.id for one in chosen))
        if choice not in self._by_choice:
            content = self._maker.make(audience, self._arrange(audience, chosen))
            number = await save_edition(db, content)
            self._by_choice[choice] = Made(number, content.subject, content.language, items)
        return self._by_choice[choice]

    def subject(self, audience: Audience, chosen: list[Chosen]) -> str:
        """The subject of the edition that these items would make."""
        return self._maker.subject(audience, self._arrange(audience, chosen))

    def _arrange(self, audience: Audience, chosen: list[Chosen]) -> tuple[Group, ...]:
        return arrange(chosen, audience, self._region_order)

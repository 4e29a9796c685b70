"""Plans the digests that are due: who gets which edition, written into the ledger as letters.

A run is planned once, range of readers by range, each in one short transaction that also says how far it
came; so an interrupted run goes on where it stopped, sign-ups are never blocked for long, and of two
planners one waits for the other and finds the range done.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import choices, delivery, news
from mailer.choices import Schedule
from mailer.database import Database
from mailer.delivery import Stream
from mailer.digests import store
from mailer.digests.desk import Desk, Made
from mailer.digests.schedule import Period, expiry, last_due
from mailer.settings import Settings

RANGE = 20_000
"""Readers planned in one transaction."""

Enqueue = Callable[[Sequence[int]], Awaitable[None]]
"""Takes the numbers of batches that are committed and wait to be sent."""


@dataclass(slots=True)
class EditionCount:
    """An edition of a run, and how many readers get it."""

    made: Made
    readers: int = 0


@dataclass(slots=True)
class Published:
    """What one call did to a run. considered: readers, also those for whom there was no news."""

    period: Period
    mailing_id: int
    considered: int = 0
    editions: dict[int, EditionCount] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)

    @property
    def letters(self) -> int:
        return sum(edition.readers for edition in self.editions.values())

    def count(self, made: Made, readers: int) -> None:
        self.editions.setdefault(made.edition_id, EditionCount(made)).readers += readers


async def publish(
    database: Database,
    settings: Settings,
    now: datetime,
    enqueue: Enqueue,
    *,
    frequency: str | None = None,
    range_size: int = RANGE,
) -> list[Published]:
    """Plan each run that is due and not planned yet, or of one frequency only; returns those worked on."""
    async with database.reading() as db:
        offered = await choices.read(db)
    published = []
    for schedule in offered.schedules:
        if frequency not in (None, schedule.frequency):
            continue
        period = last_due(schedule, now, ZoneInfo(settings.timezone))
        run = await _open_run(database, settings, schedule, period, now)
        if run is None or run.planned_at is not None:
            continue
        planner = Planner(database, Desk(settings, offered, period, run.high), period, now, range_size)
        report = Published(period, run.mailing_id)
        while (batches := await planner.next_range(report)) is not None:
            if batches:
                report.batches += batches
                await enqueue(batches)
        published.append(report)
    return published


async def _open_run(
    database: Database, settings: Settings, schedule: Schedule, period: Period, now: datetime
) -> store.Run | None:
    """The run of this period, begun if nobody has; None for an immediate one without anything new."""
    async with database.transaction() as db:
        await store.lock_planning(db)
        run = await store.find_run(db, period)
        if run is not None:
            return run
        high = await news.last_arrival(db)
        if period.frequency == "immediate" and high == (await store.last_run(db, period.frequency)).high:
            return None
        name = f"{period.frequency} {period.name}"
        expires_at = expiry(schedule, now, ZoneInfo(settings.timezone))
        mailing_id = await delivery.open_mailing(db, name, Stream.DIGEST, now, expires_at)
        await store.add_run(db, period, mailing_id, high)
        return await store.find_run(db, period)


@dataclass(slots=True)
class Planner:
    """Plans one run, range by range."""

    database: Database
    desk: Desk
    period: Period
    now: datetime
    range_size: int

    async def next_range(self, report: Published) -> list[int] | None:
        """Plan the next range, its editions made before its transaction begins.

        Returns the batches to send, or None where nobody is left.
        """
        async with self.database.reading() as db:
            run = await self._run(db)
            if run.planned_at is not None:
                return None
            start = await store.last_run(db, self.period.frequency)
            upto = await store.range_end(db, self.period.frequency, run.planned_upto, self.range_size)
            if upto is not None:
                expected = await store.groups(
                    db, store.beginnings(self.period.frequency, run.planned_upto, upto, start)
                )
        if upto is None:
            async with self.database.transaction() as db:
                await store.finish(db, run, self.now)
            return None
        await self.desk.make_ahead(self.database, [(audience, low) for audience, low, _ in expected])
        async with self.database.transaction() as db:
            await store.lock_planning(db)
            if await self._run(db) != run:  # another planner was here first: look again where it came to
                return []
            return await self._plan(db, run, upto, start, report)

    async def _run(self, db: AsyncConnection) -> store.Run:
        run = await store.find_run(db, self.period)
        if run is None:
            raise LookupError(f"the run {self.period.name} is gone")
        return run

    async def _plan(
        self, db: AsyncConnection, run: store.Run, upto: int, start: store.Start, report: Published
    ) -> list[int]:
        count = await store.consider(db, self.period.frequency, run.planned_upto, upto, start)
        await delivery.withdraw_all(db, store.considered_recipients(), self.now)
        groups = await store.groups(db)
        await self.desk.make(db, [(audience, low) for audience, low, _ in groups])
        wanted: dict[tuple[int, int], int] = {}
        counted: list[dict[str, Any]] = []
        for audience, low, readers in groups:
            made = self.desk.made[audience, low]
            if made is not None:
                wanted[audience, low] = made.edition_id
                counted.append(
                    {
                        "edition_id": made.edition_id,
                        "language": made.language,
                        "items": made.items,
                        "readers": readers,
                    }
                )
                report.count(made, readers)
        await store.count_editions(db, run, counted)
        await store.want(db, wanted)
        batches = await delivery.put_all(db, run.mailing_id, store.envelopes(self.now))
        await store.move_marks(db, run.high)
        await store.advance(db, run, upto, count)
        await store.forget_considered(db)
        report.considered += count
        return batches

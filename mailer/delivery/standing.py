"""How a mailing stands: counts, speed, and what the relays said. Reads only."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.database import Database
from mailer.tables import Instant, batch, ledger
from mailer.tools.clock import Clock

RATE_WINDOW = timedelta(seconds=30)
"""The speed of a run is that of its last half minute."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the letters of a mailing, or of a run."""

    due: int = 0
    handed: int = 0
    accepted: int = 0
    deferred: int = 0
    rejected: int = 0
    skipped: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        return sum(getattr(self, field.name) for field in fields(self))

    @property
    def unfinished(self) -> int:
        return self.due + self.handed + self.deferred


@dataclass(frozen=True, slots=True)
class Answers:
    """So many letters got this answer from this relay. relay: None where the letter never left."""

    relay: str | None
    status: str
    code: int | None
    blame: str | None
    letters: int
    reply: str  # one of them


@dataclass(frozen=True, slots=True)
class Standing:
    """How a mailing stands. rate: letters a second just now; seconds_left: None where nothing moves."""

    counts: Counts
    rate: float
    answers: tuple[Answers, ...]

    @property
    def seconds_left(self) -> float | None:
        waiting = self.counts.due + self.counts.handed
        return waiting / self.rate if self.rate else (None if waiting else 0.0)


async def standing(db: AsyncConnection, mailing_id: int, now: datetime) -> Standing:
    """Counts, speed, and the relays' answers by relay and cause, the most frequent first."""
    theirs = ledger.c.batch_id.in_(select(batch.c.id).where(batch.c.mailing_id == mailing_id))
    columns = ledger.c.relay, ledger.c.status, ledger.c.code, ledger.c.blame
    number, words = func.count().label("number"), func.min(ledger.c.reply).label("words")
    grouped = select(*columns, number, words).where(theirs).group_by(*columns)
    rows = (await db.execute(grouped.order_by(number.desc()))).all()
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.status] += row.number
    lately = ledger.c.done_at > literal(now - RATE_WINDOW, Instant)
    sent = select(func.count(), func.min(ledger.c.done_at)).where(theirs, lately, ledger.c.relay.is_not(None))
    letters, since = (await db.execute(sent)).one()
    seconds = max((now - since).total_seconds(), 1.0) if since else 1.0
    answers = tuple(
        Answers(row.relay, row.status, row.code, row.blame, row.number, row.words or "")
        for row in rows
        if row.code is not None
    )
    return Standing(Counts(**counts), letters / seconds, answers)


async def watch(
    database: Database, mailing_id: int, clock: Clock, every: float = 1.0
) -> AsyncIterator[Standing]:
    """How the mailing stands, again and again, until nothing of it is due or in hand. For pages that follow a run.

    every: seconds between two looks; more where looking itself takes long.
    """
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        async with database.reading() as db:
            stands = await standing(db, mailing_id, clock())
        yield stands
        if not stands.counts.due and not stands.counts.handed:
            return
        await asyncio.sleep(max(every, 20 * (loop.time() - began)))


async def progress(db: AsyncConnection, mailing_id: int | None = None) -> Counts:
    """What became of the letters of one mailing, or of all."""
    statement = _counting()
    if mailing_id is not None:
        batches = select(batch.c.id).where(batch.c.mailing_id == mailing_id)
        statement = statement.where(ledger.c.batch_id.in_(batches))
    return Counts(**{row[0]: row[1] for row in await db.execute(statement)})


async def count_batches(db: AsyncConnection, batches: Collection[int]) -> Counts:
    """What became of the letters of these batches."""
    found: Counter[str] = Counter()
    numbers = sorted(batches)
    for at in range(0, len(numbers), 1000):
        some = numbers[at : at + 1000]
        for row in await db.execute(_counting().where(ledger.c.batch_id.in_(some))):
            found[row[0]] += row[1]
    return Counts(**found)


def _counting() -> Select[Any]:
    return select(ledger.c.status, func.count()).group_by(ledger.c.status)

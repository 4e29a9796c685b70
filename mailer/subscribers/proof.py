"""Seals the record of consent, and proves that nobody has changed it since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.database import Database
from mailer.subscribers import chain_store as store
from mailer.subscribers.chain import START, Fault, Head, commitment, faults, missing_end, next_seal
from mailer.subscribers.consent import Act

_GROUP = 500
"""Rows sealed at once."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """head: what to note down elsewhere; it proves that the record before it stays as it is."""

    seals: int
    waiting: int
    head: Head
    faults: list[Fault]


async def seal(db: AsyncConnection, *, wait: bool = False) -> int:
    """Seal the oldest entries that are not sealed yet; returns how many, 0 when none is left.

    Where another transaction seals at this moment we leave it to the next call, so that nobody who signs
    up ever waits for somebody else. wait: stay until it is our turn.
    """
    head = await store.take_head(db, wait=wait)
    records = await store.unsealed(db, _GROUP) if head else []
    if head is None or not records:
        return 0
    seals = []
    for record in records:
        one, head = next_seal(head, record.at, record.act, commitment(record))
        seals.append(one)
    await store.add_seals(db, seals)
    await store.mark_sealed(db, [(record.id, one.id) for record, one in zip(records, seals, strict=True)])
    await store.move_head(db, head)
    return len(records)


async def take_turn(db: AsyncConnection) -> None:
    """Nobody else seals until we commit.

    Who erases people calls this before locking any of them: sealing never waits, so nobody can then wait
    for us while we wait for them.
    """
    await store.take_head(db, wait=True)


async def erase_records(db: AsyncConnection, people: Sequence[int], now: datetime) -> None:
    """Delete what these subscribers agreed to, with the salts, and seal that it was done."""
    head = await store.take_head(db, wait=True)
    gone = await store.delete_records(db, people)
    if gone and head is not None:
        one, head = next_seal(head, now, Act.ERASED, erased=gone)
        await store.add_seals(db, [one])
        await store.move_head(db, head)


async def verify(database: Database) -> Verdict:
    """Go through the whole record, in one consistent view; sign-ups go on meanwhile."""
    async with database.reading() as db:
        if not database.is_sqlite:  # there, a transaction is one view anyway
            db = await db.execution_options(isolation_level="REPEATABLE READ")
        head = await store.read_head(db) or Head(0, START)
        erased = await store.erased_seals(db, Act.ERASED)
        last, found = Head(0, START), []
        count = 0
        async for one, record in store.walk(db):
            found += faults(last, one, record, is_erased=one.id in erased)
            last = Head(one.id, one.hash)
            count += 1
        return Verdict(count, await store.count_unsealed(db), head, found + missing_end(last, head))

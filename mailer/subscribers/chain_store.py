"""The queries of the chain of seals; `store.py` has the others of this room."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.subscribers.chain import Head, Record, Seal
from mailer.tables import consent, seal, seal_head, signup, wording

_PAGE = 1000
_FACTS = ("subscriber_id", "actor", "network", "details")


async def take_head(db: AsyncConnection, *, wait: bool) -> Head | None:
    """The head, locked until we commit; None where somebody else seals just now and we don't wait.

    On SQLite the writing transaction itself is that lock.
    """
    query = select(seal_head.c.seal_id, seal_head.c.hash).with_for_update(skip_locked=not wait)
    row = (await db.execute(query)).one_or_none()
    return Head(*row) if row else None


async def move_head(db: AsyncConnection, head: Head) -> None:
    await db.execute(update(seal_head).values(seal_id=head.seal_id, hash=head.hash))


async def read_head(db: AsyncConnection) -> Head | None:
    row = (await db.execute(select(seal_head.c.seal_id, seal_head.c.hash))).one_or_none()
    return Head(*row) if row else None


async def unsealed(db: AsyncConnection, limit: int) -> list[Record]:
    """The oldest rows without a seal that nobody else is deleting."""
    query = _records().where(consent.c.seal_id.is_(None)).order_by(consent.c.id).limit(limit)
    rows = await db.execute(query.with_for_update(skip_locked=True, of=consent))
    return [_record(row) for row in rows]


async def count_unsealed(db: AsyncConnection) -> int:
    query = select(func.count()).select_from(consent).where(consent.c.seal_id.is_(None))
    return (await db.execute(query)).scalar_one()


async def add_seals(db: AsyncConnection, seals: Sequence[Seal]) -> None:
    names = ("id", "at", "act", "commitment", "previous", "hash")
    rows = [{name: getattr(one, name) for name in names} | {"erased": list(one.erased)} for one in seals]
    await db.execute(insert(seal), rows)


async def mark_sealed(db: AsyncConnection, numbers: Iterable[tuple[int, int]]) -> None:
    """numbers: (row of consent, its seal)."""
    statement = update(consent).where(consent.c.id == bindparam("row")).values(seal_id=bindparam("number"))
    await db.execute(statement, [{"row": row, "number": number} for row, number in numbers])


async def delete_records(db: AsyncConnection, people: Sequence[int]) -> list[int]:
    """Delete what these subscribers agreed to; returns the seals that stay behind."""
    gone = delete(consent).where(consent.c.subscriber_id.in_(people)).returning(consent.c.seal_id)
    return [row.seal_id for row in await db.execute(gone) if row.seal_id is not None]


async def erased_seals(db: AsyncConnection, act: str) -> set[int]:
    """The numbers that all erasures together name."""
    return {
        number
        for row in await db.execute(select(seal.c.erased).where(seal.c.act == act))
        for number in row.erased
    }


async def walk(db: AsyncConnection) -> AsyncIterator[tuple[Seal, Record | None]]:
    """All seals in order, each with its row of the record where that is still there; page by page."""
    after: int | None = None
    while True:
        page = select(seal).order_by(seal.c.id).limit(_PAGE)
        if after is not None:
            page = page.where(seal.c.id > after)
        seals = [_seal(row) for row in await db.execute(page)]
        if not seals:
            return
        after = seals[-1].id
        rows = await db.execute(_records().where(consent.c.seal_id.between(seals[0].id, after)))
        records = {row.seal_id: _record(row) for row in rows}
        for one in seals:
            yield one, records.get(one.id)


def _records() -> Select[Any]:
    columns = (
        consent,
        wording.c.hash.label("wording"),
        wording.c.language,
        wording.c.text,
        signup.c.form,
    )
    return (
        select(*columns)
        .outerjoin(wording, wording.c.id == consent.c.wording_id)
        .outerjoin(signup, signup.c.id == consent.c.signup_id)
    )


def _record(row: Any) -> Record:
    facts = {name: getattr(row, name) for name in _FACTS}
    shown = row.wording is None or hashlib.sha256(f"{row.language}\n{row.text}".encode()).hexdigest()
    return Record(
        row.id,
        row.at,
        row.act,
        row.salt,
        {**facts, "wording": row.wording, "form": row.form},
        wording_stands=shown is True or shown == row.wording,
    )


def _seal(row: Any) -> Seal:
    return Seal(row.id, row.at, row.act, row.commitment, tuple(row.erased), row.previous, row.hash)

"""The queries of erasure, retention and suppression; `store.py` has the others of this room."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.subscribers.status import Status
from mailer.tables import address_change, budget, signup, subscriber, suppression


async def lock_people(db: AsyncConnection, people: Sequence[int]) -> list[int]:
    """Those of them who exist; nobody else changes them until we commit."""
    query = select(subscriber.c.id).where(subscriber.c.id.in_(people)).order_by(subscriber.c.id)
    return list((await db.execute(query.with_for_update())).scalars())


async def delete_people(db: AsyncConnection, people: Sequence[int]) -> None:
    """Delete them and what they asked for; their record of consent must be gone by now."""
    await db.execute(delete(address_change).where(address_change.c.subscriber_id.in_(people)))
    await db.execute(delete(signup).where(signup.c.subscriber_id.in_(people)))
    await db.execute(delete(subscriber).where(subscriber.c.id.in_(people)))


async def lift_refusal(db: AsyncConnection, hashed: str, person: int | None, now: datetime) -> bool:
    """Forget that somebody said "that wasn't me"; False where nobody had. Those links stay dead: they expire."""
    gone = delete(suppression).where(suppression.c.hash == hashed, suppression.c.reason == "refused")
    lifted = (await db.execute(gone)).rowcount
    theirs = update(signup).where(signup.c.subscriber_id == person, signup.c.refused_at.is_not(None))
    return bool(lifted + (await db.execute(theirs.values(refused_at=None, expires_at=now))).rowcount)


async def free_budgets(db: AsyncConnection, keys: Sequence[str]) -> None:
    await db.execute(delete(budget).where(budget.c.key.in_(keys)))


async def forget_address_changes(db: AsyncConnection, now: datetime) -> int:
    """Delete the new addresses whose links no longer work; returns how many."""
    over = or_(address_change.c.expires_at <= now, address_change.c.used_at.is_not(None))
    return (await db.execute(delete(address_change).where(over))).rowcount


async def add_suppressions(db: AsyncConnection, hashes: Sequence[str], reason: str, now: datetime) -> None:
    """A later refusal replaces another reason; nothing replaces a refusal."""
    if not hashes:
        return
    new = (sqlite if db.dialect.name == "sqlite" else postgresql).insert(suppression)
    if reason == "refused":
        new = new.on_conflict_do_update(index_elements=["hash"], set_={"reason": reason})
    else:
        new = new.on_conflict_do_nothing()
    await db.execute(new, [{"hash": one, "reason": reason, "at": now} for one in sorted(set(hashes))])


async def suppressed(db: AsyncConnection, hashes: Sequence[str]) -> dict[str, str]:
    """Hash → reason, of those that are suppressed."""
    query = select(suppression.c.hash, suppression.c.reason).where(suppression.c.hash.in_(hashes))
    return {row.hash: row.reason for row in await db.execute(query)}


# ── who has been here long enough ───────────────────────────────────────────────────────────────────

_refusal = exists().where(signup.c.subscriber_id == subscriber.c.id, signup.c.refused_at.is_not(None))


async def never_confirmed(db: AsyncConnection, before: datetime, limit: int) -> list[tuple[int, str, bool]]:
    """(number, address, did they say "that wasn't me"?) of who asked last before, and never confirmed."""
    return await _with_refusal(db, _quiet(before, Status.PENDING), before, limit)


async def held_too_long(db: AsyncConnection, before: datetime, limit: int) -> list[tuple[int, str, bool]]:
    """The same of who was imported before and without evidence, and has not confirmed since."""
    return await _with_refusal(
        db, _quiet(before, Status.HELD).where(subscriber.c.mail_from.is_(None)), before, limit
    )


async def _with_refusal(
    db: AsyncConnection, people: Select[Any], before: datetime, limit: int
) -> list[tuple[int, str, bool]]:
    query = people.where(subscriber.c.created_at < before).add_columns(_refusal).limit(limit)
    return [(row[0], row[1], bool(row[2])) for row in await db.execute(query)]


async def left_before(
    db: AsyncConnection, before: datetime, asked_before: datetime, limit: int
) -> list[tuple[int, str]]:
    """Unsubscribed or stopped before, and not about to come back."""
    query = _quiet(asked_before, Status.UNSUBSCRIBED, Status.STOPPED).where(subscriber.c.ended_at < before)
    return [(row[0], row[1]) for row in await db.execute(query.limit(limit))]


def _quiet(asked_before: datetime, *statuses: Status) -> Select[Any]:
    """Locked until we commit: who confirms at this moment is passed over."""
    asked = exists().where(signup.c.subscriber_id == subscriber.c.id, signup.c.asked_at >= asked_before)
    people = select(subscriber.c.id, subscriber.c.address).where(subscriber.c.status.in_(statuses), ~asked)
    return people.order_by(subscriber.c.id).with_for_update(skip_locked=True, of=subscriber)

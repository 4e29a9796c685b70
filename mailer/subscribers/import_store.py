"""The queries of imports and of what becomes of the imported; `store.py` has the others of this room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import exists, func, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.subscribers.consent import Act
from mailer.subscribers.status import Status
from mailer.subscribers.wish import Wish
from mailer.tables import consent, imported_list, subscriber
from mailer.tools.address import Address


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody to be added. given: the date of confirmation as the old list wrote it.

    confirmed_at: empty without evidence. mail_from: when their turn comes, empty: when they confirm.
    """

    line: int
    address: Address
    wish: Wish
    given: str
    confirmed_at: datetime | None
    mail_from: datetime | None


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody imported without evidence."""

    id: int
    address: str
    audience_id: int
    import_id: int


async def open_import(
    db: AsyncConnection, file: str, digest: str, basis: str, evidence: str, actor: str, now: datetime
) -> int:
    values = {
        "file": file[:200],
        "hash": digest,
        "basis": basis,
        "evidence": evidence,
        "actor": actor,
        "at": now,
    }
    number: int = (
        await db.execute(insert(imported_list).values(**values).returning(imported_list.c.id))
    ).scalar_one()
    return number


async def close_import(db: AsyncConnection, number: int, now: datetime) -> bool:
    """Note that it is undone; False where there is none of this number."""
    statement = update(imported_list).where(imported_list.c.id == number)
    moment = func.coalesce(imported_list.c.undone_at, literal(now, imported_list.c.undone_at.type))
    return (await db.execute(statement.values(undone_at=moment))).rowcount == 1


async def known(db: AsyncConnection, keys: Sequence[str]) -> dict[str, Status]:
    """Address key → status, of those who are here."""
    query = select(subscriber.c.address_key, subscriber.c.status).where(subscriber.c.address_key.in_(keys))
    return {row.address_key: Status(row.status) for row in await db.execute(query)}


async def add_people(
    db: AsyncConnection,
    number: int,
    newcomers: Sequence[Newcomer],
    audiences: Mapping[Wish, int],
    now: datetime,
    *,
    news_after: int,
) -> dict[str, int]:
    """Add those who are not there by now; returns address key → subscriber of those who were added."""
    if not newcomers:
        return {}
    rows = [
        {
            "address": one.address.text,
            "address_key": one.address.key,
            "status": Status.CONFIRMED if one.confirmed_at and one.mail_from == now else Status.HELD,
            "audience_id": audiences[one.wish],
            "created_at": now,
            "confirmed_at": one.confirmed_at,
            "import_id": number,
            "mail_from": one.mail_from,
            "news_after": news_after,
        }
        for one in newcomers
    ]
    new = (sqlite if db.dialect.name == "sqlite" else postgresql).insert(subscriber)
    await db.execute(new.on_conflict_do_nothing(), rows)
    keys = [one.address.key for one in newcomers]
    query = select(subscriber.c.address_key, subscriber.c.id).where(
        subscriber.c.address_key.in_(keys), subscriber.c.import_id == number
    )
    return {row.address_key: row.id for row in await db.execute(query)}


async def record_imported(
    db: AsyncConnection, people: Sequence[tuple[int, Mapping[str, Any]]], actor: str, now: datetime
) -> None:
    """Put each into the record of consent, with what speaks for it."""
    rows = [
        {
            "subscriber_id": number,
            "act": Act.IMPORTED,
            "actor": actor,
            "at": now,
            "network": "",
            "details": dict(details),
            "salt": token_hex(16),
        }
        for number, details in people
    ]
    if rows:
        await db.execute(insert(consent), rows)


# ── what they did themselves since ──────────────────────────────────────────────────────────────────

_own_act = exists().where(consent.c.subscriber_id == subscriber.c.id, consent.c.actor.not_like("import:%"))


async def imported_among(db: AsyncConnection, keys: Sequence[str]) -> list[int]:
    """Those who are here only because an earlier list said so."""
    query = select(subscriber.c.id).where(
        subscriber.c.address_key.in_(keys),
        subscriber.c.import_id.is_not(None),
        subscriber.c.status.in_((Status.CONFIRMED, Status.HELD)),
        ~_own_act,
    )
    return list((await db.execute(query)).scalars())


async def untouched(db: AsyncConnection, number: int, limit: int) -> list[int]:
    """Those of an import who did nothing themselves since; locked until we commit."""
    query = (
        select(subscriber.c.id)
        .where(
            subscriber.c.import_id == number,
            subscriber.c.status != Status.UNSUBSCRIBED,
            # On the row itself, so that it holds too for who confirms while we wait for the lock.
            or_(subscriber.c.confirmed_at.is_(None), subscriber.c.confirmed_at <= subscriber.c.created_at),
            ~_own_act,
        )
        .order_by(subscriber.c.id)
        .limit(limit)
    )
    return list((await db.execute(query.with_for_update())).scalars())


async def count_imported(db: AsyncConnection, number: int) -> int:
    query = select(func.count()).select_from(subscriber).where(subscriber.c.import_id == number)
    return (await db.execute(query)).scalar_one()


# ── whose turn has come ─────────────────────────────────────────────────────────────────────────────


async def confirm_held(db: AsyncConnection, now: datetime) -> int:
    """Who was held with evidence is a reader once their turn has come; returns how many."""
    done = await db.execute(
        update(subscriber)
        .where(
            subscriber.c.status == Status.HELD,
            subscriber.c.mail_from <= now,
            subscriber.c.confirmed_at.is_not(None),
        )
        .values(status=Status.CONFIRMED)
    )
    return done.rowcount


async def to_be_asked(db: AsyncConnection, now: datetime, limit: int) -> list[Held]:
    """Those without evidence whose turn has come to be asked; locked until we commit."""
    columns = (subscriber.c.id, subscriber.c.address, subscriber.c.audience_id, subscriber.c.import_id)
    query = (
        select(*columns)
        .where(
            subscriber.c.status == Status.HELD,
            subscriber.c.mail_from <= now,
            subscriber.c.confirmed_at.is_(None),
        )
        .order_by(subscriber.c.id)
        .limit(limit)
    )
    return [Held(*row) for row in await db.execute(query.with_for_update(skip_locked=True))]


async def mark_asked(db: AsyncConnection, people: Sequence[int]) -> None:
    """They are asked once; from now on they wait for their own confirmation."""
    await db.execute(update(subscriber).where(subscriber.c.id.in_(people)).values(mail_from=None))

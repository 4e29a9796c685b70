"""The queries of lost links and new addresses; `store.py` has the others of this room."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.delivery import put_to
from mailer.subscribers.status import Status
from mailer.tables import Instant, address_change, subscriber
from mailer.tools.address import Address

MAILING = "links"
"""Of letters that readers ask for, or must know of."""


@dataclass(frozen=True, slots=True)
class Change:
    """address: the new one; empty while there is only the link by which it can be said."""

    id: int
    subscriber_id: int
    address: str | None
    language: str
    expires_at: datetime
    used_at: datetime | None


async def send_links(
    db: AsyncConnection, key: str, edition: int, language: str, now: datetime, expires_at: datetime
) -> int:
    """A letter to the reader with this address key, if there is one: always the same statements."""
    reader = (subscriber.c.address_key == key) & (subscriber.c.status == Status.CONFIRMED)
    moments = literal(now, Instant), literal(expires_at, Instant)
    fresh = select(subscriber.c.id, literal(language), *moments).where(reader)
    columns = ["subscriber_id", "language", "asked_at", "expires_at"]
    await db.execute(insert(address_change).from_select(columns, fresh))
    newest = (
        select(address_change.c.id)
        .where(address_change.c.subscriber_id == subscriber.c.id, address_change.c.address.is_(None))
        .order_by(address_change.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    people = select(
        subscriber.c.id.label("recipient"), newest.label("reference"), subscriber.c.address
    ).where(reader)
    return await put_to(db, people, edition, now, name=MAILING)


async def get(db: AsyncConnection, number: int) -> Change | None:
    names = ("id", "subscriber_id", "address", "language", "expires_at", "used_at")
    query = select(*(address_change.c[name] for name in names)).where(address_change.c.id == number)
    row = (await db.execute(query)).one_or_none()
    return Change(*row) if row else None


async def add(
    db: AsyncConnection, reader: int, address: Address, language: str, now: datetime, expires_at: datetime
) -> int:
    values = {"subscriber_id": reader, "address": address.text, "language": language}
    added = insert(address_change).values(**values, asked_at=now, expires_at=expires_at)
    number: int = (await db.execute(added.returning(address_change.c.id))).scalar_one()
    return number


async def use(db: AsyncConnection, number: int, now: datetime) -> bool:
    """Mark it as used; False where it was, or has expired: it counts once."""
    done = await db.execute(
        update(address_change)
        .where(
            address_change.c.id == number,
            address_change.c.used_at.is_(None),
            address_change.c.expires_at > now,
        )
        .values(used_at=now)
    )
    return done.rowcount == 1


async def move(db: AsyncConnection, reader: int, address: Address) -> bool:
    """Give a confirmed reader this address; False where somebody has it."""
    other = subscriber.alias("other")
    taken = exists().where(other.c.address_key == address.key, other.c.id != reader)
    done = await db.execute(
        update(subscriber)
        .where(subscriber.c.id == reader, subscriber.c.status == Status.CONFIRMED, ~taken)
        .values(address=address.text, address_key=address.key)
    )
    return done.rowcount == 1

"""Readers and items, written straight into the tables: what the rooms below would have left there."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.subscribers.store import keep_wish
from mailer.subscribers.wish import Wish
from mailer.tables import (
    arrival_counter,
    edition,
    item,
    item_region,
    item_text,
    kind,
    ledger,
    region,
    subscriber,
)

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


async def region_id(db: AsyncConnection, code: str) -> int:
    return int((await db.execute(select(region.c.id).where(region.c.code == code))).scalar_one())


async def kind_id(db: AsyncConnection, code: str) -> int:
    return int((await db.execute(select(kind.c.id).where(kind.c.code == code))).scalar_one())


async def add_reader(
    db: AsyncConnection,
    name: str,
    *regions: str,
    kinds: Sequence[str] = (),
    languages: Sequence[str] = ("en",),
    frequency: str = "weekly",
    status: str = "confirmed",
) -> int:
    """The number of a reader name@example.com with this choice; no region means all."""
    wish = Wish(
        tuple([await region_id(db, code) for code in regions]),
        tuple([await kind_id(db, code) for code in kinds]),
        tuple(languages),
        frequency,
    )
    values = {"address": f"{name}@example.com", "address_key": f"{name}@example.com", "status": status}
    audience_id = await keep_wish(db, wish)
    new = insert(subscriber).values(**values, audience_id=audience_id, created_at=LONG_AGO)
    return int((await db.execute(new.returning(subscriber.c.id))).scalar_one())


async def add_item(
    db: AsyncConnection,
    title: str,
    *regions: str,
    kind_code: str = "news",
    on: date = date(2026, 11, 20),
    languages: Sequence[str] = ("en",),
) -> int:
    """The number of an item that has just arrived in these languages; no region means for everyone."""
    values = {
        "kind_id": await kind_id(db, kind_code),
        "everyone": not regions,
        "published_on": on,
        "status": "ready",
        "labels": [],
        "first_seen_at": LONG_AGO,
    }
    number = int((await db.execute(insert(item).values(**values).returning(item.c.id))).scalar_one())
    for code in regions:
        await db.execute(insert(item_region).values(item_id=number, region_id=await region_id(db, code)))
    for language in languages:
        await translate(db, number, language, f"{title} ({language})" if language != "en" else title)
    return number


async def translate(db: AsyncConnection, number: int, language: str, title: str) -> None:
    """Give an item a text in one more language, with the next arrival number."""
    last = (await db.execute(select(func.max(item_text.c.arrival)))).scalar_one() or 0
    await db.execute(
        insert(item_text).values(
            item_id=number,
            language=language,
            title=title,
            teaser=f"What {title} is about.",
            url=f"https://www.example.org/{language}/{number}",
            content_hash=f"{number}{language}",
            arrival=last + 1,
            arrived_at=LONG_AGO,
        )
    )
    await db.execute(arrival_counter.delete())
    await db.execute(insert(arrival_counter).values(id=1, value=last + 1))


async def letters(db: AsyncConnection, recipient: int | None = None) -> list[tuple[int, str, str]]:
    """(recipient, status, subject) of each letter, in the order in which they were written."""
    query = (
        select(ledger.c.recipient, ledger.c.status, edition.c.subject)
        .join(edition, edition.c.id == ledger.c.edition_id)
        .order_by(ledger.c.id)
    )
    if recipient is not None:
        query = query.where(ledger.c.recipient == recipient)
    return [(row[0], row[1], row[2]) for row in await db.execute(query)]

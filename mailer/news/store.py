"""The only queries of this room: feeds, items, and the arrival numbers that are given under a lock."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.news.changes import Keys, Known, content_hash
from mailer.news.item import Draft, Item, ItemText
from mailer.news.meaning import Place
from mailer.tables import arrival_counter, item, item_identity, item_region, item_text, region

_CHUNK = 400
"""Values in one IN list: within SQLite's limit everywhere."""


async def arrived(db: AsyncConnection, after: int, upto: int) -> list[Item]:
    """The items with a text that arrived in (after, upto], newest first, with all texts that arrived up to `upto`."""
    numbers = item_text.c.arrival
    fresh = select(item_text.c.item_id).where(numbers > after, numbers <= upto)
    chosen = select(item.c.id).where(item.c.status == "ready", item.c.id.in_(fresh))
    return await _items(db, chosen, numbers <= upto)


async def last_arrival(db: AsyncConnection) -> int:
    """The highest number given so far; 0 before the first. Whatever has a lower number is visible by now."""
    return (await db.execute(select(func.max(arrival_counter.c.value)))).scalar_one() or 0


async def latest(
    db: AsyncConnection,
    limit: int,
    regions: Sequence[int] = (),
    kinds: Sequence[int] = (),
    languages: Sequence[str] = (),
) -> list[Item]:
    """The newest items for a public page, announced or not. Ids and languages; empty = all."""
    chosen = select(item.c.id).where(item.c.status.in_(("ready", "history")))
    if regions:
        there = exists().where(item_region.c.item_id == item.c.id, item_region.c.region_id.in_(regions))
        chosen = chosen.where(or_(item.c.everyone, there))
    if kinds:
        chosen = chosen.where(item.c.kind_id.in_(kinds))
    if languages:
        spoken = exists().where(item_text.c.item_id == item.c.id, item_text.c.language.in_(languages))
        chosen = chosen.where(spoken)
    chosen = chosen.order_by(item.c.published_on.desc(), item.c.id.desc()).limit(limit)
    return await _items(db, chosen)


async def _items(db: AsyncConnection, chosen: Select[tuple[int]], *texts_where: Any) -> list[Item]:
    ids = chosen.subquery()
    rows = await db.execute(
        select(item).join(ids, ids.c.id == item.c.id).order_by(item.c.published_on.desc(), item.c.id.desc())
    )
    texts: dict[int, dict[str, ItemText]] = {}
    spoken = select(item_text).join(ids, ids.c.id == item_text.c.item_id).where(*texts_where)
    for text in await db.execute(spoken.order_by(item_text.c.language)):
        texts.setdefault(text.item_id, {})[text.language] = ItemText(
            text.language, text.title, text.teaser, text.url, text.arrival or 0
        )
    regions: dict[int, list[int]] = {}
    placed = (
        select(item_region)
        .join(ids, ids.c.id == item_region.c.item_id)
        .join(region, region.c.id == item_region.c.region_id)
    )
    for row in await db.execute(placed.order_by(region.c.position, region.c.id)):
        regions.setdefault(row.item_id, []).append(row.region_id)
    return [
        Item(
            row.id, row.kind_id, tuple(regions.get(row.id, ())), row.everyone, row.published_on, texts[row.id]
        )
        for row in rows
    ]


async def item_by_id(db: AsyncConnection, number: int) -> Item:
    return (await _items(db, select(item.c.id).where(item.c.id == number)))[0]


async def lock_arrivals(db: AsyncConnection) -> None:
    """Hold the counter until this transaction ends, so that no number becomes visible behind a higher one.

    Whoever stores items takes it first; so two polls at a time also can't store the same item twice.
    """
    row = _upsert(db, arrival_counter).values(id=1, value=0)
    touched = row.on_conflict_do_update(index_elements=["id"], set_={"value": arrival_counter.c.value})
    await db.execute(touched)


async def announce(db: AsyncConnection, items: Sequence[int], now: datetime) -> None:
    """Make items ready to go: each of their texts gets the next number. Under `lock_arrivals`."""
    for number in items:
        languages = select(item_text.c.language).where(
            item_text.c.item_id == number, item_text.c.arrival.is_(None)
        )
        for language in (await db.execute(languages.order_by(item_text.c.language))).scalars().all():
            counted = update(arrival_counter).values(value=arrival_counter.c.value + 1)
            arrival = (await db.execute(counted.returning(arrival_counter.c.value))).scalar_one()
            its_text = (item_text.c.item_id == number) & (item_text.c.language == language)
            await db.execute(update(item_text).where(its_text).values(arrival=arrival, arrived_at=now))
        await db.execute(update(item).where(item.c.id == number).values(status="ready"))


async def known(db: AsyncConnection, keys: Iterable[Keys]) -> dict[str, Known]:
    """The items that bear one of these keys, by key."""
    wanted = [key for some in keys for key in some.given()]
    found: dict[str, Known] = {}
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        rows = await db.execute(
            select(
                item_identity.c.key, item, item_text.c.title, item_text.c.language, item_text.c.content_hash
            )
            .join(item, item.c.id == item_identity.c.item_id)
            .join(item_text, item_text.c.item_id == item.c.id)
            .where(item_identity.c.key.in_(chunk))
            .order_by(item_text.c.language.desc())
        )
        for row in rows:
            labels = tuple(row.labels)
            found[row.key] = Known(
                *(row.id, row.feed_id, row.status, row.title, row.published_on, labels),
                *(row.language, row.content_hash),
            )
    return found


async def add(
    db: AsyncConnection,
    draft: Draft,
    keys: Keys,
    place: Place,
    *,
    feed_id: int | None,
    language: str,
    day: date,
    status: str,
    now: datetime,
) -> int:
    """A new item with one text and no arrival number. Returns its id."""
    values = {
        "feed_id": feed_id,
        "kind_id": place.kind_id,
        "everyone": place.everyone,
        "published_on": day,
        "status": status,
        "labels": list(draft.labels),
        "first_seen_at": now,
    }
    number = (await db.execute(insert(item).values(values).returning(item.c.id))).scalar_one()
    await db.execute(
        insert(item_text).values(item_id=number, language=language, **_words(draft), arrival=None)
    )
    await _put_regions(db, number, place.regions)
    await remember(db, number, keys)
    return int(number)


async def edit(db: AsyncConnection, known: Known, draft: Draft) -> None:
    """New words for an item; it keeps its arrival number."""
    its_text = (item_text.c.item_id == known.id) & (item_text.c.language == known.language)
    await db.execute(update(item_text).where(its_text).values(_words(draft)))


async def move(db: AsyncConnection, number: int, place: Place, labels: Sequence[str]) -> None:
    """New labels, kind and regions for an item."""
    values = {"kind_id": place.kind_id, "everyone": place.everyone, "labels": list(labels)}
    await db.execute(update(item).where(item.c.id == number).values(values))
    await db.execute(delete(item_region).where(item_region.c.item_id == number))
    await _put_regions(db, number, place.regions)


async def remember(db: AsyncConnection, number: int, keys: Keys) -> None:
    """Know the item again by these keys, besides those it has."""
    if rows := [{"key": key, "item_id": number} for key in keys.given()]:
        await db.execute(_upsert(db, item_identity).on_conflict_do_nothing(), rows)


async def unsettled(db: AsyncConnection, *statuses: str) -> list[Any]:
    """Rows (id, feed_id, status, labels) of items in these states, oldest first."""
    columns = (item.c.id, item.c.feed_id, item.c.status, item.c.labels)
    chosen = select(*columns).where(item.c.status.in_(statuses))
    return list(await db.execute(chosen.order_by(item.c.published_on, item.c.id)))


async def set_waiting(db: AsyncConnection, number: int) -> None:
    await db.execute(update(item).where(item.c.id == number).values(status="waiting"))


async def has_title(db: AsyncConnection, title: str, day: date | None) -> bool:
    """Whether there is an item with this title, of this day if one is given."""
    there = select(item.c.id).join(item_text, item_text.c.item_id == item.c.id)
    there = there.where(item_text.c.title == title)
    if day is not None:
        there = there.where(item.c.published_on == day)
    return (await db.execute(there.limit(1))).first() is not None


async def _put_regions(db: AsyncConnection, number: int, regions: Iterable[int]) -> None:
    if rows := [{"item_id": number, "region_id": region} for region in regions]:
        await db.execute(_upsert(db, item_region).on_conflict_do_nothing(), rows)


def _words(draft: Draft) -> dict[str, str]:
    return {
        "title": draft.title,
        "teaser": draft.teaser,
        "url": draft.url,
        "content_hash": content_hash(draft),
    }


def _upsert(db: AsyncConnection, table: Any) -> Any:
    return (sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert)(table)

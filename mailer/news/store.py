"""The only queries of this room: feeds, items, and the arrival numbers that are given under a lock."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.news.item import Item, ItemText
from mailer.tables import arrival_counter, item, item_region, item_text, region


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

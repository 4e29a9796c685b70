"""Readers, their choices and news, written straight into the tables: what planning a digest begins with."""

import random
from datetime import date

from sqlalchemy import insert, select, text

from mailer.database import Database
from mailer.subscribers import Wish
from mailer.tables import arrival_counter, audience, item, item_region, item_text, kind, region
from mailer.tools.clock import utc_now

REGIONS = 20
ITEMS = 60
SEEN, SEEN_BY_FEW = 45, 30
"""Arrival numbers up to which most readers had everything, and the twentieth who didn't."""

# Both dialects read this; one statement for a million readers.
_READERS = text(
    """INSERT INTO subscriber (address, address_key, status, audience_id, created_at, confirmed_at)
    WITH RECURSIVE n(i) AS (SELECT CAST(1 AS bigint) UNION ALL SELECT i + 1 FROM n WHERE i < CAST(:count AS bigint))
    SELECT 'reader' || i || '@example.com', 'reader' || i || '@example.com', 'confirmed',
        i * 7919 % CAST(:audiences AS bigint) + 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00' FROM n"""
)
_MARKS = text(
    """INSERT INTO mark (recipient, arrival)
    SELECT id, CASE WHEN id % 20 = 0 THEN CAST(:few AS bigint) ELSE CAST(:most AS bigint) END FROM subscriber"""
)


async def fill(database: Database, readers: int, audiences: int) -> None:
    """Into a migrated database without readers: so many, with so many different choices, and ITEMS items."""
    async with database.transaction() as db:
        more = [
            {"code": f"region{n}", "label": f"Region {n}", "names": {"en": f"Region {n}"}, "retired": False}
            for n in range(REGIONS)
        ]
        await db.execute(insert(region), [one | {"position": 100 + n} for n, one in enumerate(more)])
        regions = list((await db.execute(select(region.c.id).order_by(region.c.id))).scalars())
        kinds = list((await db.execute(select(kind.c.id).order_by(kind.c.id))).scalars())
        choice = random.Random(1)
        await db.execute(insert(audience), _choices(choice, audiences, regions, kinds))
        await db.execute(insert(item), [_item(n, kinds) for n in range(1, ITEMS + 1)])
        await db.execute(insert(item_text), [_text(n) for n in range(1, ITEMS + 1)])
        where = [{"item_id": n, "region_id": regions[n % len(regions)]} for n in range(1, ITEMS + 1)]
        await db.execute(insert(item_region), where)
        await db.execute(insert(arrival_counter), {"id": 1, "value": ITEMS})
        await db.execute(_READERS, {"count": readers, "audiences": audiences})
        await db.execute(_MARKS, {"few": SEEN_BY_FEW, "most": SEEN})
        await db.execute(text("ANALYZE"))


def _choices(
    choice: random.Random, count: int, regions: list[int], kinds: list[int]
) -> list[dict[str, object]]:
    """So many different weekly choices, in English."""
    wishes: dict[Wish, None] = {}
    while len(wishes) < count:
        some = sorted(choice.sample(regions, choice.randint(2, 12)))
        wishes[
            Wish(tuple(some), tuple(sorted(choice.sample(kinds, choice.randint(1, 4)))), ("en",), "weekly")
        ] = None
    return [{"id": n, "key": wish.key, **wish.columns()} for n, wish in enumerate(wishes, 1)]


def _item(number: int, kinds: list[int]) -> dict[str, object]:
    return {
        "id": number,
        "kind_id": kinds[number % len(kinds)],
        "everyone": number % 10 == 0,
        "published_on": date(2026, 11, 1 + number % 20),
        "status": "ready",
        "labels": [],
        "first_seen_at": utc_now(),
    }


def _text(number: int) -> dict[str, object]:
    return {
        "item_id": number,
        "language": "en",
        "title": f"Number {number}: the region agrees on a new programme for water and schools",
        "teaser": "Ministers and partners met for two days and found common ground, more than expected. " * 3,
        "url": f"https://www.example.org/news/{number}",
        "content_hash": f"{number:064}",
        "arrival": number,
        "arrived_at": utc_now(),
    }

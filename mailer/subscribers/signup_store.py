"""The queries of sign-ups that are written together; `store.py` has the others of this room.

Each takes a whole group, so that a group costs about as many statements as one sign-up.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.subscribers import store
from mailer.subscribers.budgets import Bucket
from mailer.subscribers.status import Status, Subscriber
from mailer.tables import budget, consent, signup, subscriber, suppression
from mailer.tools.address import Address


async def take(db: AsyncConnection, requests: Sequence[Sequence[Bucket]]) -> list[bool]:
    """For each request, take one from each of its buckets, or from none: False where one of them is empty.

    Mostly there is enough for all of them, which is one statement. Where there isn't, who came first is first.
    """
    if len(requests) > 1 and await _take_at_once(db, Counter(one for wanted in requests for one in wanted)):
        return [True] * len(requests)
    return [await store.take(db, wanted) for wanted in requests]


async def _take_at_once(db: AsyncConnection, wanted: Mapping[Bucket, int]) -> bool:
    """All of it or nothing. Rows are locked in the same order by everybody, so that nobody waits in a circle."""
    if any(count > bucket.limit for bucket, count in wanted.items()):
        return False
    dialect_insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    limits = {bucket.kind: bucket.limit for bucket in wanted}
    limit = case(*((budget.c.key.startswith(kind), limits[kind]) for kind in sorted(limits)))
    new = dialect_insert(budget)
    spend = new.on_conflict_do_update(
        index_elements=["key", "window"],
        set_={"used": budget.c.used + new.excluded.used},
        where=budget.c.used + new.excluded.used <= limit,
    ).returning(budget.c.key, budget.c.window)
    rows = [
        {"key": one.key, "window": one.begins_at, "ends_at": one.ends_at, "used": count}
        for one, count in sorted(wanted.items(), key=lambda pair: pair[0].key)
    ]
    taken = {(row.key, row.window) for row in await db.execute(spend, rows)}
    if len(taken) == len(rows):
        return True
    back = [
        {"its_key": row["key"], "its_window": row["window"], "count": row["used"]}
        for row in rows
        if (row["key"], row["window"]) in taken
    ]
    if back:
        theirs = (budget.c.key == bindparam("its_key")) & (budget.c.window == bindparam("its_window"))
        await db.execute(update(budget).where(theirs).values(used=budget.c.used - bindparam("count")), back)
    return False


async def meet(db: AsyncConnection, addresses: Collection[Address], now: datetime) -> dict[str, Subscriber]:
    """Address key → subscriber, for addresses with different keys; a new one is pending."""
    dialect_insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    fixed = {"status": Status.PENDING, "created_at": now}
    rows = [{"address": a.text, "address_key": a.key, **fixed} for a in addresses]
    rows.sort(key=lambda row: str(row["address_key"]))  # two machines must not wait for each other's rows
    await db.execute(dialect_insert(subscriber).on_conflict_do_nothing(), rows)
    people = store.people().add_columns(subscriber.c.address_key)
    found = await db.execute(people.where(subscriber.c.address_key.in_([a.key for a in addresses])))
    return {row.address_key: store.as_subscriber(row) for row in found}


async def refused(db: AsyncConnection, people: Mapping[str, int]) -> set[int]:
    """Who of them has said "that wasn't me". people: the address as it stands in suppression → number."""
    numbers = select(signup.c.subscriber_id).where(
        signup.c.subscriber_id.in_(list(people.values())), signup.c.refused_at.is_not(None)
    )
    hashes = select(suppression.c.hash).where(
        suppression.c.hash.in_(list(people)), suppression.c.reason == "refused"
    )
    return {row[0] for row in await db.execute(numbers)} | {
        people[row[0]] for row in await db.execute(hashes)
    }


async def add_signups(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Subscriber → the number of their sign-up; at most one each. rows: the columns of each."""
    added = insert(signup).returning(signup.c.subscriber_id, signup.c.id)
    return {row[0]: row[1] for row in await db.execute(added, rows)}


async def add_records(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append to the record of consent, unsealed; see `store.add_consent`."""
    await db.execute(insert(consent), rows)

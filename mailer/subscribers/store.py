"""The only queries of this room. Each runs in the caller's transaction."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import Select, Table, case, delete, exists, insert, literal, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.subscribers.budgets import Bucket
from mailer.subscribers.consent import Act, Wording
from mailer.subscribers.proof import seal
from mailer.subscribers.status import Signup, Status, Subscriber
from mailer.subscribers.wish import Audience, Wish
from mailer.tables import (
    Instant,
    address_change,
    audience,
    audience_region,
    budget,
    consent,
    signup,
    subscriber,
    wording,
)

_PAGE = 500


def readers(frequency: str) -> Select[tuple[int, str, int, int | None, datetime | None]]:
    """Who may get a digest of this frequency: columns recipient, address, audience_id, news_after, confirmed_at.

    news_after: the arrival number after which something is news to somebody who was imported.
    confirmed_at: since when they are readers without a break. Who pauses is left out, and keeps their place.
    """
    return (
        select(
            subscriber.c.id.label("recipient"),
            subscriber.c.address,
            subscriber.c.audience_id,
            subscriber.c.news_after,
            subscriber.c.confirmed_at,
        )
        .join(audience, audience.c.id == subscriber.c.audience_id)
        .where(
            subscriber.c.status == Status.CONFIRMED,
            subscriber.c.paused_until.is_(None),
            audience.c.frequency == frequency,
        )
    )


async def audiences(db: AsyncConnection) -> dict[int, Audience]:
    """Every choice that was ever made, by its id."""
    return {row.id: _audience(row) for row in await db.execute(select(audience))}


async def audience_of(db: AsyncConnection, number: int) -> Audience:
    return _audience((await db.execute(select(audience).where(audience.c.id == number))).one())


def _audience(row: Any) -> Audience:
    return Audience(
        id=row.id,
        regions=tuple(row.regions),
        kinds=tuple(row.kinds),
        languages=tuple(row.languages),
        frequency=row.frequency,
    )


async def keep_wish(db: AsyncConnection, wish: Wish) -> int:
    """The id of this choice; it is added at its first use."""
    number, is_new = await _keep(db, audience, {"key": wish.key}, wish.columns())
    if is_new and wish.regions:
        rows = [{"audience_id": number, "region_id": region} for region in set(wish.regions)]
        await db.execute(insert(audience_region), rows)
    return number


async def keep_wording(db: AsyncConnection, shown: Wording, now: datetime) -> int:
    """The id of a consent text; it is kept at its first use and never changed."""
    values = {"language": shown.language, "text": shown.text, "first_shown_at": now}
    return (await _keep(db, wording, {"hash": shown.hash}, values))[0]


async def wording_with(db: AsyncConnection, digest: str) -> Wording | None:
    row = (await db.execute(select(wording).where(wording.c.hash == digest))).one_or_none()
    return Wording(row.language, row.text) if row else None


async def _keep(
    db: AsyncConnection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[int, bool]:
    """(id, was it added?) of the row with this key. Two who add it at once get the same id."""
    (column, value), *_ = key.items()
    known = select(table.c.id).where(table.c[column] == value)
    number: int | None = (await db.execute(known)).scalar_one_or_none()
    if number is not None:
        return number, False
    dialect_insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    added = dialect_insert(table).values(**key, **values).on_conflict_do_nothing().returning(table.c.id)
    number = (await db.execute(added)).scalar_one_or_none()
    if number is not None:
        return number, True
    return (await db.execute(known)).scalar_one(), False


async def get(db: AsyncConnection, number: int) -> Subscriber | None:
    row = (await db.execute(people().where(subscriber.c.id == number))).one_or_none()
    return as_subscriber(row) if row else None


async def find(db: AsyncConnection, key: str) -> Subscriber | None:
    row = (await db.execute(people().where(subscriber.c.address_key == key))).one_or_none()
    return as_subscriber(row) if row else None


async def walk(db: AsyncConnection, status: Status | None = None) -> AsyncIterator[Subscriber]:
    """All subscribers in the order of their ids, read page by page."""
    after = 0
    while True:
        page = people().where(subscriber.c.id > after).order_by(subscriber.c.id).limit(_PAGE)
        if status is not None:
            page = page.where(subscriber.c.status == status)
        rows = (await db.execute(page)).all()
        for row in rows:
            yield as_subscriber(row)
        if len(rows) < _PAGE:
            return
        after = rows[-1].id


def people() -> Select[Any]:
    """The columns of a Subscriber."""
    return select(*(subscriber.c[field.name] for field in fields(Subscriber)))


def as_subscriber(row: Any) -> Subscriber:
    """row: with at least the columns of `people`."""
    values = {field.name: getattr(row, field.name) for field in fields(Subscriber)}
    return Subscriber(**{**values, "status": Status(row.status)})


async def move(db: AsyncConnection, number: int, to: Status, **columns: Any) -> bool:
    """Give a subscriber another status (and columns); False where they have it already."""
    done = await db.execute(
        update(subscriber)
        .where(subscriber.c.id == number, subscriber.c.status != to)
        .values(status=to, **columns)
    )
    return done.rowcount == 1


async def accept(db: AsyncConnection, number: int, audience_id: int, now: datetime) -> None:
    """Confirmed, with this choice, whatever they were before; `confirmed_at` stays where they were it already."""
    since = case(
        (subscriber.c.status == Status.CONFIRMED, subscriber.c.confirmed_at), else_=literal(now, Instant)
    )
    values = {
        "status": Status.CONFIRMED,
        "audience_id": audience_id,
        "confirmed_at": since,
        "ended_at": None,
        "paused_until": None,
    }
    await db.execute(update(subscriber).where(subscriber.c.id == number).values(**values))


async def resume(db: AsyncConnection, number: int, ended_at: datetime) -> bool:
    """Take back the unsubscribing that happened at `ended_at`; False where it no longer stands."""
    done = await db.execute(
        update(subscriber)
        .where(
            subscriber.c.id == number,
            subscriber.c.status == Status.UNSUBSCRIBED,
            subscriber.c.ended_at == ended_at,
            subscriber.c.audience_id.is_not(None),
        )
        .values(status=Status.CONFIRMED, ended_at=None)
    )
    return done.rowcount == 1


async def pause(db: AsyncConnection, number: int, until: datetime | None) -> bool:
    """Pause a confirmed reader, or (None) let them go on; False where nothing changed."""
    done = await db.execute(
        update(subscriber)
        .where(
            subscriber.c.id == number,
            subscriber.c.status == Status.CONFIRMED,
            subscriber.c.paused_until.is_distinct_from(until),
        )
        .values(paused_until=until)
    )
    return done.rowcount == 1


async def end_pauses(db: AsyncConnection, now: datetime) -> int:
    """Who paused until now goes on; returns how many."""
    over = update(subscriber).where(subscriber.c.paused_until <= now)
    return (await db.execute(over.values(paused_until=None))).rowcount


async def choose(db: AsyncConnection, number: int, audience_id: int) -> bool:
    """Change the choice of a confirmed reader; False where they are not confirmed."""
    done = await db.execute(
        update(subscriber)
        .where(subscriber.c.id == number, subscriber.c.status == Status.CONFIRMED)
        .values(audience_id=audience_id)
    )
    return done.rowcount == 1


# ── sign-ups ────────────────────────────────────────────────────────────────────────────────────────


async def add_signup(db: AsyncConnection, **columns: Any) -> int:
    number: int = (await db.execute(insert(signup).values(**columns).returning(signup.c.id))).scalar_one()
    return number


async def get_signup(db: AsyncConnection, number: int) -> Signup | None:
    query = (
        select(signup, subscriber.c.address, audience)
        .join(subscriber, subscriber.c.id == signup.c.subscriber_id)
        .join(audience, audience.c.id == signup.c.audience_id)
        .where(signup.c.id == number)
    )
    row = (await db.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    wish = Wish(
        tuple(row[audience.c.regions]),
        tuple(row[audience.c.kinds]),
        tuple(row[audience.c.languages]),
        row[audience.c.frequency],
    )
    same = ("id", "subscriber_id", "audience_id", "language", "form", "expires_at", "used_at", "refused_at")
    return Signup(
        address=row[subscriber.c.address], wish=wish, **{name: row[signup.c[name]] for name in same}
    )


async def use_signup(db: AsyncConnection, number: int, now: datetime) -> bool:
    """Mark a sign-up as confirmed; False where it is used, refused or expired: it counts once."""
    done = await db.execute(
        update(signup)
        .where(
            signup.c.id == number,
            signup.c.used_at.is_(None),
            signup.c.refused_at.is_(None),
            signup.c.expires_at > now,
        )
        .values(used_at=now)
    )
    return done.rowcount == 1


async def refuse_signup(db: AsyncConnection, number: int, now: datetime) -> bool:
    done = await db.execute(
        update(signup)
        .where(signup.c.id == number, signup.c.used_at.is_(None), signup.c.refused_at.is_(None))
        .values(refused_at=now)
    )
    return done.rowcount == 1


# ── consent ─────────────────────────────────────────────────────────────────────────────────────────


async def add_consent(
    db: AsyncConnection, number: int, act: Act, actor: str, now: datetime, **columns: Any
) -> int:
    """Append to the record of what was agreed to, and seal it; returns the row's id. Nothing ever changes a row.

    Asking isn't consent yet, and comes in floods: it is sealed with whatever comes next, or by the worker.
    """
    always = {"subscriber_id": number, "act": act, "actor": actor, "at": now, "salt": token_hex(16)}
    values = {"details": {}, **always, **columns}
    row: int = (await db.execute(insert(consent).values(**values).returning(consent.c.id))).scalar_one()
    if act is not Act.ASKED:
        await seal(db)
    return row


async def has_reason(db: AsyncConnection, number: int, after: int) -> bool:
    """Has this subscriber said why they left, since that act?"""
    said = exists().where(
        consent.c.subscriber_id == number, consent.c.act == Act.REASON, consent.c.id > after
    )
    return bool((await db.execute(select(said))).scalar_one())


async def get_consent(db: AsyncConnection, number: int) -> Any:
    """One row of the record (subscriber_id, act, at), or None."""
    return (await db.execute(select(consent).where(consent.c.id == number))).one_or_none()


async def trail(db: AsyncConnection, number: int) -> list[dict[str, Any]]:
    """A person's record of consent, oldest first, with the words that they saw."""
    query = (
        select(consent, wording.c.text.label("wording"), wording.c.language, signup.c.form)
        .outerjoin(wording, wording.c.id == consent.c.wording_id)
        .outerjoin(signup, signup.c.id == consent.c.signup_id)
        .where(consent.c.subscriber_id == number)
        .order_by(consent.c.id)
    )
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def signups_of(db: AsyncConnection, number: int) -> list[dict[str, Any]]:
    query = select(signup).where(signup.c.subscriber_id == number).order_by(signup.c.id)
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def address_changes_of(db: AsyncConnection, number: int) -> list[dict[str, Any]]:
    query = select(address_change).where(address_change.c.subscriber_id == number)
    return [dict(row) for row in (await db.execute(query.order_by(address_change.c.id))).mappings()]


# ── budgets ─────────────────────────────────────────────────────────────────────────────────────────


async def take(db: AsyncConnection, wanted: Sequence[Bucket]) -> bool:
    """Take one from every bucket, or from none: False where one of them is empty.

    One statement, so it holds across machines; its rows are locked in the order of `wanted`.
    """
    dialect_insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    rows = [{"key": one.key, "window": one.begins_at, "ends_at": one.ends_at, "used": 1} for one in wanted]
    limit = case({one.key: one.limit for one in wanted}, value=budget.c.key)
    spend = (
        dialect_insert(budget)
        .values(rows)
        .on_conflict_do_update(
            index_elements=["key", "window"],
            set_={"used": budget.c.used + 1},
            where=budget.c.used < limit,
        )
        .returning(budget.c.key, budget.c.window)
    )
    taken = [tuple(row) for row in await db.execute(spend)]
    if len(taken) == len(wanted):
        return True
    if taken:
        spent = tuple_(budget.c.key, budget.c.window).in_(taken)
        await db.execute(update(budget).where(spent).values(used=budget.c.used - 1))
    return False


async def forget_budgets(db: AsyncConnection, now: datetime) -> int:
    """Delete the windows that are over; returns how many."""
    return (await db.execute(delete(budget).where(budget.c.ends_at <= now))).rowcount

"""The only queries of this room: runs, marks, and the planning of a range of readers in set-based SQL.

A range is worked on in one transaction. Who is considered in it is written into a temporary table first,
so that every statement after it speaks of the same readers, whatever they change meanwhile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    MetaData,
    Select,
    String,
    Table,
    and_,
    case,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import CreateTable, DropTable

from mailer.delivery import open_digest_letters
from mailer.digests.schedule import Period
from mailer.subscribers import readers
from mailer.tables import Id, Instant, digest, digest_edition, mark, schedule

_temporary = MetaData()

considered = Table(  # the readers of the range in hand, with the arrival number at which their news begins
    "considered",
    _temporary,
    Column("recipient", Id, primary_key=True, autoincrement=False),
    Column("address", String(254), nullable=False),
    Column("audience_id", Id, nullable=False),
    Column("low", Id, nullable=False),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)
wanted = Table(  # which edition a choice and a beginning amount to; what is missing here gets nothing
    "wanted",
    _temporary,
    Column("audience_id", Id, primary_key=True, autoincrement=False),
    Column("low", Id, primary_key=True, autoincrement=False),
    Column("edition_id", Id, nullable=False),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)


@dataclass(frozen=True, slots=True)
class Run:
    """One digest as it stands. high: fixed once; planned_upto: readers up to this number are planned."""

    id: int
    mailing_id: int
    high: int
    planned_upto: int
    planned_at: datetime | None


@dataclass(frozen=True, slots=True)
class Start:
    """Where readers begin who have no mark of their own. due_at: of that run; None before the first."""

    high: int
    due_at: datetime | None


async def lock_planning(db: AsyncConnection) -> None:
    """One planner at a time, over all frequencies; held to the end of the transaction.

    On SQLite the transaction itself is that lock.
    """
    await db.execute(select(schedule.c.frequency).order_by(schedule.c.frequency).with_for_update())


async def find_run(db: AsyncConnection, period: Period) -> Run | None:
    columns = (digest.c.id, digest.c.mailing_id, digest.c.high, digest.c.planned_upto, digest.c.planned_at)
    query = select(*columns).where(digest.c.frequency == period.frequency, digest.c.period == period.name)
    row = (await db.execute(query)).one_or_none()
    return Run(*row) if row else None


async def add_run(db: AsyncConnection, period: Period, mailing_id: int, high: int) -> None:
    values = {"frequency": period.frequency, "period": period.name, "due_at": period.due_at}
    await db.execute(insert(digest).values(**values, mailing_id=mailing_id, high=high))


async def last_run(db: AsyncConnection, frequency: str) -> Start:
    """Where the last run of this frequency that was planned to its end looked to, and when it was due."""
    query = (
        select(digest.c.high, digest.c.due_at)
        .where(digest.c.frequency == frequency, digest.c.planned_at.is_not(None))
        .order_by(digest.c.high.desc(), digest.c.due_at.desc())
    )
    row = (await db.execute(query.limit(1))).one_or_none()
    return Start(row.high, row.due_at) if row else Start(0, None)


async def range_end(db: AsyncConnection, frequency: str, after: int, size: int) -> int | None:
    """The highest reader of the next range of at most `size`; None where nobody is left."""
    people = readers(frequency)
    recipient = people.selected_columns.recipient
    following = people.where(recipient > after).order_by(recipient).limit(size).subquery()
    end: int | None = (await db.execute(select(func.max(following.c.recipient)))).scalar_one()
    return end


def _beginnings(frequency: str, after: int, upto: int, start: Start) -> Select[Any]:
    people = readers(frequency)
    columns = people.selected_columns
    person = people.where(columns.recipient > after, columns.recipient <= upto).subquery("person")
    letters = open_digest_letters()
    letter = letters.where(
        letters.selected_columns.recipient > after, letters.selected_columns.recipient <= upto
    ).subquery("letter")
    waiting = (
        select(
            letter.c.recipient,
            func.min(letter.c.low).label("low"),
            func.max(case((letter.c.status == "handed", 1), else_=0)).label("handed"),
        )
        .group_by(letter.c.recipient)
        .subquery("waiting")
    )
    first = case((person.c.news_after > start.high, person.c.news_after), else_=literal(start.high, Id))
    own: ColumnElement[int] = func.coalesce(mark.c.arrival, first)
    if start.due_at is not None:  # who came back after that run isn't sent all that they missed
        came_back = and_(person.c.confirmed_at > start.due_at, own < start.high)
        own = case((came_back, literal(start.high, Id)), else_=own)
    low = case((waiting.c.low < own, waiting.c.low), else_=own)
    handed = func.coalesce(waiting.c.handed, 0)
    return (
        select(
            person.c.recipient,
            person.c.address,
            person.c.audience_id,
            low.label("low"),
            handed.label("handed"),
        )
        .outerjoin_from(person, mark, mark.c.recipient == person.c.recipient)
        .outerjoin(waiting, waiting.c.recipient == person.c.recipient)
    )


def beginnings(frequency: str, after: int, upto: int, start: Start) -> Select[tuple[int, str, int, int]]:
    """recipient, address, audience_id, low of each reader in (after, upto] who can get the next digest.

    low is their mark, or lower where a letter is still open: its news goes into the new one. Who has no
    mark yet begins at `start`, or later, where something is news to them only from then on; so does who
    left and came back. Who has a letter in a worker's hands is left out: they wait for the next run.
    """
    all_of_them = _beginnings(frequency, after, upto, start).subquery("beginning")
    columns = (all_of_them.c[name] for name in ("recipient", "address", "audience_id", "low"))
    return select(*columns).where(all_of_them.c.handed == 0)


async def beginning_of(
    db: AsyncConnection, frequency: str, recipient: int, start: Start
) -> tuple[int, bool] | None:
    """(low, whether a worker has a letter of theirs in hand) of one confirmed reader."""
    row = (await db.execute(_beginnings(frequency, recipient - 1, recipient, start))).one_or_none()
    return (row.low, bool(row.handed)) if row else None


async def consider(db: AsyncConnection, frequency: str, after: int, upto: int, start: Start) -> int:
    """Write down the readers of a range; returns how many. Their open letters are locked until we commit."""
    letters = open_digest_letters()
    recipient = letters.selected_columns.recipient
    if db.dialect.name != "sqlite":  # there, we are the only writer
        await db.execute(letters.where(recipient > after, recipient <= upto).with_for_update())
    await db.execute(CreateTable(considered))
    await db.execute(CreateTable(wanted))
    rows = beginnings(frequency, after, upto, start)
    await db.execute(insert(considered).from_select(["recipient", "address", "audience_id", "low"], rows))
    return (await db.execute(select(func.count()).select_from(considered))).scalar_one()


async def forget_considered(db: AsyncConnection) -> None:
    """PostgreSQL drops both with the transaction; SQLite keeps them as long as the connection."""
    if db.dialect.name == "sqlite":
        await db.execute(DropTable(considered))
        await db.execute(DropTable(wanted))


def considered_recipients() -> Select[tuple[int]]:
    return select(considered.c.recipient)


async def groups(db: AsyncConnection, of: Select[Any] | None = None) -> list[tuple[int, int, int]]:
    """(audience_id, low, how many readers) of those considered, or of a Select as `beginnings` makes it."""
    source = considered if of is None else of.subquery()
    columns = (source.c.audience_id, source.c.low)
    query = select(*columns, func.count()).group_by(*columns).order_by(*columns)
    return [(row[0], row[1], row[2]) for row in await db.execute(query)]


async def want(db: AsyncConnection, editions: Mapping[tuple[int, int], int]) -> None:
    """Say which edition each (audience_id, low) gets."""
    rows = [
        {"audience_id": audience_id, "low": low, "edition_id": edition_id}
        for (audience_id, low), edition_id in editions.items()
    ]
    if rows:
        await db.execute(insert(wanted), rows)


def envelopes(now: datetime) -> Select[Any]:
    """edition_id, recipient, address, due_at, low: what delivery.put_all takes."""
    return select(
        wanted.c.edition_id,
        considered.c.recipient,
        considered.c.address,
        literal(now, Instant).label("due_at"),
        considered.c.low,
    ).join_from(
        considered,
        wanted,
        and_(wanted.c.audience_id == considered.c.audience_id, wanted.c.low == considered.c.low),
    )


async def move_marks(db: AsyncConnection, high: int) -> None:
    """Everybody considered has now seen what arrived up to `high`, also those to whom nothing goes."""
    new = _insert(db)(mark).from_select(
        ["recipient", "arrival"],
        # SQLite reads ON after a bare SELECT as a join, hence the WHERE
        select(considered.c.recipient, literal(high, Id)).where(considered.c.recipient > 0),
    )
    await db.execute(
        new.on_conflict_do_update(
            index_elements=["recipient"],
            set_={"arrival": new.excluded.arrival},
            where=mark.c.arrival < new.excluded.arrival,
        )
    )


async def count_editions(db: AsyncConnection, run: Run, counted: Sequence[Mapping[str, Any]]) -> None:
    """Note editions of this run, or that they have so many readers more.

    counted: edition_id, language, items ([[item id, language], …]) and readers of each.
    """
    new = _insert(db)(digest_edition)
    more = new.on_conflict_do_update(
        index_elements=["digest_id", "edition_id"],
        set_={"readers": digest_edition.c.readers + new.excluded.readers},
    )
    if counted:
        await db.execute(more, [{"digest_id": run.id, **one} for one in counted])


async def advance(db: AsyncConnection, run: Run, upto: int, count: int) -> None:
    values = {"planned_upto": upto, "considered": digest.c.considered + count}
    await db.execute(update(digest).where(digest.c.id == run.id).values(values))


async def finish(db: AsyncConnection, run: Run, now: datetime) -> None:
    await db.execute(update(digest).where(digest.c.id == run.id).values(planned_at=now))


async def mark_of(db: AsyncConnection, recipient: int) -> int | None:
    query = select(mark.c.arrival).where(mark.c.recipient == recipient)
    return (await db.execute(query)).scalar_one_or_none()


def _insert(db: AsyncConnection) -> Any:
    return sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert


async def recent_runs(db: AsyncConnection, limit: int) -> list[Any]:
    """frequency, period, due_at, planned_at, considered, mailing_id of the latest runs, newest first."""
    columns = ("frequency", "period", "due_at", "planned_at", "considered", "mailing_id")
    query = select(*(digest.c[name] for name in columns)).order_by(digest.c.due_at.desc(), digest.c.id.desc())
    return list(await db.execute(query.limit(limit)))

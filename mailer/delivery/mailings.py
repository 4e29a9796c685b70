"""The callers' side of the ledger: editions, mailings and envelopes go in, and are withdrawn.

Each function works inside the caller's transaction. What a worker does to the rows stands in `ledger.py`.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, Table, and_, func, insert, literal, null, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.delivery.envelope import Content, Envelope, Stream
from mailer.delivery.slots import check_content
from mailer.tables import Id, Instant, batch, block, edition, ledger, mailing

OPEN = ("due", "deferred")
"""Rows that nobody holds: they may be claimed or withdrawn."""
NOT_DONE = ledger.c.done_at.is_(None)
"""True of what is due, deferred or handed: said beside the status, it finds the indexes of these few rows."""
UNFINISHED = and_(NOT_DONE, ledger.c.status.in_((*OPEN, "handed")))
HANDED = text("ledger.status = 'handed'")
# As text, since SQLite uses a partial index only for the very words of its condition.

CONFIRMATIONS = "confirmations"
"""The mailing of letters that ask for a confirmation."""


class MailingState(StrEnum):
    OPEN = "open"
    PAUSED = "paused"
    CANCELLED = "cancelled"


async def save_edition(db: AsyncConnection, content: Content) -> int:
    """The number of this content; the same content has the same number. Blocks are stored once.

    Raises ValueError where the content can't become a letter: a header that isn't plain ASCII, for one.
    """
    return (await save_editions(db, [content]))[0]


async def save_editions(db: AsyncConnection, contents: Sequence[Content]) -> list[int]:
    """The same for many, in a handful of statements: the number of each, in their order."""
    bodies: dict[str, str] = {}
    rows = [_edition_row(content, bodies) for content in contents]
    known = await _numbers(db, [row["key"] for row in rows])
    new = {row["key"]: row for row in rows if row["key"] not in known}
    if new:
        used = sorted({name for row in new.values() for name in (*row["text"], *row["html"])})
        if used:
            await db.execute(_new(db, block), [{"hash": name, "body": bodies[name]} for name in used])
        await db.execute(_new(db, edition), list(new.values()))
        known |= await _numbers(db, list(new))
    return [known[row["key"]] for row in rows]


def _edition_row(content: Content, bodies: dict[str, str]) -> dict[str, Any]:
    """The columns of an edition; its blocks are added to `bodies`."""
    check_content(content)
    text = [_hash(part) for part in content.text]
    html = [_hash(part) for part in content.html]
    bodies.update(zip([*text, *html], [*content.text, *content.html], strict=True))
    described = [content.language, content.subject, content.headers, text, html]
    return {
        "key": hashlib.sha256(json.dumps(described, ensure_ascii=False).encode()).hexdigest(),
        "language": content.language,
        "subject": content.subject,
        "headers": [list(header) for header in content.headers],
        "text": text,
        "html": html,
    }


async def _numbers(db: AsyncConnection, keys: Sequence[str]) -> dict[str, int]:
    rows = await db.execute(select(edition.c.key, edition.c.id).where(edition.c.key.in_(keys)))
    return {row.key: row.id for row in rows}


def _hash(part: str) -> str:
    return hashlib.blake2b(part.encode(), digest_size=20).hexdigest()


def _new(db: AsyncConnection, table: Table) -> Any:
    """INSERT … ON CONFLICT DO NOTHING: two that bring the same thing both succeed."""
    dialect = sqlite if db.dialect.name == "sqlite" else postgresql
    return dialect.insert(table).on_conflict_do_nothing()


async def open_mailing(
    db: AsyncConnection, name: str, stream: Stream, now: datetime, expires_at: datetime | None = None
) -> int:
    """The number of the mailing of this name, made at the first call. Nothing leaves after `expires_at`."""
    known = select(mailing.c.id).where(mailing.c.name == name)
    number = (await db.execute(known)).scalar_one_or_none()
    if number is None:
        values = {
            "name": name,
            "stream": stream,
            "state": MailingState.OPEN,
            "created_at": now,
            "expires_at": expires_at,
        }
        await db.execute(_new(db, mailing).values(values))
        number = (await db.execute(known)).scalar_one()
    return int(number)


async def set_mailing_state(db: AsyncConnection, mailing_id: int, state: MailingState) -> None:
    """Pause, resume or cancel; workers obey within a second.

    The rows of a cancelled mailing stay due, so that the next planning can withdraw them and take
    their news over.
    """
    await db.execute(update(mailing).where(mailing.c.id == mailing_id).values(state=state, note=None))


async def put(
    db: AsyncConnection,
    envelopes: Sequence[Envelope],
    now: datetime,
    *,
    mailing_name: str = CONFIRMATIONS,
    stream: Stream = Stream.TRANSACTIONAL,
) -> int:
    """Letters, due now; at least one. Returns their batch, to be enqueued once the transaction is committed."""
    mailing_id = await open_mailing(db, mailing_name, stream, now)
    batch_id = await _open_batch(db, mailing_id, len(envelopes))
    same = {"mailing_id": mailing_id, "batch_id": batch_id, "status": "due", "due_at": now}
    rows = [
        {
            **same,
            "edition_id": envelope.edition,
            "recipient": envelope.recipient,
            "reference": envelope.reference,
            "address": envelope.address,
        }
        for envelope in envelopes
    ]
    await db.execute(insert(ledger), rows)
    return batch_id


async def put_to(
    db: AsyncConnection, people: Select[Any], edition_id: int, now: datetime, *, name: str
) -> int:
    """A letter, due now, to each of the few whom the Select finds: columns recipient, reference, address.

    Returns its batch. The same statements run if that is nobody, so that an answer can't tell who is known.
    """
    mailing_id = await open_mailing(db, name, Stream.TRANSACTIONAL, now)
    batch_id = await _open_batch(db, mailing_id, 1)
    fixed: dict[str, Any] = {
        "mailing_id": literal(mailing_id, Id),
        "batch_id": literal(batch_id, Id),
        "edition_id": literal(edition_id, Id),
        "status": literal("due"),
        "due_at": literal(now, Instant),
        "attempts": literal(0),
        "processed": literal(False),
    }
    columns = ["recipient", "reference", "address", *fixed]
    await db.execute(insert(ledger).from_select(columns, people.add_columns(*fixed.values())))
    return batch_id


async def _open_batch(db: AsyncConnection, mailing_id: int, size: int) -> int:
    result = await db.execute(insert(batch).values(mailing_id=mailing_id, size=size).returning(batch.c.id))
    return int(result.scalar_one())


async def put_all(
    db: AsyncConnection, mailing_id: int, envelopes: Select[Any], batch_size: int = 1000
) -> list[int]:
    """Every row of the Select becomes a letter; no address passes through this process.

    envelopes: columns edition_id, recipient, address, due_at, low. Returns the batches that were made.
    """
    counted = select(func.count()).select_from(envelopes.subquery())
    count = (await db.execute(counted)).scalar_one()
    sizes = [batch_size] * (count // batch_size) + ([count % batch_size] if count % batch_size else [])
    batches = [await _open_batch(db, mailing_id, size) for size in sizes]
    if not batches:
        return []
    # Readers of one edition stand together, so that it is read and printed once and not for each of them.
    order = envelopes.selected_columns["edition_id"], envelopes.selected_columns["recipient"]
    source = envelopes.add_columns(func.row_number().over(order_by=order).label("place")).subquery()
    # A row that came between the count and this statement goes into the last batch, not under the table.
    part = (source.c.place - 1) // batch_size
    last = len(batches) - 1
    made = (
        select(batch.c.id, (func.row_number().over(order_by=batch.c.id) - 1).label("part"))
        .where(batch.c.id.in_(batches))
        .subquery()
    )
    rows = select(
        literal(mailing_id, Id),
        made.c.id,
        source.c.edition_id,
        source.c.recipient,
        null().label("reference"),
        source.c.address,
        literal("due"),
        source.c.due_at,
        literal(0),
        source.c.low,
        literal(False),
    ).join_from(source, made, or_(made.c.part == part, and_(made.c.part == last, part > last)))
    columns = (
        "mailing_id",
        "batch_id",
        "edition_id",
        "recipient",
        "reference",
        "address",
        "status",
        "due_at",
        "attempts",
        "low",
        "processed",
    )
    await db.execute(insert(ledger).from_select(columns, rows))
    return batches


async def withdraw(db: AsyncConnection, recipient: int, now: datetime, why: str = "withdrawn") -> int:
    """Nothing more goes to this recipient that hasn't left: due or deferred → skipped. Returns how many."""
    result = await db.execute(_skip(now, why).where(ledger.c.recipient == recipient))
    return result.rowcount


async def withdraw_all(
    db: AsyncConnection, recipients: Select[Any], now: datetime, why: str = "replaced"
) -> int:
    """The same for the digest letters of every recipient in the Select (one column), in one statement."""
    statement = _skip(now, why).where(ledger.c.recipient.in_(recipients), _digests())
    return (await db.execute(statement)).rowcount


async def hasten(db: AsyncConnection, now: datetime) -> int:
    """What was deferred may be tried at once, before its time. Returns how many letters.

    Not where a provider asked us to slow down: it would only be angrier.
    """
    waiting = (ledger.c.status == "deferred") & (ledger.c.due_at > literal(now, Instant))
    slower = ledger.c.relay.is_(None) | ((ledger.c.blame == "sender") & ledger.c.reply.like("4.7.%"))
    return (await db.execute(update(ledger).where(waiting, ~slower).values(due_at=now))).rowcount


async def resend_unknown(db: AsyncConnection, now: datetime) -> int:
    """A person decided: letters whose reply nobody saw go once more, with the same Message-ID. Returns how many."""
    unknown = ledger.c.status == "unknown"
    theirs = batch.c.id.in_(select(ledger.c.batch_id).where(unknown))
    await db.execute(update(batch).where(theirs).values(done=False))
    again = update(ledger).where(unknown)
    return (await db.execute(again.values(status="due", due_at=now, done_at=None))).rowcount


def _skip(now: datetime, why: str) -> Any:
    values = {"status": "skipped", "done_at": literal(now, Instant), "reply": why}
    return update(ledger).where(NOT_DONE, ledger.c.status.in_(OPEN)).values(values)


def _digests() -> Any:
    return ledger.c.mailing_id.in_(select(mailing.c.id).where(mailing.c.stream == Stream.DIGEST))


def open_digest_letters() -> Select[Any]:
    """recipient, status, low of each digest letter that is due, deferred or handed, for planning the next."""
    return select(ledger.c.recipient, ledger.c.status, ledger.c.low).where(UNFINISHED, _digests())


async def stream_of(db: AsyncConnection, batch_id: int) -> Stream | None:
    """The stream of a batch, None where there is no such batch."""
    statement = select(mailing.c.stream).join_from(batch, mailing).where(batch.c.id == batch_id)
    stream = (await db.execute(statement)).scalar_one_or_none()
    return None if stream is None else Stream(stream)


async def any_handed(db: AsyncConnection, mailing_id: int | None = None) -> bool:
    """Whether some worker holds letters of this mailing, or of any."""
    statement = select(ledger.c.id).where(HANDED).limit(1)
    if mailing_id is not None:
        statement = statement.where(ledger.c.mailing_id == mailing_id)
    return (await db.execute(statement)).first() is not None

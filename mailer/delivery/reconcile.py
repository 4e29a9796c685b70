"""Finds work again that was lost with a process: letters of workers whose lease ended, batches that nobody carries."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, exists, literal, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.delivery.envelope import Stream
from mailer.delivery.lease import has_ended
from mailer.delivery.mailings import HANDED, NOT_DONE, OPEN, UNFINISHED, MailingState
from mailer.tables import Instant, batch, ledger, mailing, worker


class UnknownPolicy(StrEnum):
    """What becomes of a letter that was handed over and whose reply nobody saw.

    resend: it goes again with the same Message-ID, so nobody is missed and some readers may get it twice.
    leave: it stays unknown, so nobody gets it twice, until a person says `mailer digest resend`.
    """

    RESEND = "resend"
    LEAVE = "leave"


async def reconcile(db: AsyncConnection, now: datetime, policy: str = UnknownPolicy.RESEND) -> list[int]:
    """Take letters back from dead workers, and name each batch with letters that are due, urgent streams first."""
    await take_back(db, now, policy)
    await close_batches(db)
    return [batch for batch, _ in await unfinished_batches(db, now)]


async def take_back(db: AsyncConnection, now: datetime, policy: str) -> int:
    """Letters of workers whose lease ended become due again, or unknown. Returns how many.

    worker_id stays, so that a reply that comes all the same still finds its row.
    """
    ended = delete(worker).where(has_ended(db))
    await db.execute(ended)  # from here on they can neither renew nor claim
    resend = policy == UnknownPolicy.RESEND
    values: dict[str, Any] = {"status": "due" if resend else "unknown", "code": 0}
    values["reply"] = "handed to a worker that stopped, and nobody saw the reply"
    values["done_at"] = None if resend else now
    held = update(ledger).where(HANDED, ledger.c.worker_id.not_in(select(worker.c.id)))
    return (await db.execute(held.values(values))).rowcount


_UNDONE = text("NOT batch.done")


async def close_batches(db: AsyncConnection) -> None:
    """Batches of which nothing can leave any more are not looked at again, however many there have been."""
    open_ones = select(ledger.c.id).where(ledger.c.batch_id == batch.c.id, UNFINISHED)
    left = open_ones.with_hint(ledger, "INDEXED BY ix_ledger_batch_open", "sqlite").exists()
    await db.execute(update(batch).where(_UNDONE, ~left).values(done=True))


async def unfinished_batches(
    db: AsyncConnection,
    now: datetime,
    mailing_id: int | None = None,
    *,
    stream: Stream | None = None,
    limit: int | None = None,
) -> list[tuple[int, Stream]]:
    """Batches with letters that may leave now: due, of an open mailing that hasn't expired. Urgent ones first."""
    waiting = exists().where(
        ledger.c.batch_id == batch.c.id,
        NOT_DONE,
        ledger.c.status.in_(OPEN),
        ledger.c.due_at <= literal(now, Instant),
    )
    statement = (
        select(batch.c.id, mailing.c.stream)
        .join(mailing, mailing.c.id == batch.c.mailing_id)
        .where(_UNDONE, mailing.c.state == MailingState.OPEN, waiting)
        .where(or_(mailing.c.expires_at.is_(None), mailing.c.expires_at > literal(now, Instant)))
        .order_by(mailing.c.stream, batch.c.id)
        .limit(limit)
    )
    if mailing_id is not None:
        statement = statement.where(batch.c.mailing_id == mailing_id)
    if stream is not None:
        statement = statement.where(mailing.c.stream == stream)
    return [(row[0], Stream(row[1])) for row in await db.execute(statement)]

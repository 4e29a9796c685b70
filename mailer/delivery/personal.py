"""What this room knows about people: the addresses in the ledger, and what relays said about them.

It fits `PersonalData` of the room of subscribers, which knows nothing of the ledger.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.database import Database
from mailer.delivery.mailings import CONFIRMATIONS, OPEN
from mailer.tables import edition, ledger, mailing

NAME = "letters"
TABLES = frozenset({"ledger"})

_WINDOW = 5000
_BLANK: dict[str, Any] = {"address": "", "reply": None}


async def export(db: AsyncConnection, recipient: int) -> list[dict[str, Any]]:
    """Every letter to this recipient, and what became of it."""
    names = ("address", "status", "due_at", "done_at", "attempts", "relay", "code", "reply")
    query = (
        select(ledger.c.id, mailing.c.name.label("mailing"), edition.c.subject, *(ledger.c[n] for n in names))
        .join(mailing, mailing.c.id == ledger.c.mailing_id)
        .join(edition, edition.c.id == ledger.c.edition_id)
        .where(ledger.c.recipient == recipient)
        .order_by(ledger.c.id)
    )
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def erase(db: AsyncConnection, people: Sequence[int], now: datetime) -> None:
    """Send them nothing more, and blank their addresses; that a letter went out stays countable."""
    theirs = update(ledger).where(ledger.c.recipient.in_(people))
    await db.execute(theirs.where(ledger.c.status.in_(OPEN)).values(status="skipped", done_at=now))
    await db.execute(theirs.values(_BLANK))


async def letter_about(db: AsyncConnection, recipient: int, reference: int) -> dict[str, Any] | None:
    """The newest confirmation with this reference, as proof: its number in the ledger and when the relay took it."""
    query = (
        select(ledger.c.id, ledger.c.done_at)
        .join(mailing, mailing.c.id == ledger.c.mailing_id)
        .where(
            ledger.c.recipient == recipient, ledger.c.reference == reference, mailing.c.name == CONFIRMATIONS
        )
        .order_by(ledger.c.id.desc())
        .limit(1)
    )
    row = (await db.execute(query)).one_or_none()
    if row is None:
        return None
    return {"letter": row.id, "taken_at": row.done_at.isoformat() if row.done_at else None}


async def blank_old(database: Database, before: datetime) -> int:
    """Blank the addresses of letters that were done before; returns how many. Short transactions.

    What a relay said about an erased address after its erasure goes too.
    """
    old = or_(and_(ledger.c.done_at < before, ledger.c.address != ""), _late_reply())
    after, blanked = 0, 0
    while True:
        async with database.reading() as db:
            window = select(ledger.c.id).where(ledger.c.id > after).order_by(ledger.c.id).limit(_WINDOW)
            end = (await db.execute(select(func.max(window.subquery().c.id)))).scalar_one()
            if end is None:
                return blanked
            query = (
                select(func.count()).select_from(ledger).where(ledger.c.id > after, ledger.c.id <= end, old)
            )
            is_needed = (await db.execute(query)).scalar_one()
        if is_needed:
            async with database.transaction() as db:
                statement = update(ledger).where(ledger.c.id > after, ledger.c.id <= end, old)
                blanked += (await db.execute(statement.values(_BLANK))).rowcount
        after = end


def _late_reply() -> Any:
    return and_(ledger.c.address == "", ledger.c.reply.is_not(None))

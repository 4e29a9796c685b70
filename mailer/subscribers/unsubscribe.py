"""A reader leaves, by the page, by one click or by an admin; and may take it back at once."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import delivery
from mailer.subscribers import store
from mailer.subscribers.consent import Act
from mailer.subscribers.status import Status


class Reason(StrEnum):
    """Why somebody left, in one click. The page has the words."""

    TOO_MANY = "too-many"
    NOT_FOR_ME = "not-for-me"
    NEVER_ASKED = "never-asked"
    OTHER = "other"


UNDO = timedelta(hours=1)
"""How long the page that follows an unsubscribing can take it back."""


async def unsubscribe(
    db: AsyncConnection, number: int, now: datetime, *, actor: str = "reader", network: str = ""
) -> int | None:
    """Nothing more is sent, also nothing of a run under way. Returns the number of this act in the record,
    or None where there was nothing to end: left already, or erased.
    """
    # First the letters that wait: the guarded claim of a worker is the last check of consent.
    await delivery.withdraw(db, number, now, "unsubscribed")
    if not await store.move(db, number, Status.UNSUBSCRIBED, ended_at=now):
        return None
    return await store.add_consent(db, number, Act.UNSUBSCRIBED, actor, now, network=network)


async def give_reason(db: AsyncConnection, act: int, reason: Reason, network: str, now: datetime) -> bool:
    """Record why, once, of the unsubscribing with this number; False where that is done, or nobody's."""
    row = await store.get_consent(db, act)
    if row is None or row.act != Act.UNSUBSCRIBED or await store.has_reason(db, row.subscriber_id, act):
        return False
    details = {"reason": reason}
    await store.add_consent(
        db, row.subscriber_id, Act.REASON, "reader", now, network=network, details=details
    )
    return True


async def undo(db: AsyncConnection, act: int, network: str, now: datetime) -> bool:
    """Take back the unsubscribing with this number; False where it is too late or no longer stands."""
    row = await store.get_consent(db, act)
    if row is None or row.act != Act.UNSUBSCRIBED or now - row.at > UNDO:
        return False
    if not await store.resume(db, row.subscriber_id, row.at):
        return False
    await store.add_consent(db, row.subscriber_id, Act.RESUMED, "reader", now, network=network)
    return True

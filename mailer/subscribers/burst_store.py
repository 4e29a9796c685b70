"""The query of bursts; `store.py` has the others of this room."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.subscribers.consent import Act
from mailer.subscribers.status import Status
from mailer.tables import consent, subscriber


@dataclass(frozen=True, slots=True)
class Leave:
    """A reader who unsubscribed. act: its row in the record of consent."""

    act: int
    subscriber_id: int
    address: str
    network: str
    at: datetime
    still_gone: bool


async def leaves(db: AsyncConnection, since: datetime) -> list[Leave]:
    """By the page or by one click; what an admin or an import did is no burst."""
    columns = (consent.c.id, consent.c.subscriber_id, subscriber.c.address, consent.c.network, consent.c.at)
    query = (
        select(*columns, subscriber.c.status, subscriber.c.ended_at)
        .join(subscriber, subscriber.c.id == consent.c.subscriber_id)
        .where(
            consent.c.act == Act.UNSUBSCRIBED,
            consent.c.actor.in_(("reader", "one-click")),
            consent.c.at >= since,
        )
        .order_by(consent.c.id)
    )
    return [
        Leave(*row[:5], still_gone=row.status == Status.UNSUBSCRIBED and row.ended_at == row.at)
        for row in await db.execute(query)
    ]

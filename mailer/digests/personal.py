"""What this room knows about people: up to where each has been considered. It fits `PersonalData`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.tables import mark

NAME = "digests"
TABLES = frozenset({"mark"})


async def export(db: AsyncConnection, recipient: int) -> dict[str, Any]:
    """The arrival number of the newest item that was considered for this reader."""
    query = select(mark.c.arrival).where(mark.c.recipient == recipient)
    return {"considered_up_to": (await db.execute(query)).scalar_one_or_none()}


async def erase(db: AsyncConnection, people: Sequence[int], now: datetime) -> None:
    await db.execute(delete(mark).where(mark.c.recipient.in_(people)))

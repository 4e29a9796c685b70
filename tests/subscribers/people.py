"""People for tests that begin with somebody who is known already."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.subscribers import signup_store
from mailer.subscribers.status import Subscriber
from mailer.tools.address import parse


async def meet(db: AsyncConnection, address: str, now: datetime) -> Subscriber:
    """A subscriber, pending, where they weren't here before."""
    return (await signup_store.meet(db, [parse(address)], now))[address]

"""By which clock a worker's lease runs: never by one that a person or a time server can set.

On PostgreSQL the database's own, since machines' clocks differ. On SQLite all workers stand on one machine, and
its uptime serves: 1970 plus the seconds since it started.
"""

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, func, literal, or_
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.tables import Instant, worker

LEASE = timedelta(seconds=20)
"""For so long a worker's letters are its own. It renews far oftener, and stops before it ends."""

_START = datetime(1970, 1, 1, tzinfo=UTC)


def uptime() -> datetime:
    """The present of leases on SQLite."""
    return _START + timedelta(seconds=time.monotonic())


def present(db: AsyncConnection) -> ColumnElement[datetime]:
    """The present of leases, as SQL."""
    if db.dialect.name == "sqlite":
        return literal(uptime(), Instant)
    return func.clock_timestamp(type_=Instant)


def end(db: AsyncConnection) -> ColumnElement[datetime]:
    """The end of a lease that begins now, as SQL."""
    if db.dialect.name == "sqlite":
        return literal(uptime() + LEASE, Instant)
    return present(db) + literal(LEASE)


def has_ended(db: AsyncConnection) -> ColumnElement[bool]:
    """Of a row of `worker`: its lease is over, or was given before the machine was started anew."""
    return or_(worker.c.lease_until < present(db), worker.c.lease_until > end(db))

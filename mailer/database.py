"""The database: one engine, `async with transaction()`, and how each dialect is set up.

Everything above speaks SQLAlchemy Core; both SQLite and PostgreSQL serve.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine


class DatabaseUrlError(ValueError):
    """The database address is not one that we can use; the message says what to write."""


def async_url(text: str) -> URL:
    """The address with its async driver: aiosqlite or asyncpg. SQLite in memory is refused."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise DatabaseUrlError(
            "MAILER_DATABASE_URL can't be read; write sqlite:///mailer.db or postgresql://user:password@host/name"
        ) from None
    match url.get_backend_name():
        case "sqlite":
            if not url.database or url.database == ":memory:":
                raise DatabaseUrlError("MAILER_DATABASE_URL names no file; write sqlite:///mailer.db")
            return url.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            return url.set(drivername="postgresql+asyncpg")
        case other:
            raise DatabaseUrlError(
                f"MAILER_DATABASE_URL asks for {other!r}; only sqlite and postgresql are served"
            )


class Database:
    """One engine, shared by a process. SQLite has one writer: all writers of a process queue on one lock."""

    def __init__(self, url: str) -> None:
        self.url = async_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.write_lock = asyncio.Lock()
        if self.is_sqlite:
            Path(self.url.database or "").parent.mkdir(parents=True, exist_ok=True)
            self.engine: AsyncEngine = create_async_engine(self.url)
            prepare_sqlite(self.engine.sync_engine)
            self._writer = self.engine.execution_options(mailer_writes=True)
        else:
            self.engine = create_async_engine(self.url, pool_size=10, max_overflow=10, pool_pre_ping=True)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A writing transaction: committed at the end, rolled back on an exception. Keep it short."""
        if not self.is_sqlite:
            async with self.engine.begin() as connection:
                yield connection
            return
        async with self.write_lock, self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading only: one consistent view, no lock."""
        async with self.engine.connect() as connection:
            yield connection

    async def close(self) -> None:
        await self.engine.dispose()


def prepare_sqlite(engine: Any) -> None:
    """WAL, foreign keys, and BEGIN IMMEDIATE for writers, so that two writers wait instead of failing."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("mailer_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

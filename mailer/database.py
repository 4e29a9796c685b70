"""The database: one engine, `async with transaction()`, and how each dialect is set up.

Everything above speaks SQLAlchemy Core; both SQLite and PostgreSQL serve.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import CursorResult, Executable, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

BUSY_SECONDS = 10.0
"""For so long a writer waits for another process on the same SQLite file."""


VANISHED = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "2",
    "tcp_user_timeout": "15000",
}
"""What we ask of PostgreSQL for our connections (seconds, but the last one: milliseconds). A machine that drops off
the network in the middle of a transaction would else keep its locks for two hours, and all workers would wait."""


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
        self._inline: Connection | None = None
        if self.is_sqlite:
            Path(self.url.database or "").parent.mkdir(parents=True, exist_ok=True)
            self.engine: AsyncEngine = create_async_engine(self.url)
            prepare_sqlite(self.engine.sync_engine)
            self._writer = self.engine.execution_options(mailer_writes=True)
        else:
            self.engine = create_async_engine(
                self.url,
                pool_size=10,
                max_overflow=10,
                pool_pre_ping=True,
                connect_args={"server_settings": VANISHED},
            )

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
    async def brief(self) -> AsyncIterator[AsyncConnection]:
        """A writing transaction of quick statements. On SQLite they run inline, so await nothing else in it.

        A trip to aiosqlite's thread costs more than such a statement, most of all on a busy machine.
        """
        if not self.is_sqlite:
            async with self.transaction() as connection:
                yield connection
            return
        async with self.inline() as here:
            yield cast(AsyncConnection, _Inline(here))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading only: one consistent view, no lock."""
        async with self.engine.connect() as connection:
            yield connection

    async def scrub(self) -> None:
        """After an erasure: SQLite's log must not keep what the tables no longer hold. PostgreSQL vacuums by itself.

        Where somebody goes on reading an older state, it is left to the next scrub: writers wait for us meanwhile.
        """
        if not self.is_sqlite:
            return
        async with self.write_lock, self.engine.connect() as connection:
            sqlite: Any = (await connection.get_raw_connection()).driver_connection
            await sqlite.execute("PRAGMA busy_timeout=200")
            await sqlite.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            await sqlite.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000:.0f}")

    @asynccontextmanager
    async def inline(self) -> AsyncIterator[Connection]:
        """SQLite only: a writing transaction on the loop itself, on a synchronous connection. Don't await in it.

        For the ledger's groups of rows: a third of the CPU of a trip to aiosqlite's thread. Another process
        may hold the database, and waiting for it must not stop the loop: so we ask again.
        """
        async with self.write_lock:
            if self._inline is None:
                self._inline = self._open_inline()
            give_up = asyncio.get_running_loop().time() + BUSY_SECONDS
            while True:
                try:
                    transaction = self._inline.begin()
                    break
                except OperationalError as error:
                    if "locked" not in str(error) or asyncio.get_running_loop().time() > give_up:
                        raise
                    await asyncio.sleep(0.005)
            with transaction:
                yield self._inline

    def _open_inline(self) -> Connection:
        engine = create_engine(self.url.set(drivername="sqlite+pysqlite"))
        prepare_sqlite(engine, busy_timeout=0)
        return engine.connect().execution_options(mailer_writes=True)

    async def close(self) -> None:
        if self._inline is not None:
            self._inline.close()
            self._inline.engine.dispose()
            self._inline = None
        await self.engine.dispose()


class _Inline:
    """A synchronous connection with as much of an AsyncConnection's face as queries need; it never waits."""

    def __init__(self, connection: Connection) -> None:
        self.dialect = connection.dialect
        self._connection = connection

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        return self._connection.execute(statement, parameters)


def prepare_sqlite(engine: Any, busy_timeout: float = BUSY_SECONDS) -> None:
    """WAL, foreign keys, and BEGIN IMMEDIATE for writers, so that two writers wait instead of failing.

    busy_timeout: seconds for which a statement waits for another process.
    """
    pragmas = ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON", "foreign_keys=ON")

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in (f"busy_timeout={int(busy_timeout * 1000)}", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("mailer_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

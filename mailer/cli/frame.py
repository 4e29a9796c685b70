"""What all commands share: settings and database at hand, one loop, and troubles said in one sentence."""

import asyncio
import gc
import os
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from asyncpg import InterfaceError, PostgresError
from dotenv.parser import parse_stream
from pydantic import ValidationError
from rich.console import Console
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from mailer.database import Database
from mailer.migrations import is_current, migrate
from mailer.settings import Settings

Result = TypeVar("Result")

screen = Console(highlight=False)
"""Where results go."""

errors = Console(highlight=False, stderr=True)
"""Where troubles go."""


def say(text: str) -> None:
    """A sentence, as it is: no markup, and lines are broken by the terminal only."""
    screen.print(text, markup=False, soft_wrap=True)


class Trouble(Exception):
    """Something is wrong that the person at the keyboard can mend. The message says what, and how.

    status: 2 where settings or arguments are wrong, 1 where the work failed.
    """

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


def read_settings() -> Settings:
    """The settings of this machine. Raises Trouble that names each wrong one."""
    try:
        check_env_file(Path(".env"))
        return Settings()  # type: ignore[call-arg]
    except ValidationError as error:
        lines = [f"MAILER_{'_'.join(map(str, e['loc'])).upper()}: {_plain(e['msg'])}" for e in error.errors()]
        raise Trouble("\n".join([*lines, "Every setting stands in docs/settings.md."]), 2) from None


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


def check_env_file(file: Path) -> None:
    """Raises Trouble with the line that can't be read; a file that isn't there is fine."""
    try:
        with file.open(encoding="utf-8") as stream:
            for binding in parse_stream(stream):
                if binding.error:
                    raise Trouble(
                        f".env, line {binding.original.line}: {binding.original.string.strip()[:40]!r} can't be read. "
                        "Write NAME=value, with quotes around a value that has spaces.",
                        2,
                    )
    except FileNotFoundError:
        return
    except UnicodeDecodeError:
        raise Trouble(f"{file.absolute()} is not UTF-8 text. Save it as UTF-8.", 2) from None
    except OSError as error:
        raise Trouble(f"{file.absolute()} can't be read: {error.strerror}.", 2) from None


@asynccontextmanager
async def open_database(settings: Settings, *, migrate_sqlite: bool = False) -> AsyncIterator[Database]:
    """The database, ready for use. Raises Trouble where it can't be reached or isn't migrated.

    migrate_sqlite: bring an SQLite file up to date at once; PostgreSQL waits for `mailer migrate`.
    """
    async with reach(settings) as database:
        with said_in_words(settings.database_url):
            if migrate_sqlite and database.is_sqlite:
                await migrate(database)
            elif not await is_current(database):
                raise Trouble("The database is not ready. Run `mailer migrate` first.")
        yield database


@asynccontextmanager
async def reach(settings: Settings) -> AsyncIterator[Database]:
    """The database as it is, closed at the end."""
    with said_in_words(settings.database_url):
        database = Database(settings.database_url)
        if database.is_sqlite:
            # First in this thread: aiosqlite's own would write a traceback to the screen when it fails.
            with closing(sqlite3.connect(database.url.database or "")) as probe:
                probe.execute("PRAGMA schema_version")
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def said_in_words(url: str) -> Iterator[None]:
    """Turns the many errors of a database that can't be reached into one Trouble."""
    try:
        yield
    except (OSError, sqlite3.Error, SQLAlchemyError, PostgresError, InterfaceError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise Trouble(
            f"The database {make_url(url).render_as_string()} can't be used: {reason}\n"
            "Is the server running, and is MAILER_DATABASE_URL right?"
        ) from None


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command's work on the fastest loop that is here."""
    gc.freeze()  # what is loaded stays; to look through it for garbage again and again took a sixth of the CPU of sending
    if os.name != "nt":
        import uvloop

        return uvloop.run(work)
    return asyncio.run(work)

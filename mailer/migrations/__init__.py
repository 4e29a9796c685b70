"""The steps that bring a database to today's tables, and the two questions about them.

`migrate` is safe to repeat and safe to start twice at once; `is_current` says whether it is needed.
Make a new step with `make migration m="what changes"`.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from mailer import choices
from mailer.database import Database
from mailer.engine import Engine
from mailer.tables import guard_record

_LOCK = 0x6D61696C
"""Number of the advisory lock under which PostgreSQL is migrated."""


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's settings, without a file: where the steps are, and the connection to use."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


async def migrate(database: Database) -> bool:
    """Make or renew all tables, the queue's too, and fill in the default choices; True if anything changed."""
    async with database.transaction() as db:
        if not database.is_sqlite:
            await db.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        current = await db.run_sync(_is_current)
        if not current:
            await db.run_sync(lambda connection: command.upgrade(configuration(connection), "head"))
            await db.run_sync(lambda connection: guard_record(None, connection))
        await choices.load_defaults(db)
        await Engine.beside(database).install()  # while the lock keeps others out
    return not current


async def is_current(database: Database) -> bool:
    """Whether the tables are those that this version expects."""
    async with database.reading() as db:
        return await db.run_sync(_is_current)


def _is_current(connection: Connection) -> bool:
    newest = ScriptDirectory.from_config(configuration()).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == newest

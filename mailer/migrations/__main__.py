"""`python -m mailer.migrations MESSAGE` writes the step from the newest tables of the steps to those of tables.py."""

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from mailer.database import Database
from mailer.migrations import configuration


def write(connection: Connection, message: str) -> None:
    config = configuration(connection)
    number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
    if number > 1:
        command.upgrade(config, "head")
    command.revision(config, message=message, autogenerate=True, rev_id=f"{number:04d}")


async def main(message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'empty.db'}")
        async with database.transaction() as db:
            await db.run_sync(write, message)
        await database.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('Say what changes: make migration m="Readers have a name"')
    asyncio.run(main(sys.argv[1]))

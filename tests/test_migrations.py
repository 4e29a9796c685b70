"""A migrated database has exactly the tables of tables.py, on both dialects."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, select

from mailer import choices
from mailer.database import Database
from mailer.migrations import is_current, migrate
from mailer.tables import metadata, region


@pytest.fixture
async def empty(empty_url: str, anyio_backend: str) -> AsyncIterator[Database]:
    database = Database(empty_url)
    yield database
    await database.close()


async def test_the_steps_lead_to_the_tables_of_today(empty: Database) -> None:
    def difference(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: kind != "table" or not name.startswith("pgqueuer")},
        )
        return list(compare_metadata(context, metadata))

    assert await migrate(empty)
    async with empty.reading() as db:
        assert await db.run_sync(difference) == [], 'tables.py has changed: run `make migration m="…"`'


async def test_migrating_again_changes_nothing(empty: Database) -> None:
    assert not await is_current(empty)
    assert await migrate(empty)
    assert await is_current(empty)
    assert not await migrate(empty)


async def test_two_that_migrate_at_once_do_not_trip_over_each_other(empty: Database, empty_url: str) -> None:
    other = Database(empty_url)
    assert sorted(await asyncio.gather(migrate(empty), migrate(other))) == [False, True]
    await other.close()


async def test_a_new_database_offers_the_default_choices_and_keeps_what_the_operator_loaded(
    empty: Database,
) -> None:
    await migrate(empty)
    async with empty.transaction() as db:
        assert len((await choices.read(db)).regions) == 7
        await db.execute(region.update().values(label="Ours"))
    await migrate(empty)
    async with empty.reading() as db:
        assert set((await db.execute(select(region.c.label))).scalars()) == {"Ours"}

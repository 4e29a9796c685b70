"""The database serves both dialects alike."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text

from mailer import choices
from mailer.database import VANISHED, Database, DatabaseUrlError, async_url
from mailer.tables import arrival_counter, region


async def test_a_fresh_database_offers_the_default_regions(database: Database) -> None:
    async with database.reading() as db:
        offered = await choices.read(db)
    assert [r.label for r in offered.regions][3] == "LAC"
    assert offered.meaning(" eastern  EUROPE ").region_id == offered.meaning("EECA").region_id != None  # noqa: E711


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError, match="stop"):
        async with database.transaction() as db:
            await db.execute(insert(arrival_counter).values(id=1, value=7))
            raise RuntimeError("stop")
    async with database.reading() as db:
        assert (await db.execute(select(func.count()).select_from(arrival_counter))).scalar_one() == 0


async def test_writers_wait_for_each_other(database: Database) -> None:
    async with database.transaction() as db:
        await db.execute(insert(arrival_counter).values(id=1, value=0))

    async def add_one() -> None:
        async with database.transaction() as db:
            row = (await db.execute(select(arrival_counter.c.value).with_for_update())).scalar_one()
            await asyncio.sleep(0)
            await db.execute(arrival_counter.update().values(value=row + 1))

    await asyncio.gather(*(add_one() for _ in range(20)))
    async with database.reading() as db:
        assert (await db.execute(select(arrival_counter.c.value))).scalar_one() == 20


async def test_loading_a_file_twice_changes_nothing(database: Database) -> None:
    async with database.transaction() as db:
        before = await choices.read(db)
        await choices.load(db, _defaults())
        assert await choices.read(db) == before


async def test_a_region_that_is_left_out_is_retired_and_keeps_its_name(database: Database) -> None:
    file = _defaults()
    start = file.index('[[regions]]\ncode = "africa"')
    without = file[:start] + file[file.index("[[regions]]", start + 1) :]
    async with database.transaction() as db:
        await choices.load(db, without)
        offered = await choices.read(db)
        assert offered.region("africa") is None
        assert "africa" in {r.code for r in offered.all_regions.values()}
        assert (await db.execute(select(func.count()).select_from(region))).scalar_one() == 7


def _defaults() -> str:
    from mailer.tools.templates import templates_folder

    return (templates_folder() / "choices.toml").read_text("utf-8")


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite://", "sqlite:///:memory:"])
def test_a_wrong_database_address_says_what_to_write(url: str) -> None:
    with pytest.raises(DatabaseUrlError, match="MAILER_DATABASE_URL"):
        async_url(url)


async def test_scrubbing_never_waits_long_for_a_reader(database: Database) -> None:
    """Then the log is left to the next time, and writers go on."""
    async with asyncio.timeout(8), database.reading() as reader:
        await reader.execute(select(region))
        async with database.transaction() as db:
            await db.execute(region.update().values(label="X"))
        await database.scrub()
    await database.scrub()
    if database.is_sqlite:
        assert Path(f"{database.url.database}-wal").stat().st_size == 0


async def test_postgresql_is_asked_to_notice_a_machine_that_vanished(database: Database) -> None:
    if database.is_sqlite:
        return
    # Over a Unix socket, as here, the values themselves read 0; where they come from is told all the same.
    asked = text("SELECT name FROM pg_settings WHERE source = 'client' AND name = ANY(:names)")
    async with database.reading() as db:
        found = (await db.execute(asked, {"names": list(VANISHED)})).scalars().all()
    assert sorted(found) == sorted(VANISHED)

"""A restored database is noticed; everything ordinary is not."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select, update

from mailer.database import Database
from mailer.delivery import CannotSend, Sender, accept_restored
from mailer.tables import epoch, ledger
from tests.conftest import FrozenClock, make_settings
from tests.delivery.sink import Sink
from tests.delivery.test_sender import fill


def sender(database: Database, clock: FrozenClock, sink: Sink, folder: Path) -> Sender:
    return Sender(make_settings(relays=sink.url, data_dir=folder), database, clock)


async def test_a_restored_database_sends_nothing_until_a_person_accepts_it(
    database: Database, clock: FrozenClock, tmp_path: Path
) -> None:
    await fill(database, 50)
    async with database.reading() as db:
        before = (await db.execute(select(epoch.c.value))).scalar_one_or_none() or 1
    async with Sink() as sink:
        async with sender(database, clock, sink, tmp_path) as sending:
            await sending.work_off()
        async with database.transaction() as db:  # what a backup from before the run would bring back
            await db.execute(update(ledger).values(status="due", attempts=0, worker_id=None, done_at=None))
            await db.execute(update(epoch).values(value=before))
        sink.taken.clear()
        with pytest.raises(CannotSend, match="accept-restored"):
            async with sender(database, clock, sink, tmp_path):
                pass
        assert not sink.taken
        async with database.transaction() as db:
            await accept_restored(db, tmp_path)
        async with sender(database, clock, sink, tmp_path) as sending:
            assert (await sending.work_off()).accepted == 50


async def test_a_database_restored_under_a_running_worker_stops_it(
    database: Database, clock: FrozenClock, tmp_path: Path
) -> None:
    async with Sink() as sink, sender(database, clock, sink, tmp_path) as sending:
        await fill(database, 50)
        await sending.work_off()
        async with database.transaction() as db:
            await db.execute(update(ledger).values(status="due", worker_id=None, done_at=None))
            await db.execute(update(epoch).values(value=0))
        sink.taken.clear()
        with pytest.raises(CannotSend, match="accept-restored"):
            await sending.work_off()
        assert not sink.taken


async def test_a_redeploy_a_lost_file_and_another_database_trip_nothing(
    database: Database, clock: FrozenClock, tmp_path: Path
) -> None:
    await fill(database, 50)
    async with Sink() as sink:
        for _ in range(2):
            async with sender(database, clock, sink, tmp_path) as sending:
                await sending.work_off()
        (tmp_path / "mailer.epoch").unlink()
        async with sender(database, clock, sink, tmp_path):
            pass
        (tmp_path / "mailer.epoch").write_text("another 999\n")
        async with sender(database, clock, sink, tmp_path):
            pass


async def test_a_real_copy_of_an_older_file_is_noticed(
    sqlite_template: Path, clock: FrozenClock, tmp_path: Path
) -> None:
    file = tmp_path / "mailer.db"
    shutil.copy(sqlite_template, file)
    database = Database(f"sqlite:///{file}")
    await fill(database, 50)
    async with Sink() as sink:
        async with sender(database, clock, sink, tmp_path):  # names the database
            pass
        with closing(sqlite3.connect(file)) as db:
            db.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
        async with sender(database, clock, sink, tmp_path) as sending:
            await sending.work_off()
        await database.close()
        restored = Database(f"sqlite:///{tmp_path}/backup.db")
        with pytest.raises(CannotSend, match="restored"):
            async with sender(restored, clock, sink, tmp_path):
                pass
        await restored.close()
        assert set(sink.taken.values()) == {1}

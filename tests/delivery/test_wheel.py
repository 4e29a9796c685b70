"""What the sender does when the ground moves: a full disk, a lost lease, relays that hang up or hang."""

import asyncio
import shutil
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import create_async_engine

from mailer.database import Database
from mailer.delivery import CannotSend, Counts, Sender, progress
from mailer.delivery.watchdog import Timeouts, Watchdog
from mailer.tables import ledger, worker
from tests.conftest import FrozenClock, make_settings
from tests.delivery.sink import Sink
from tests.delivery.test_sender import fill, sender


async def test_a_full_disk_stops_sending_with_words_and_harms_no_row(
    sqlite_template: Path, clock: FrozenClock, tmp_path: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "mailer.db")
    database = Database(f"sqlite:///{tmp_path / 'mailer.db'}")
    mailing = await fill(database, 5000, batch_size=1000)
    async with database.inline() as inline:
        pages = inline.exec_driver_sql("PRAGMA page_count").scalar_one()
        inline.exec_driver_sql(f"PRAGMA max_page_count={pages + 5}")
    async with Sink() as sink:
        sink.answer = b"250 2.0.0 " + b"queued " * 60 + b"\r\n"
        with pytest.raises(CannotSend, match="full"):
            async with sender(database, clock, sink) as sending:
                await sending.work_off(mailing)
    async with database.inline() as inline:
        inline.exec_driver_sql("PRAGMA max_page_count=1073741823")
    async with database.reading() as db:
        counts = await progress(db, mailing)
    assert counts.total == 5000
    assert counts.accepted <= sink.taken.total() <= counts.accepted + counts.handed
    await database.close()


async def test_a_worker_that_lost_its_lease_begins_anew_and_the_run_ends(
    database: Database, clock: FrozenClock
) -> None:
    mailing = await fill(database, 5000, batch_size=1000)
    async with Sink() as sink, sender(database, clock, sink) as sending:
        run = asyncio.create_task(sending.work_off(mailing))
        while sink.taken.total() < 100:
            await asyncio.sleep(0.005)
        async with database.transaction() as db:  # as another worker does that finds the lease over
            await db.execute(delete(worker))
            held = ledger.update().where(ledger.c.status == "handed").values(status="due")
            in_doubt = (await db.execute(held)).rowcount
        assert (await run).accepted == 5000
    assert len(sink.taken) == 5000
    assert sink.taken.total() - 5000 <= in_doubt


async def test_a_relay_that_hangs_up_without_a_word_is_only_connected_to_again(
    database: Database, clock: FrozenClock
) -> None:
    mailing = await fill(database, 300)
    async with Sink() as sink:
        sink.letters_a_connection = 20
        async with sender(database, clock, sink) as sending:
            counts = await sending.work_off(mailing)
    assert counts == Counts(accepted=300)  # S09: its close is no error of the next letter
    assert set(sink.taken.values()) == {1}


async def test_a_relay_that_breaks_on_one_letter_does_not_get_it_for_ever(
    database: Database, clock: FrozenClock
) -> None:
    mailing = await fill(database, 20)
    async with Sink() as sink:
        sink.hangs_up_on = "reader7@example.org"
        async with sender(database, clock, sink) as sending:
            counts = await sending.work_off(mailing)
        async with database.reading() as db:
            rows = await db.execute(select(ledger).where(ledger.c.status == "deferred"))
            (row,) = rows.all()
    assert (counts.accepted, counts.deferred) == (19, 1)
    assert row.address == "reader7@example.org"
    assert row.attempts == 3


async def test_a_relay_that_never_answers_is_given_up_in_time(database: Database, clock: FrozenClock) -> None:
    mailing = await fill(database, 3)
    async with Sink() as sink:
        sink.silent = True
        watchdog = Watchdog(Timeouts(greeting=0.2), tick=0.05)
        settings = make_settings(relays=sink.url)
        async with Sender(settings, database, clock, watchdog) as sending:
            with pytest.raises(CannotSend, match="sink"):
                await sending.work_off(mailing)
    async with database.reading() as db:
        assert (await progress(db, mailing)).due == 3


async def test_a_clock_that_is_set_back_or_ahead_ends_no_lease(
    database: Database, clock: FrozenClock
) -> None:
    mailing = await fill(database, 3000, batch_size=1000)
    async with Sink() as sink, sender(database, clock, sink) as sending:
        run = asyncio.create_task(sending.work_off(mailing))
        for hours in (30, -29):
            while sink.taken.total() < 50:
                await asyncio.sleep(0.005)
            clock.move(hours=hours)
        assert (await run).accepted == 3000
    assert set(sink.taken.values()) == {1}


async def test_letters_without_a_readable_edition_are_rejected_alone(
    database: Database, clock: FrozenClock
) -> None:
    mailing = await fill(database, 5)
    async with database.transaction() as db:
        await db.execute(update(ledger).where(ledger.c.id == 2).values(address="x" * 60 + "@" + "y" * 190))
    async with Sink() as sink, sender(database, clock, sink) as sending:
        counts = await sending.work_off(mailing)
    assert counts.accepted + counts.rejected == 5


async def test_a_cancelled_sender_writes_down_what_it_knows(database: Database, clock: FrozenClock) -> None:
    mailing = await fill(database, 20_000, batch_size=1000)
    async with Sink() as sink:

        async def run() -> None:
            async with sender(database, clock, sink) as sending:
                await sending.work_off(mailing)

        running = asyncio.create_task(run())
        while sink.taken.total() < 200:
            await asyncio.sleep(0.005)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        async with database.reading() as db:
            counts = await progress(db, mailing)
    assert counts.handed == 0
    assert counts.accepted == sink.taken.total()
    assert counts.accepted + counts.due == 20_000


async def test_letters_of_a_claim_whose_answer_was_lost_are_due_and_not_unknown(
    database: Database, clock: FrozenClock
) -> None:
    mailing = await fill(database, 100)
    async with Sink() as sink, sender(database, clock, sink, unknown_policy="leave") as sending:
        async with database.transaction() as db:  # the claim was committed, and then the database went away
            mine = (await db.execute(select(worker.c.id))).scalar_one()
            ours = ledger.update().where(ledger.c.id <= 10)
            await db.execute(ours.values(status="handed", worker_id=mine, attempts=1))
        sending._wheel._stock.drop()
        assert (await sending.work_off(mailing)).accepted == 100
    assert set(sink.taken.values()) == {1}


async def test_it_stops_though_the_database_is_gone(database_url: str, clock: FrozenClock) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("an SQLite file does not go away")
    database = Database(database_url)
    mailing = await fill(database, 5000, batch_size=1000)
    async with Sink() as sink, Sender(make_settings(relays=sink.url), database, clock, grace=0.2) as sending:
        run = asyncio.create_task(sending.work_off(mailing))
        while sink.taken.total() < 100:
            await asyncio.sleep(0.005)
        await database.close()
        database.engine = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/gone")
        sending.request_stop()
        with pytest.raises(CannotSend, match="out of reach"):
            await run
    assert sink.taken.total() < 5000
    await database.close()

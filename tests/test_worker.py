"""What the background work does by the clock."""

import asyncio

import pytest
from sqlalchemy import insert, select

from mailer.database import Database
from mailer.delivery import Sender, Withheld
from mailer.engine import Engine
from mailer.settings import Settings
from mailer.subscribers import Status, store, verify
from mailer.subscribers.consent import Act
from mailer.tables import epoch, subscriber
from mailer.worker import Worker
from tests.conftest import FrozenClock
from tests.subscribers.people import meet


def make_worker(settings: Settings, database: Database, clock: FrozenClock) -> Worker:
    return Worker(settings, database, Engine.beside(database), clock)


async def test_it_seals_a_flood_of_requests_group_by_group(
    settings: Settings, database: Database, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        person = await meet(db, "alice@example.org", clock())
        for _ in range(600):
            await store.add_consent(db, person.id, Act.ASKED, "reader", clock())
    await make_worker(settings, database, clock).seal()
    verdict = await verify(database)
    assert (verdict.seals, verdict.waiting, verdict.faults) == (600, 0, [])


async def test_it_lets_imported_people_in_when_their_turn_has_come_and_forgets_who_never_confirmed(
    settings: Settings, database: Database, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        await meet(db, "never@example.org", clock())
        held = {"address": "a@example.org", "address_key": "a@example.org", "status": Status.HELD}
        times = {"created_at": clock(), "confirmed_at": clock(), "mail_from": clock()}
        await db.execute(insert(subscriber).values(**held, **times))
    clock.move(days=15)
    worker = make_worker(settings, database, clock)
    await worker.release()
    await worker.sweep()
    async with database.reading() as db:
        rows = (await db.execute(select(subscriber.c.address, subscriber.c.status))).all()
    assert [tuple(row) for row in rows] == [("a@example.org", Status.CONFIRMED)]


async def test_it_starts_with_every_timer_and_stops_when_told(
    settings: Settings, database: Database, clock: FrozenClock
) -> None:
    if not database.is_sqlite:
        await Engine.beside(database).install()
    stop = asyncio.Event()
    running = asyncio.create_task(make_worker(settings, database, clock).run(stop))
    stop.set()
    async with asyncio.timeout(20):
        await running


async def test_over_a_restored_database_it_sends_nothing_and_goes_on_with_the_rest(
    settings: Settings, database: Database, clock: FrozenClock
) -> None:
    if not database.is_sqlite:
        await Engine.beside(database).install()
    with_relay = settings.model_copy(update={"relays": "smtp://127.0.0.1:1"})
    async with Sender(with_relay, database, clock):
        pass
    async with database.reading() as db:
        name = (await db.execute(select(epoch.c.name))).scalar_one()
    (settings.data_dir / "mailer.epoch").write_text(f"{name} 1000\n")
    with pytest.raises(Withheld):
        async with Sender(with_relay, database, clock):
            pass
    stop = asyncio.Event()
    running = asyncio.create_task(make_worker(with_relay, database, clock).run(stop))
    stop.set()
    async with asyncio.timeout(20):
        await running

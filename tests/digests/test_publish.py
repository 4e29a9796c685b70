"""Planning on both databases: who gets a letter, what stands in it, and that nobody gets two."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.database import Database
from mailer.delivery import MailingState, set_mailing_state
from mailer.digests import Published, publish, store
from mailer.settings import Settings
from mailer.subscribers.store import accept
from mailer.tables import digest, digest_edition, edition, ledger, mailing, mark, schedule, subscriber
from tests.conftest import FrozenClock
from tests.digests.cast import add_item, add_reader, letters, translate


class Belt:
    """Takes batch numbers where the engine would."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    async def __call__(self, batches: Sequence[int]) -> None:
        self.batches += batches


@pytest.fixture
def belt() -> Belt:
    return Belt()


async def run(
    database: Database, settings: Settings, clock: FrozenClock, frequency: str = "weekly", range_size: int = 3
) -> Published:
    (published,) = await publish(
        database, settings, clock(), Belt(), frequency=frequency, range_size=range_size
    )
    return published


async def all_letters(database: Database, recipient: int | None = None) -> list[tuple[int, str, str]]:
    async with database.reading() as db:
        return await letters(db, recipient)


async def settle(database: Database, status: str = "accepted") -> None:
    async with database.transaction() as db:
        await db.execute(update(ledger).where(ledger.c.status == "due").values(status=status))


async def test_each_reader_gets_the_news_of_their_choice(
    database: Database, settings: Settings, clock: FrozenClock, belt: Belt
) -> None:
    async with database.transaction() as db:
        await add_item(db, "Harvest", "africa")
        await add_item(db, "Islands", "pacific", kind_code="events")
        await add_item(db, "Everywhere")
        alice = await add_reader(db, "alice", "africa")
        bob = await add_reader(db, "bob", "africa", "pacific", kinds=["events"])
        everybody = await add_reader(db, "everybody")
        await add_reader(db, "pending", "africa", status="pending")
        await add_reader(db, "gone", "africa", status="unsubscribed")
    published = await publish(database, settings, clock(), belt)
    assert [(p.period.name, p.considered, p.letters) for p in published] == [
        ("2026-W48", 3, 3),
        ("2026-11", 0, 0),
    ]
    assert await all_letters(database) == [
        (alice, "due", "Everywhere and 1 more"),
        (bob, "due", "Islands"),
        (everybody, "due", "Everywhere and 2 more"),
    ]
    assert belt.batches == published[0].batches
    async with database.reading() as db:
        rows = (await db.execute(select(ledger.c.low, ledger.c.address, mailing.c.name).join(mailing))).all()
    assert {tuple(row) for row in rows} == {
        (0, f"{name}@example.com", "weekly 2026-W48") for name in ("alice", "bob", "everybody")
    }


async def test_a_second_run_finds_nothing_to_do(
    database: Database, settings: Settings, clock: FrozenClock, belt: Belt
) -> None:
    async with database.transaction() as db:
        await add_item(db, "Harvest", "africa")
        await add_reader(db, "alice")
    await run(database, settings, clock)
    async with database.transaction() as db:
        await add_item(db, "Too late for this one", "africa")
    assert await publish(database, settings, clock(), belt, frequency="weekly") == []
    assert len(await all_letters(database)) == 1


async def test_the_next_run_brings_only_what_has_arrived_since(
    database: Database, settings: Settings, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        await add_item(db, "First", "africa")
        alice = await add_reader(db, "alice", "africa")
    await run(database, settings, clock)
    await settle(database)
    async with database.transaction() as db:
        await add_item(db, "Second", "africa")
    clock.move(days=7)
    await run(database, settings, clock)
    assert [subject for _, _, subject in await all_letters(database, alice)] == ["First", "Second"]


async def test_nobody_gets_an_empty_digest_but_everybody_considered_moves_on(
    database: Database, settings: Settings, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        await add_item(db, "Harvest", "africa")
        bob = await add_reader(db, "bob", "asia")
    published = await run(database, settings, clock)
    assert (published.considered, published.letters, await all_letters(database)) == (1, 0, [])
    async with database.reading() as db:
        assert await store.mark_of(db, bob) == 1


async def test_a_new_reader_begins_where_the_last_run_of_their_frequency_ended(
    database: Database, settings: Settings, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        await add_item(db, "Old", "africa")
        await add_reader(db, "alice")
    await run(database, settings, clock)
    async with database.transaction() as db:
        await add_item(db, "New", "africa")
        bob = await add_reader(db, "bob")
    clock.move(days=7)
    await run(database, settings, clock)
    assert [subject for _, _, subject in await all_letters(database, bob)] == ["New"]


async def test_who_left_and_came_back_is_not_sent_all_that_they_missed(
    database: Database, settings: Settings, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        await add_item(db, "First", "africa")
        bob = await add_reader(db, "bob")
        await add_reader(db, "alice")
    await run(database, settings, clock)
    await settle(database)
    async with database.transaction() as db:
        await db.execute(update(subscriber).where(subscriber.c.id == bob).values(status="unsubscribed"))
        await add_item(db, "Missed", "africa")
    clock.move(days=7)
    await run(database, settings, clock)
    clock.move(days=1)
    async with database.transaction() as db:
        await accept(db, bob, await audience_number(db, bob), clock())
        await add_item(db, "New", "africa")
    clock.move(days=6)
    await run(database, settings, clock)
    assert [subject for _, _, subject in await all_letters(database, bob)] == ["First", "New"]


async def audience_number(db: AsyncConnection, recipient: int) -> int:
    query = select(subscriber.c.audience_id).where(subscriber.c.id == recipient)
    return int((await db.execute(query)).scalar_one())


async def test_an_open_letter_is_replaced_by_one_that_holds_its_news_too(
    database: Database, settings: Settings, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        await add_item(db, "First", "africa")
        alice = await add_reader(db, "alice", "africa")
    first = await run(database, settings, clock)
    async with database.transaction() as db:
        await set_mailing_state(db, first.mailing_id, MailingState.CANCELLED)
        await add_item(db, "Second", "africa")
    clock.move(days=7)
    await run(database, settings, clock)
    assert await all_letters(database, alice) == [
        (alice, "skipped", "First"),
        (alice, "due", "Second and 1 more"),
    ]


async def test_a_reader_whose_letter_is_in_a_workers_hands_waits_for_the_next_run(
    database: Database, settings: Settings, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        await add_item(db, "First", "africa")
        alice = await add_reader(db, "alice", "africa")
    await run(database, settings, clock)
    await settle(database, "handed")
    async with database.transaction() as db:
        await add_item(db, "Second", "africa")
    clock.move(days=7)
    assert (await run(database, settings, clock)).considered == 0
    async with database.transaction() as db:
        await db.execute(update(ledger).values(status="accepted"))
    clock.move(days=7)
    await run(database, settings, clock)
    assert [subject for _, _, subject in await all_letters(database, alice)] == ["First", "Second"]


async def test_a_late_translation_is_no_news_to_those_who_had_the_item(
    database: Database, settings: Settings, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        number = await add_item(db, "Harvest", "africa")
        both = await add_reader(db, "both", languages=["fr", "en"])
        french = await add_reader(db, "french", languages=["fr"])
    await run(database, settings, clock)
    await settle(database)
    async with database.transaction() as db:
        await translate(db, number, "fr", "Récolte")
    clock.move(days=7)
    await run(database, settings, clock)
    assert await all_letters(database) == [(both, "accepted", "Harvest"), (french, "due", "Récolte")]


async def test_an_interrupted_run_goes_on_where_it_stopped(
    database: Database, settings: Settings, clock: FrozenClock, belt: Belt
) -> None:
    async with database.transaction() as db:
        await add_item(db, "Harvest", "africa")
        people = [await add_reader(db, f"reader{number}") for number in range(10)]

    class Killed(Exception):
        pass

    async def die(batches: Sequence[int]) -> None:
        raise Killed

    with pytest.raises(Killed):
        await publish(database, settings, clock(), die, frequency="weekly", range_size=4)
    assert len(await all_letters(database)) == 4
    (rest,) = await publish(database, settings, clock(), belt, frequency="weekly", range_size=4)
    assert rest.considered == 6
    assert [recipient for recipient, _, _ in await all_letters(database)] == people
    async with database.reading() as db:
        row = (await db.execute(select(digest))).one()
        readers = (await db.execute(select(func.sum(digest_edition.c.readers)))).scalar_one()
    assert (row.considered, row.planned_at, readers) == (10, clock(), 10)


async def test_two_planners_at_once_write_one_letter_for_each_reader(
    database: Database, database_url: str, settings: Settings, clock: FrozenClock, belt: Belt
) -> None:
    async with database.transaction() as db:
        await add_item(db, "Harvest", "africa")
        await add_item(db, "Islands", "pacific")
        people = [
            await add_reader(db, f"reader{number}", ("africa", "pacific")[number % 2]) for number in range(40)
        ]
    other = Database(database_url)
    planners = [
        publish(which, settings, clock(), belt, frequency="weekly", range_size=3)
        for which in (database, other, database, other)
    ]
    published = [one for found in await asyncio.gather(*planners) for one in found]
    await other.close()
    assert sorted(recipient for recipient, _, _ in await all_letters(database)) == people
    assert sum(one.considered for one in published) == 40
    async with database.reading() as db:
        assert (await db.execute(select(func.count()).select_from(digest))).scalar_one() == 1
        assert (await db.execute(select(func.sum(digest_edition.c.readers)))).scalar_one() == 40
        assert (await db.execute(select(func.count()).select_from(mark))).scalar_one() == 40
        assert (await db.execute(select(func.count()).select_from(edition))).scalar_one() == 2


async def test_readers_with_the_same_choice_share_one_edition(
    database: Database, settings: Settings, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        await add_item(db, "Harvest", "africa")
        for number in range(7):
            await add_reader(db, f"reader{number}", "africa", "asia")
    published = await run(database, settings, clock)
    assert [count.readers for count in published.editions.values()] == [7]


async def test_a_change_of_frequency_brings_nothing_twice(
    database: Database, settings: Settings, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        await add_item(db, "Harvest", "africa")
        alice = await add_reader(db, "alice", "africa")
        twin = await add_reader(db, "twin", "africa", frequency="monthly")
    await run(database, settings, clock)
    async with database.transaction() as db:
        audience = (
            await db.execute(select(subscriber.c.audience_id).where(subscriber.c.id == twin))
        ).scalar_one()
        await db.execute(update(subscriber).where(subscriber.c.id == alice).values(audience_id=audience))
    await settle(database)
    monthly = await run(database, settings, clock, "monthly")
    assert (monthly.considered, monthly.letters) == (2, 1)
    assert [subject for _, _, subject in await all_letters(database, alice)] == ["Harvest"]


async def test_a_crash_inside_a_range_leaves_nothing_of_it(
    database: Database,
    settings: Settings,
    clock: FrozenClock,
    belt: Belt,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with database.transaction() as db:
        await add_item(db, "Harvest", "africa")
        people = [await add_reader(db, f"reader{number}") for number in range(5)]

    async def die(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(store, "move_marks", die)
        with pytest.raises(ConnectionError):
            await run(database, settings, clock)
    assert await all_letters(database) == []
    assert (await run(database, settings, clock)).considered == 5
    assert [recipient for recipient, _, _ in await all_letters(database)] == people


async def test_immediate_digests_go_when_something_has_arrived_and_only_then(
    database: Database, settings: Settings, clock: FrozenClock, belt: Belt
) -> None:
    async with database.transaction() as db:
        await db.execute(insert(schedule).values(frequency="immediate", position=0, hour=0))
        alice = await add_reader(db, "alice", frequency="immediate")
        await add_item(db, "First", "africa")
    for arriving in ("", "Second", ""):
        await publish(database, settings, clock(), belt, frequency="immediate")
        await settle(database)
        async with database.transaction() as db:
            if arriving:
                await add_item(db, arriving, "africa")
        clock.move(minutes=1)
    assert [subject for _, _, subject in await all_letters(database, alice)] == ["First", "Second"]
    async with database.reading() as db:
        assert (await db.execute(select(func.count()).select_from(digest))).scalar_one() == 2

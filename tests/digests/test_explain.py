"""Why an item goes to a reader or doesn't, when the next digest is due, and what a run would do."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select, update

from mailer import subscribers
from mailer.database import Database
from mailer.digests import Explanation, explain, publish, rehearse
from mailer.digests.choose import Reason
from mailer.settings import Settings
from mailer.tables import digest, edition, ledger, subscriber
from tests.conftest import FrozenClock
from tests.digests.cast import add_item, add_reader


async def no_engine(batches: Sequence[int]) -> None:
    """Batches wait in the tables."""


async def explained(
    database: Database, settings: Settings, clock: FrozenClock, reader: int
) -> tuple[Explanation, dict[str, Reason]]:
    async with database.reading() as db:
        query = select(subscriber.c.audience_id).where(subscriber.c.id == reader)
        audience = (await subscribers.audiences(db))[(await db.execute(query)).scalar_one()]
        found = await explain(db, settings, reader, audience, clock())
    return found, {item.texts["en"].title: reason for item, reason in found.items}


async def test_it_says_item_by_item_why_it_goes_or_does_not(
    database: Database, settings: Settings, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        await add_item(db, "Had", "africa")
        alice = await add_reader(db, "alice", "africa", kinds=["news"])
    await publish(database, settings, clock(), no_engine)
    async with database.transaction() as db:
        await db.execute(update(ledger).values(status="accepted"))
        await add_item(db, "New", "africa")
        await add_item(db, "Elsewhere", "asia")
        await add_item(db, "Meeting", "africa", kind_code="events")
    found, reasons = await explained(database, settings, clock, alice)
    assert reasons == {
        "Had": Reason.HAD,
        "New": Reason.GOES,
        "Elsewhere": Reason.OTHER_REGION,
        "Meeting": Reason.OTHER_KIND,
    }
    assert found.due is not None
    assert (found.due.name, found.due.due_at) == ("2026-W49", datetime(2026, 11, 30, 8, tzinfo=UTC))


async def test_before_its_run_the_due_digest_is_the_next_one(
    database: Database, settings: Settings, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        alice = await add_reader(db, "alice")
    found, _ = await explained(database, settings, clock, alice)
    assert found.due is not None
    assert found.due.name == "2026-W48"


async def test_news_of_an_open_letter_goes_again(
    database: Database, settings: Settings, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        await add_item(db, "Held up", "africa")
        alice = await add_reader(db, "alice")
    await publish(database, settings, clock(), no_engine)
    found, reasons = await explained(database, settings, clock, alice)
    assert (found.waits, reasons) == (False, {"Held up": Reason.GOES})
    async with database.transaction() as db:
        await db.execute(update(ledger).values(status="handed"))
    found, _ = await explained(database, settings, clock, alice)
    assert found.waits


async def test_a_rehearsal_says_what_the_run_then_does_and_writes_nothing(
    database: Database, settings: Settings, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        await add_item(db, "Harvest", "africa")
        await add_item(db, "Rain", "africa", "asia")
        for number in range(5):
            await add_reader(db, f"reader{number}", "africa")
        await add_reader(db, "asia", "asia")
        await add_reader(db, "nothing", "pacific")
    (found,) = await rehearse(database, settings, clock(), frequency="weekly")
    assert (found.period.name, found.considered, found.letters) == ("2026-W48", 7, 6)
    assert found.editions == (("Rain and 1 more", 2, 5), ("Rain", 1, 1))
    async with database.reading() as db:
        for table in (digest, edition, ledger):
            assert (await db.execute(select(func.count()).select_from(table))).scalar_one() == 0
    (done,) = await publish(database, settings, clock(), no_engine, frequency="weekly")
    assert sorted((e.made.subject, len(e.made.items), e.readers) for e in done.editions.values()) == sorted(
        found.editions
    )
    assert await rehearse(database, settings, clock(), frequency="weekly") == []

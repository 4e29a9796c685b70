"""How a run stands: what people see of it while it goes and afterwards."""

import asyncio

from mailer.database import Database
from mailer.delivery import Answers, Counts, standing, watch
from tests.conftest import FrozenClock
from tests.delivery.sink import Sink
from tests.delivery.test_sender import fill, sender


async def test_it_says_by_relay_and_cause_what_became_of_the_letters(
    database: Database, clock: FrozenClock
) -> None:
    mailing = await fill(database, 60)
    async with Sink() as sink:
        sink.refuse = {
            "reader1@example.org": b"550 5.1.1 no such user\r\n",
            "reader2@example.org": b"550 5.1.1 no such user\r\n",
            "reader3@example.org": b"450 4.2.1 mailbox busy\r\n",
        }
        async with sender(database, clock, sink) as sending:
            await sending.work_off(mailing)
    async with database.reading() as db:
        stands = await standing(db, mailing, clock())
    assert stands.counts == Counts(accepted=57, rejected=2, deferred=1)
    assert stands.answers == (
        Answers("sink", "accepted", 250, None, 57, "2.0.0 taken"),
        Answers("sink", "rejected", 550, "recipient", 2, "5.1.1 no such user"),
        Answers("sink", "deferred", 450, "recipient", 1, "4.2.1 mailbox busy"),
    )
    assert stands.rate == 59  # all in this second
    assert stands.seconds_left == 0


async def test_a_run_that_does_not_move_has_no_end_in_sight(database: Database, clock: FrozenClock) -> None:
    mailing = await fill(database, 5)
    async with database.reading() as db:
        stands = await standing(db, mailing, clock())
    assert (stands.counts.due, stands.rate, stands.seconds_left) == (5, 0, None)


async def test_it_can_be_watched_to_its_end(database: Database, clock: FrozenClock) -> None:
    mailing = await fill(database, 3000)
    seen: list[Counts] = []

    async def look() -> None:
        async for stands in watch(database, mailing, clock, every=0.01):
            seen.append(stands.counts)

    async with Sink() as sink, sender(database, clock, sink) as sending:
        watching = asyncio.create_task(look())
        await sending.work_off(mailing)
        await watching
    assert seen[-1] == Counts(accepted=3000)
    assert [counts.total for counts in seen] == [3000] * len(seen)
    accepted = [counts.accepted for counts in seen]
    assert accepted == sorted(accepted)

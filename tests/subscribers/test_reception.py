"""Sign-ups that come together are written together, and fare as if each had come alone."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from mailer import choices
from mailer.database import Database
from mailer.settings import Settings
from mailer.subscribers import signup
from mailer.subscribers.reception import Reception
from mailer.subscribers.wish import Wish
from mailer.tables import budget, consent, ledger, subscriber
from mailer.tools.address import parse
from tests.conftest import FrozenClock
from tests.subscribers.conftest import Visitor, path


class Desk:
    """A reception without pages before it, and who was woken."""

    def __init__(self, settings: Settings, database: Database, clock: FrozenClock) -> None:
        self.woken: list[int] = []
        self.database = database
        self._reception = Reception(settings, database, clock, self._wake)

    async def _wake(self, number: int) -> None:
        self.woken.append(number)

    async def ask(self, *regions: tuple[int, ...]) -> list[Any]:
        """So many visitors at once, each with these regions."""
        async with self.database.reading() as db:
            offered = await choices.read(db)
        wishes = [Wish(chosen, (), ("en",), "weekly") for chosen in regions]
        requests = [
            signup.Request(parse(f"r{n}@mail{n}.example"), wish, "en", "", None)
            for n, wish in enumerate(wishes)
        ]
        each = (self._reception.sign_up(offered, request) for request in requests)
        return await asyncio.gather(*each, return_exceptions=True)

    async def addresses(self) -> list[str]:
        async with self.database.reading() as db:
            return list((await db.execute(select(ledger.c.address).order_by(ledger.c.id))).scalars())


@pytest.fixture
def desk(settings: Settings, database: Database, clock: FrozenClock) -> Desk:
    return Desk(settings, database, clock)


async def test_those_who_come_together_are_written_together(desk: Desk) -> None:
    assert await desk.ask(*[()] * 10) == [None] * 10
    assert len(await desk.addresses()) == 10
    assert len(desk.woken) == 1


async def test_each_link_confirms_the_one_who_got_it(visitor: Visitor) -> None:
    names = [f"r{n}@mail{n}.example" for n in range(12)]
    await asyncio.gather(
        *(visitor.sign_up(name, region=["lac"] if n % 2 else []) for n, name in enumerate(names))
    )
    for name in (names[3], names[10]):
        await visitor.join(name)
    rows = await visitor.rows(select(subscriber.c.address).where(subscriber.c.status == "confirmed"))
    assert {row["address"] for row in rows} == {names[3], names[10]}


async def test_one_address_many_times_at_once_gets_one_letter(visitor: Visitor) -> None:
    answers = await asyncio.gather(*(visitor.sign_up("Alice@example.org") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await visitor.letters()) == 1
    assert await visitor.count(consent) == 1


async def test_a_budget_that_is_too_small_for_all_serves_those_who_came_first(visitor: Visitor) -> None:
    limit = visitor.settings.signups_per_network
    await asyncio.gather(*(visitor.sign_up(f"v{n}@mail{n}.example") for n in range(limit + 9)))
    assert len(await visitor.letters()) == limit
    spent = select(budget.c.used).where(budget.c.key.startswith("network:"))
    assert [row["used"] for row in await visitor.rows(spent)] == [limit]
    total = select(func.sum(budget.c.used).label("n")).where(budget.c.key == "total")
    assert (await visitor.rows(total))[0]["n"] == limit


async def test_who_said_that_it_was_not_them_is_left_out_of_a_group(visitor: Visitor) -> None:
    await visitor.sign_up("victim@example.org")
    letter = (await visitor.letters("victim@example.org"))[0]
    await visitor.post(path(visitor.links.refuse(letter["reference"])))
    visitor.clock.move(days=2)
    others = ["a@mail1.example", "victim@example.org", "b@mail2.example"]
    await asyncio.gather(*map(visitor.sign_up, others))
    assert [row["address"] for row in await visitor.letters()][1:] == ["a@mail1.example", "b@mail2.example"]


async def test_nobody_fails_because_of_somebody_else(desk: Desk) -> None:
    """One of three chose a region that isn't there any more."""
    ends = await desk.ask((), (987654,), ())
    assert [end is None for end in ends] == [True, False, True]
    assert await desk.addresses() == ["r0@mail0.example", "r2@mail2.example"]
    assert len(desk.woken) == 2

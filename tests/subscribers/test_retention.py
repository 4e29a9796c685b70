"""What is forgotten, and when."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from mailer.personal import ROOMS
from mailer.subscribers import Swept, store, sweep, unsubscribe
from mailer.subscribers.proof import verify
from mailer.subscribers.retention import limits
from mailer.subscribers.status import Status
from mailer.tables import budget, consent, ledger, signup, subscriber, suppression
from tests.conftest import NOW, make_settings
from tests.subscribers.conftest import Visitor, hidden_fields


async def swept(visitor: Visitor) -> Swept:
    return await sweep(visitor.database, visitor.settings, ROOMS, visitor.clock())


def test_each_time_can_be_set() -> None:
    settings = make_settings(
        keep_unconfirmed_days=1, keep_held_days=2, keep_letters_days=3, keep_proof_days=4
    )
    set_ = limits(settings, NOW)
    ages = [NOW - at for at in (set_.never_confirmed, set_.held, set_.letters, set_.proof)]
    assert ages == [timedelta(days=days) for days in (1, 2, 3, 4)]


async def test_who_never_confirmed_is_forgotten_after_two_weeks(visitor: Visitor) -> None:
    await visitor.sign_up("bob@example.org")
    visitor.clock.move(days=13, hours=23)
    assert (await swept(visitor)).never_confirmed == 0
    visitor.clock.move(hours=2)
    assert (await swept(visitor)).never_confirmed == 1
    for table in (subscriber, signup, consent):
        assert await visitor.count(table) == 0
    assert [letter["address"] for letter in await visitor.letters()] == [""]
    assert (await verify(visitor.database)).faults == []


async def test_who_asked_again_is_kept_until_that_is_old_too(visitor: Visitor) -> None:
    await visitor.sign_up("bob@example.org")
    visitor.clock.move(days=13)
    await visitor.sign_up("bob@example.org")
    visitor.clock.move(days=2)
    assert (await swept(visitor)).never_confirmed == 0


async def test_readers_are_kept(visitor: Visitor) -> None:
    await visitor.join()
    visitor.clock.move(days=5000)
    await swept(visitor)
    assert (await visitor.person())["status"] == Status.CONFIRMED
    assert await visitor.acts() == ["asked", "confirmed"]


async def test_a_refusal_is_remembered_longer_than_the_address(visitor: Visitor) -> None:
    await visitor.sign_up("bob@example.org")
    link = (await visitor.confirm_link("bob@example.org")).replace("confirm", "refuse")
    number = (await visitor.letters())[-1]["reference"]
    link = visitor.links.refuse(number).removeprefix("https://news.example.org")
    await visitor.post(link, data=hidden_fields((await visitor.get(link)).text))
    visitor.clock.move(days=40)
    await swept(visitor)
    assert await visitor.count(subscriber) == 0
    await visitor.sign_up("bob@example.org")
    assert await visitor.letters("bob@example.org") == []


async def test_proof_is_kept_for_three_years_after_they_left_and_then_they_stay_out_of_imports(
    visitor: Visitor,
) -> None:
    number = await visitor.join()
    async with visitor.database.transaction() as db:
        await unsubscribe(db, number, visitor.clock())
    visitor.clock.move(days=1094)
    assert (await swept(visitor)).left == 0
    assert await visitor.acts() == ["asked", "confirmed", "unsubscribed"]
    visitor.clock.move(days=2)
    assert (await swept(visitor)).left == 1
    assert await visitor.acts() == []
    assert [row["reason"] for row in await visitor.rows(select(suppression))] == ["expired"]
    assert (await verify(visitor.database)).faults == []


async def test_a_former_reader_who_asks_again_is_not_forgotten_meanwhile(visitor: Visitor) -> None:
    number = await visitor.join()
    async with visitor.database.transaction() as db:
        await unsubscribe(db, number, visitor.clock())
    visitor.clock.move(days=1100)
    await visitor.sign_up()
    assert (await swept(visitor)).left == 0


async def test_addresses_in_the_ledger_are_blanked_after_three_months(visitor: Visitor) -> None:
    await visitor.join()
    async with visitor.database.transaction() as db:
        done = {"status": "rejected", "done_at": visitor.clock(), "reply": "550 <alice@example.org> unknown"}
        await db.execute(update(ledger).values(**done))
    visitor.clock.move(days=89)
    assert (await swept(visitor)).letters == 0
    visitor.clock.move(days=2)
    assert (await swept(visitor)).letters == 1
    [letter] = await visitor.letters()
    assert (letter["address"], letter["reply"], letter["status"]) == ("", None, "rejected")
    assert (await swept(visitor)).letters == 0


async def test_letters_that_still_wait_keep_their_address(visitor: Visitor) -> None:
    await visitor.join()
    visitor.clock.move(days=200)
    assert (await swept(visitor)).letters == 0


async def test_what_a_relay_said_after_an_erasure_goes_too(visitor: Visitor) -> None:
    await visitor.join()
    async with visitor.database.transaction() as db:
        await db.execute(update(ledger).values(address="", reply="550 <alice@example.org> unknown"))
    assert (await swept(visitor)).letters == 1
    assert [letter["reply"] for letter in await visitor.letters()] == [None]


@pytest.mark.parametrize(("mail_from", "forgotten"), [(None, 1), (NOW + timedelta(days=400), 0)])
async def test_imported_people_without_evidence_are_not_kept_for_ever(
    visitor: Visitor, mail_from: Any, forgotten: int
) -> None:
    values = {"address": "old@example.org", "address_key": "old@example.org", "status": Status.HELD}
    async with visitor.database.transaction() as db:
        await db.execute(insert(subscriber).values(**values, created_at=visitor.clock(), mail_from=mail_from))
    visitor.clock.move(days=91)
    assert (await swept(visitor)).held == forgotten


async def test_budgets_that_are_over_are_deleted(visitor: Visitor) -> None:
    await visitor.sign_up()
    visitor.clock.move(days=1, hours=1)
    assert (await swept(visitor)).budgets > 0
    visitor.clock.move(days=31)
    await swept(visitor)
    assert await visitor.count(budget) == 0


async def test_hundreds_are_forgotten_group_by_group(visitor: Visitor) -> None:
    async with visitor.database.transaction() as db:
        rows = [
            {"address": f"r{n}@example.org", "address_key": f"r{n}@example.org", "status": Status.PENDING}
            for n in range(450)
        ]
        await db.execute(insert(subscriber), [row | {"created_at": visitor.clock()} for row in rows])
    visitor.clock.move(days=15)
    assert (await swept(visitor)).never_confirmed == 450
    async with visitor.database.reading() as db:
        assert await store.find(db, "r1@example.org") is None

"""How many confirmation mails may be asked for."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from mailer.settings import Settings
from mailer.subscribers import forget_budgets
from mailer.subscribers.budgets import Bucket, Limits, buckets
from mailer.subscribers.store import take
from mailer.tables import budget, ledger
from mailer.tools.address import parse
from tests.conftest import NOW, make_settings
from tests.subscribers.conftest import Visitor

LIMITS = Limits(network=10, domain=50, total=100)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url=database_url, data_dir=tmp_path, signups_per_network=5)


def keys(address: str, *networks: str) -> list[tuple[str, int]]:
    made = buckets(parse(address), networks or ("192.0.2.0/24",), LIMITS, lambda text: f"<{text}>", NOW)
    return [(bucket.key, bucket.limit) for bucket in made]


def test_each_bucket_stands_alone_and_networks_come_first() -> None:
    assert keys("Alice@Example.org") == [
        ("network:192.0.2.0/24", 10),
        ("address:<alice@example.org>", 1),
        ("address-month:<alice@example.org>", 3),
        ("domain:<example.org>", 50),
        ("total", 100),
    ]


def test_a_wide_network_may_ask_for_more_than_one_of_its_parts() -> None:
    narrow, wide, *_ = keys("a@example.org", "2001:db8::/64", "2001:db8::/48")
    assert (narrow, wide) == (("network:2001:db8::/64", 10), ("wide-network:2001:db8::/48", 40))


def test_windows_follow_each_other_without_a_gap() -> None:
    def window(now: object) -> Bucket:
        made = buckets(parse("a@example.org"), ("x",), LIMITS, str, now)  # type: ignore[arg-type]
        return made[1]

    first = window(NOW)
    assert first.begins_at <= NOW < first.ends_at
    assert window(first.ends_at).begins_at == first.ends_at
    assert window(first.ends_at - timedelta(microseconds=1)) == first


async def test_one_address_gets_one_letter_a_day_and_three_a_month(visitor: Visitor) -> None:
    visitor.clock.move(days=3)  # to the beginning of a window
    for _ in range(8):
        await visitor.sign_up()
        visitor.clock.move(hours=12)
    assert len(await visitor.letters()) == 3
    visitor.clock.move(days=30)
    await visitor.sign_up()
    assert len(await visitor.letters()) == 4


async def test_an_attack_from_one_network_leaves_the_form_to_others(visitor: Visitor) -> None:
    limit = visitor.settings.signups_per_network
    for number in range(limit + 20):
        assert (await visitor.sign_up(f"victim{number}@mail{number}.example")).status_code == 200
    assert len(await visitor.letters()) == limit
    visitor.browser._transport.client = ("198.51.100.1", 1)  # type: ignore[attr-defined]
    await visitor.sign_up("alice@example.org")
    assert len(await visitor.letters("alice@example.org")) == 1


async def test_a_forged_network_has_no_effect(visitor: Visitor) -> None:
    for number in range(visitor.settings.signups_per_network + 5):
        await visitor.post(
            "/subscribe",
            data={"address": f"victim{number}@mail{number}.example"},
            headers={"X-Forwarded-For": f"203.0.{number}.1"},
        )
    assert len(await visitor.letters()) == visitor.settings.signups_per_network


async def test_a_bucket_holds_however_many_take_from_it_at_once(visitor: Visitor) -> None:
    bucket = Bucket("total", NOW, NOW + timedelta(hours=1), 5)

    async def one() -> bool:
        async with visitor.database.transaction() as db:
            return await take(db, [bucket])

    assert sum(await asyncio.gather(*(one() for _ in range(20)))) == 5


async def test_a_request_spends_of_each_bucket_or_of_none(visitor: Visitor) -> None:
    scarce, plenty = (Bucket(key, NOW, NOW + timedelta(hours=1), size) for key, size in (("a", 1), ("b", 9)))
    async with visitor.database.transaction() as db:
        assert await take(db, [scarce, plenty])
        assert not await take(db, [scarce, plenty])
        assert not await take(db, [plenty, scarce])
    used = {row["key"]: row["used"] for row in await visitor.rows(select(budget))}
    assert used == {"a": 1, "b": 1}


async def test_no_address_is_kept_in_it_and_what_is_over_is_forgotten(visitor: Visitor) -> None:
    await visitor.sign_up()
    rows = await visitor.rows(select(budget))
    assert len(rows) == 5
    assert not [row for row in rows if "alice" in row["key"] or "example" in row["key"]]
    async with visitor.database.transaction() as db:
        assert await forget_budgets(db, NOW) == 0
        assert await forget_budgets(db, NOW + timedelta(hours=1)) == 3
        assert await forget_budgets(db, NOW + timedelta(days=31)) == 2


async def test_each_victim_of_a_scripted_attack_gets_one_letter(visitor: Visitor) -> None:
    """From a new network for each request, as a botnet does it."""
    for number in range(50):
        visitor.browser._transport.client = (f"198.51.{number}.1", 1)  # type: ignore[attr-defined]
        await visitor.sign_up(f"victim{number % 10}@mail{number % 7}.example")
    addresses = [row["address"] for row in await visitor.rows(select(ledger.c.address))]
    assert len(addresses) == len(set(addresses)) > 10

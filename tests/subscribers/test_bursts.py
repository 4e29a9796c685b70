"""Many leave at once; and an admin lifts a refusal."""

from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from mailer.settings import Settings
from mailer.subscribers import Burst, allow, bursts, left_from, readers, take_back
from tests.conftest import NOW, make_settings
from tests.subscribers.conftest import Visitor, path


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url=database_url, data_dir=tmp_path, unsubscribes_alarm=3)


async def leave(visitor: Visitor, count: int, domain: str = "example.org") -> list[str]:
    """So many join and leave; returns the origins of the alarms."""
    with structlog.testing.capture_logs() as logged:
        for number in range(count):
            reader = await visitor.join(f"reader{number}@{domain}")
            await visitor.post(path(visitor.links.unsubscribe(reader)))
    return [line["origin"] for line in logged if line["log_level"] == "warning"]


async def test_a_burst_raises_one_alarm_for_its_network_and_one_for_its_domain(visitor: Visitor) -> None:
    assert await leave(visitor, 3) == []
    assert await leave(visitor, 4, "other.example") == ["192.0.2.0/24", "@other.example"]
    async with visitor.database.reading() as db:
        found = await bursts(db, visitor.settings, NOW - timedelta(days=1))
    assert found == [Burst("192.0.2.0/24", NOW, 7), Burst("@other.example", NOW, 4)]


async def test_an_hour_with_few_is_no_burst(visitor: Visitor) -> None:
    for domain in ("a.example", "b.example", "c.example"):
        assert await leave(visitor, 2, domain) == []
        visitor.clock.move(hours=1)
    async with visitor.database.reading() as db:
        assert await bursts(db, visitor.settings, NOW) == []


async def test_a_burst_is_taken_back_for_those_who_have_not_moved_since(visitor: Visitor) -> None:
    await leave(visitor, 4)
    visitor.clock.move(days=1)
    back = await visitor.join("reader0@example.org")
    visitor.clock.move(minutes=1)
    visitor.browser._transport.client = ("198.51.100.1", 1)  # type: ignore[attr-defined]
    await visitor.post(path(visitor.links.unsubscribe(back)))  # of their own accord, from elsewhere
    async with visitor.database.transaction() as db:
        leaves = await left_from(db, "192.0.2.0/24", NOW)
        assert [one.address for one in leaves] == [f"reader{n}@example.org" for n in (1, 2, 3)]
        assert await take_back(db, leaves, "admin:cli", visitor.clock()) == 3
        assert await take_back(db, leaves, "admin:cli", visitor.clock()) == 0
    again = [row["address"] for row in await visitor.rows(readers("weekly"))]
    assert sorted(again) == [f"reader{n}@example.org" for n in (1, 2, 3)]
    assert (await visitor.acts()).count("resumed") == 3
    async with visitor.database.reading() as db:
        assert [one.address for one in await left_from(db, "@example.org", NOW)] == ["reader0@example.org"]


async def test_an_admin_lifts_a_refusal_and_the_form_works_again_at_once(visitor: Visitor) -> None:
    await visitor.sign_up()
    asked = (await visitor.letters())[0]["reference"]
    await visitor.post(path(visitor.links.refuse(asked)))
    async with visitor.database.transaction() as db:
        keyring = visitor.settings.keyring
        assert await allow(db, keyring, "ALICE@example.org", "admin:cli", visitor.clock())
        assert not await allow(db, keyring, "alice@example.org", "admin:cli", visitor.clock())
        assert not await allow(db, keyring, "nobody@example.org", "admin:cli", visitor.clock())
    assert (await visitor.acts())[-1] == "allowed"
    assert (await visitor.post(path(visitor.links.confirm(asked)))).status_code == 410
    await visitor.join()
    assert (await visitor.person())["status"] == "confirmed"

"""A reader changes what they get."""

import pytest
from sqlalchemy import select, update

from mailer.subscribers import audiences
from mailer.tables import audience, audience_region, consent, region
from tests.subscribers.conftest import Visitor, path


async def test_the_page_shows_the_choice_and_hides_the_address(visitor: Visitor) -> None:
    number = await visitor.join(region=["lac"], kind=["events"], frequency="monthly")
    before = await visitor.everything()
    page = await visitor.get(path(visitor.links.preferences(number)))
    assert page.status_code == 200
    for ticked in ("lac", "events", "monthly"):
        assert f'value="{ticked}" checked' in page.text
    assert page.text.count(" checked") == 3
    assert "alice@example.org" not in page.text
    assert "a•••@e•••.org" in page.text
    assert path(visitor.links.unsubscribe(number)) in page.text
    assert await visitor.everything() == before


async def test_saving_changes_the_choice_and_is_recorded_once(visitor: Visitor) -> None:
    number = await visitor.join(region=["lac"])
    link = path(visitor.links.preferences(number))
    for _ in range(2):
        page = await visitor.post(link, data={"region": ["asia", "pacific"], "frequency": "monthly"})
        assert "Saved" in page.text
        assert 'value="asia" checked' in page.text
    async with visitor.database.reading() as db:
        chosen = (await audiences(db))[(await visitor.person())["audience_id"]]
    rows = await visitor.rows(
        select(region.c.code)
        .join(audience_region, audience_region.c.region_id == region.c.id)
        .where(audience_region.c.audience_id == chosen.id)
        .order_by(region.c.code)
    )
    assert [row["code"] for row in rows] == ["asia", "pacific"]
    assert (chosen.frequency, len(chosen.regions)) == ("monthly", 2)
    assert await visitor.acts() == ["asked", "confirmed", "changed"]
    change = (await visitor.rows(select(consent).order_by(consent.c.id)))[-1]
    assert (change["actor"], change["details"]["regions"]) == ("reader", ["asia", "pacific"])
    assert change["network"] == "192.0.2.0/24"


async def test_an_unknown_choice_changes_nothing(visitor: Visitor) -> None:
    number = await visitor.join()
    before = await visitor.everything()
    answer = await visitor.post(path(visitor.links.preferences(number)), data={"region": "atlantis"})
    assert answer.status_code == 422
    assert "no longer on offer" in answer.text
    assert await visitor.everything() == before


@pytest.mark.parametrize("gone", [True, False])
async def test_one_who_is_no_reader_has_nothing_to_change(visitor: Visitor, gone: bool) -> None:
    number = await visitor.join()
    await visitor.post(path(visitor.links.unsubscribe(number)))
    before = await visitor.everything()
    link = path(visitor.links.preferences(4711 if gone else number))
    for method in ("GET", "POST"):
        answer = await visitor.browser.request(method, link)
        assert answer.status_code == 200
        assert "Not subscribed" in answer.text
    assert await visitor.everything() == before


async def test_a_region_that_is_no_longer_offered_drops_out_when_saving(visitor: Visitor) -> None:
    number = await visitor.join(region=["lac", "asia"])
    async with visitor.database.transaction() as db:
        await db.execute(update(region).where(region.c.code == "asia").values(retired=True))
    link = path(visitor.links.preferences(number))
    assert 'value="asia"' not in (await visitor.get(link)).text
    await visitor.post(link, data={"region": ["lac"], "frequency": "weekly"})
    newest = await visitor.rows(
        select(audience).where(audience.c.id == (await visitor.person())["audience_id"])
    )
    assert len(newest[0]["regions"]) == 1


async def test_breaks_are_only_there_where_the_operator_offers_them(visitor: Visitor) -> None:
    link = path(visitor.links.preferences(await visitor.join()))
    assert "/pause" not in (await visitor.get(link)).text
    assert (await visitor.post(f"{link}/pause", data={"until": "2026-12-24"})).status_code == 404

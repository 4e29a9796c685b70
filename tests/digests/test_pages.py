"""The public page of the latest news."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from selectolax.lexbor import LexborHTMLParser
from starlette.applications import Starlette

from mailer.database import Database
from mailer.digests import routes
from mailer.links import Links
from mailer.settings import Settings
from tests.digests.cast import add_item


@pytest.fixture
async def browser(database: Database, settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    async with database.transaction() as db:
        await add_item(db, "Harvest", "africa")
        await add_item(db, "Meeting", "asia", kind_code="events")
        await add_item(db, "Everywhere", languages=["en", "fr"])
    app = Starlette(routes=routes(settings, database))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://news.example.org") as browser:
        yield browser


async def titles(browser: httpx2.AsyncClient, address: str) -> list[str]:
    answer = await browser.get(address)
    assert answer.status_code == 200
    return [heading.text() for heading in LexborHTMLParser(answer.text).css("h2")]


async def test_it_shows_the_newest_items(browser: httpx2.AsyncClient) -> None:
    assert await titles(browser, "/latest") == ["Everywhere", "Meeting", "Harvest"]


async def test_the_link_of_a_mail_shows_that_readers_choice(
    browser: httpx2.AsyncClient, settings: Settings
) -> None:
    links = Links(settings)
    assert await titles(browser, links.latest(region="africa")) == ["Everywhere", "Harvest"]
    assert await titles(browser, links.latest(kind="events,blog")) == ["Meeting"]
    assert await titles(browser, links.latest(region="asia", language="fr")) == ["Everywhere (fr)"]


@pytest.mark.parametrize("query", ["region=nowhere", "region=,,&kind=", "language=" + "x" * 5000, "q=%00"])
async def test_a_choice_that_nobody_knows_is_passed_over(browser: httpx2.AsyncClient, query: str) -> None:
    assert (await browser.get(f"/latest?{query}")).status_code == 200


async def test_an_item_in_another_language_says_so(browser: httpx2.AsyncClient) -> None:
    page = LexborHTMLParser((await browser.get("/latest?language=fr")).text)
    heading = page.css_first("h2")
    assert heading is not None
    assert heading.attributes["lang"] == "fr"

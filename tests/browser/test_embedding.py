"""The form on another site's page, in a real browser: by script, without it, in a frame."""

import pytest
from playwright.async_api import Browser, Page, Route
from sqlalchemy import select

from mailer import choices
from mailer.subscribers import Embedding, snippet
from mailer.tables import signup
from tests.browser.chromium import window
from tests.browser.house import PARTNER, House
from tests.browser.test_access import violations

pytestmark = pytest.mark.browser

STRANGER = "http://localhost:8098"
LOOPBACK = ["local-network-access"]
"""The made-up pages have no address of their own, and ours is on loopback: Chromium would ask the visitor first."""


async def visit(page: Page, house: House, way: Embedding, site: str = PARTNER) -> None:
    """Open a page of another site that holds the snippet."""
    async with house.database.reading() as db:
        html = snippet(house.settings, await choices.read(db), "en", way)
    whole = f'<!DOCTYPE html><html lang="en"><title>Partner</title><main><h1>Partner</h1>{html}</main></html>'

    async def answer(route: Route) -> None:
        await route.fulfill(body=whole, content_type="text/html; charset=utf-8")

    await page.route(f"{site}/**", answer)
    await page.goto(f"{site}/page")


async def forms_of(house: House, address: str) -> list[str]:
    number = await house.number(address)
    async with house.database.reading() as db:
        return list(
            (await db.execute(select(signup.c.form).where(signup.c.subscriber_id == number))).scalars()
        )


async def test_the_script_stays_on_the_page_and_says_what_came_back(browser: Browser, house: House) -> None:
    address = f"{house.new_name()}@gmial.com"
    async with window(browser, permissions=LOOPBACK) as seen:
        page = seen.page
        await visit(page, house, Embedding.SCRIPT)
        await page.fill("#newsletter-address", "anna@localhost")  # a browser lets it pass, we don't
        await page.click("button")
        await page.wait_for_selector("[aria-invalid=true]")
        assert "not a domain" in await page.inner_text("#newsletter-address-mistake")
        assert await page.evaluate("document.activeElement.id") == "newsletter-address"
        assert await violations(page, ["wcag2a", "wcag2aa"]) == []
        before = house.inbox.last
        await page.fill("#newsletter-address", address)
        await page.click("button")
        await page.wait_for_selector("[role=status] p")
        said = await page.inner_text("[role=status]")
        assert "check your mail" in said
        assert "gmail.com" in said
        assert await page.evaluate("document.activeElement.getAttribute('role')") == "status"
        assert await page.locator("form").is_hidden()
        assert page.url == f"{PARTNER}/page"
    await house.inbox.wait_for(address, before)
    assert await forms_of(house, address) == [PARTNER]


@pytest.mark.parametrize("scripts", [True, False], ids=["a site that isn't listed", "no scripts"])
async def test_where_the_script_can_t_work_the_plain_form_does(
    browser: Browser, house: House, scripts: bool
) -> None:
    address = f"{house.new_name()}@readers.example"
    site = STRANGER if scripts else PARTNER
    async with window(browser, scripts=scripts, permissions=LOOPBACK) as seen:
        await visit(seen.page, house, Embedding.SCRIPT, site)
        await seen.page.fill("#newsletter-address", address)
        async with seen.page.expect_navigation():
            await seen.page.click("button")
        assert seen.page.url.startswith(f"{house.base}/subscribe")
        assert "check your mail" in await seen.page.inner_text("h1")
    assert await forms_of(house, address) == [site]


async def test_a_listed_site_may_frame_the_form_and_nothing_else(browser: Browser, house: House) -> None:
    address = f"{house.new_name()}@readers.example"
    async with window(browser, permissions=LOOPBACK) as seen:
        await visit(seen.page, house, Embedding.IFRAME)
        frame = seen.page.frame_locator("iframe")
        await frame.locator("#address").fill(address)
        await frame.locator("button").click()
        await frame.get_by_text("Nothing there?").wait_for()
        assert seen.page.url == f"{PARTNER}/page"
        await seen.page.evaluate(f"document.querySelector('iframe').src = '{house.base}/subscribe'")
        await seen.page.wait_for_timeout(300)
    assert any("frame-ancestors" in words or "Refused to frame" in words for words in seen.complaints)
    assert await forms_of(house, address) == [f"{house.base}/embed"]


async def test_another_site_can_t_frame_it(browser: Browser, house: House) -> None:
    async with window(browser, permissions=LOOPBACK) as seen:
        await visit(seen.page, house, Embedding.IFRAME, STRANGER)
        await seen.page.wait_for_timeout(300)
        assert await seen.page.frame_locator("iframe").locator("#address").count() == 0

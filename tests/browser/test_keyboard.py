"""X20: with the keyboard alone. Every stop can be seen, comes in the order of reading, and a fault leads to its field."""

from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.browser.chromium import window
from tests.browser.house import House
from tests.browser.walk import link_in, walk

pytestmark = pytest.mark.browser

FOCUSED = """() => {
  const focused = document.activeElement, place = e => e.getBoundingClientRect();
  const framed = focused.closest('.options label') || focused, style = getComputedStyle(framed);
  const box = place(framed);
  return {
    tag: focused.tagName, id: focused.id, name: focused.name || focused.innerText,
    top: box.top + scrollY,
    outline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    inSight: box.height > 0 && box.top >= 0 && box.bottom <= innerHeight + 1,
  };
}"""


async def stops(page: Page) -> list[dict[str, Any]]:
    """Where Tab leads on this page, from its beginning to its end."""
    await page.evaluate(
        "() => { document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0); }"
    )
    found: list[dict[str, Any]] = []
    for _ in range(60):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(FOCUSED)
        if focused["tag"] in ("BODY", "HTML") or (found and focused == found[0]):
            break
        found.append(focused)
    return found


async def tab_to(page: Page, selector: str) -> None:
    """Press Tab until it holds the focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab doesn't lead to {selector} on {page.url}")


async def press_enter(page: Page) -> None:
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def test_a_reader_joins_chooses_and_leaves_without_a_mouse(browser: Browser, house: House) -> None:
    address = f"{house.new_name()}@readers.example"
    async with window(browser) as seen:
        page = seen.page
        await page.goto(f"{house.base}/")
        await tab_to(page, "#address")
        await page.keyboard.type(address)
        await tab_to(page, "input[value=asia]")
        await page.keyboard.press("Space")
        before = house.inbox.last
        await tab_to(page, "main button")
        await press_enter(page)
        await page.goto(link_in(await house.inbox.wait_for(address, before), f"{house.base}/confirm/"))
        await tab_to(page, "main button")
        await press_enter(page)
        assert "You are subscribed" in await page.title()
        await page.goto(house.links.preferences(await house.number(address)))
        assert await page.is_checked("input[value=asia]")
        await tab_to(page, "input[value=europe]")
        await page.keyboard.press("Space")
        await tab_to(page, "main button")
        await press_enter(page)
        assert await page.is_checked("input[value=europe]")
        await tab_to(page, "main a[href*=unsubscribe]")
        await press_enter(page)
        await tab_to(page, "main button")
        await press_enter(page)
        assert "You are unsubscribed" in await page.title()


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_every_stop_is_seen_and_comes_in_order(browser: Browser, house: House, language: str) -> None:
    async with window(browser, 1000, 700) as seen:
        async for name in walk(seen.page, house, language):
            await seen.page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
            found = await stops(seen.page)
            unseen = [stop for stop in found if not (stop["outline"] and stop["inSight"])]
            assert unseen == [], name
            places = [stop["top"] for stop in found[1:]]  # the first is the link that skips to the content
            rows = [round(place / 40) for place in places]  # what stands side by side counts as one row
            assert rows == sorted(rows), (name, found)


async def test_the_first_stop_skips_to_the_content(browser: Browser, house: House) -> None:
    async with window(browser) as seen:
        page = seen.page
        await page.goto(f"{house.base}/subscribe")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.id") == "address"


async def test_a_mistake_is_announced_and_leads_to_its_field(browser: Browser, house: House) -> None:
    async with window(browser) as seen:
        page = seen.page
        await page.goto(f"{house.base}/subscribe")
        await page.fill("#address", "alice@localhost")
        await page.check("input[value=africa]")
        await press_enter(page)
        assert (await page.title()).startswith("Please look again")
        assert await page.get_attribute(":target", "role") == "alert"
        assert await page.evaluate("document.querySelector(':target') === document.activeElement")
        await tab_to(page, "#answer a")
        await page.keyboard.press("Enter")
        field = page.locator("#address")
        assert await field.evaluate("field => field === document.activeElement")
        assert await field.get_attribute("aria-invalid") == "true"
        words = page.locator("#" + (await field.get_attribute("aria-describedby") or ""))
        assert "domain" in await words.inner_text()
        assert await field.input_value() == "alice@localhost"
        assert await page.is_checked("input[value=africa]")

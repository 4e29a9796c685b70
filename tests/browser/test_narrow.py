"""X20, X23: on a small screen, zoomed, and from right to left."""

import pytest
from playwright.async_api import Browser, Page

from tests.browser.chromium import window
from tests.browser.house import House
from tests.browser.walk import walk

pytestmark = pytest.mark.browser

OPEN_ALL = "document.querySelectorAll('details').forEach(e => e.open = true)"

CUT_OFF = """() => [...document.querySelectorAll('body *')].filter(e => {
  if (e.closest('.trap') || e.closest('.skip') || !e.offsetHeight) return false;
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  return box.left < -1 || box.right > innerWidth + 1
    || (style.overflow !== 'visible' && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1));
}).map(e => e.outerHTML.slice(0, 100))"""

TOO_SMALL = """() => [...document.querySelectorAll('a, button, summary, select, input, label')].filter(e => {
  if (!e.offsetHeight || e.closest('.trap') || e.closest('.skip')) return false;
  if (e.matches('label') && !e.querySelector('input')) return false;  // pressing it only moves the focus
  if (e.matches('input') && e.closest('label')) return false;  // its label is the target
  if (e.matches('p a, li a, dd a') && !e.matches('nav a, .foot a') && e.closest('p, li, dd').innerText !== e.innerText)
    return false;  // WCAG 2.2, 2.5.8: a link within a sentence
  const box = e.getBoundingClientRect(), least = e.matches('a') ? 24 : 44;
  return box.height < least || box.width < 24;
}).map(e => e.outerHTML.slice(0, 100))"""


async def faults(page: Page) -> list[str]:
    await page.evaluate(OPEN_ALL)
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [
        *([f"{wide} pixels to scroll sideways"] if wide else []),
        *[f"cut off: {one}" for one in await page.evaluate(CUT_OFF)],
        *[f"too small to press: {one}" for one in await page.evaluate(TOO_SMALL)],
    ]


@pytest.mark.parametrize("language", ["en", "de", "ar"])
async def test_at_320_pixels_everything_is_there(browser: Browser, house: House, language: str) -> None:
    async with window(browser, 320, 640) as seen:
        found = {stop: await faults(seen.page) async for stop in walk(seen.page, house, language)}
    assert {stop: broken for stop, broken in found.items() if broken} == {}


async def test_twice_as_large_everything_is_there(browser: Browser, house: House) -> None:
    """200 % of a window of 1,280 pixels: half as many, each twice as large. And letters alone twice as large."""
    async with window(browser, 640, 400, device_scale_factor=2) as seen:
        found = {}
        async for stop in walk(seen.page, house, "de"):
            found[stop] = await faults(seen.page)
            await seen.page.evaluate("document.documentElement.style.fontSize = '200%'")
            found[f"{stop}, letters"] = await faults(seen.page)
    assert {stop: broken for stop, broken in found.items() if broken} == {}


async def test_arabic_is_the_mirror_of_english(browser: Browser, house: House) -> None:
    """What stands at the left edge of the sheet in English stands at its right edge in Arabic."""
    edges = "e => { const box = e.getBoundingClientRect(); return [box.left, innerWidth - box.right]; }"
    async with window(browser) as seen:
        for selector in (
            ".brand",
            "#region .options li:nth-child(2)",
            "#region .options input",
            "main button",
        ):
            left = {}
            for language, side in (("en", 0), ("ar", 1)):
                await seen.page.goto(f"{house.base}/subscribe?lang={language}")
                left[language] = (await seen.page.locator(selector).first.evaluate(edges))[side]
            assert left["ar"] == pytest.approx(left["en"], abs=40 if "li" in selector else 1), selector

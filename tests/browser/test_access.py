"""X20: axe-core finds nothing on any page, in three languages, light and dark, with scripts and without."""

import re
from importlib.resources import files
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.browser.chromium import window
from tests.browser.house import House
from tests.browser.walk import walk

pytestmark = pytest.mark.browser

TIMERLESS = "window.setTimeout = work => { Promise.resolve().then(work); return 0; };"
"""axe waits by timers, and where a page may run no script, no timer ever fires."""

AXE = TIMERLESS + files("axe_playwright_python").joinpath("axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""All that can differ between light and dark."""


async def violations(page: Page, rules: Any) -> list[str]:
    """Every rule that the page breaks, with the first place where it does."""
    if not await page.evaluate("Boolean(window.axe)"):
        await page.evaluate(AXE)
    options = {"runOnly": rules, "resultTypes": ["violations"], "preload": False}
    result = await page.evaluate("options => axe.run(document, options)", options)
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in result["violations"]]


async def as_served(page: Page) -> str:
    """The page as Chromium holds it, without what differs from visitor to visitor."""
    html = await page.content()
    html = re.sub(r'<time .*?</time>|(min|max)="[\d-]+"', "", html)  # each walk has a later day
    html = re.sub(
        r"/(confirm|refuse|preferences|unsubscribe|undo|reason|address|move)/[\w.-]+", r"/\1/", html
    )
    return re.sub(r"reader\d+@", "reader@", html)


@pytest.mark.parametrize("language", ["en", "de", "ar"])
async def test_axe_finds_nothing_on_any_page(browser: Browser, house: House, language: str) -> None:
    found: dict[str, list[str]] = {}
    pages: dict[str, str] = {}
    async with window(browser) as seen:
        async for stop in walk(seen.page, house, language):
            pages[stop] = await as_served(seen.page)
            assert await seen.page.get_attribute("html", "lang") == language, stop
            await seen.page.emulate_media(color_scheme="light")
            found[stop] = await violations(seen.page, RULES)
            await seen.page.emulate_media(color_scheme="dark")
            found[f"{stop}, dark"] = await violations(seen.page, COLOURS)
    assert {stop: broken for stop, broken in found.items() if broken} == {}
    async with window(browser, scripts=False) as seen:  # the very same pages: so what holds there holds here
        assert {stop: await as_served(seen.page) async for stop in walk(seen.page, house, language)} == pages


async def test_axe_would_find_something(browser: Browser, house: House) -> None:
    """With scripts forbidden, in the dark: a test that can't fail proves nothing."""
    async with window(browser, scripts=False, color_scheme="dark") as seen:
        await seen.page.goto(f"{house.base}/subscribe")
        assert await violations(seen.page, RULES) == []
        await seen.page.locator("label[for=address]").evaluate("label => label.remove()")
        await seen.page.locator(".hint").first.evaluate("hint => hint.style.color = '#555'")
        broken = " ".join(await violations(seen.page, RULES))
    assert "label:" in broken
    assert "color-contrast:" in broken

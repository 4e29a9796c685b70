"""Every page asks nobody else for anything, is light, and gives Chromium nothing to complain about."""

import pytest
from playwright.async_api import Browser

from tests.browser.chromium import window
from tests.browser.house import House
from tests.browser.walk import walk

pytestmark = pytest.mark.browser

LARGEST = 100_000
"""Bytes of a page with all that it needs, nothing kept from before."""


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_every_page_is_light_and_keeps_to_itself(browser: Browser, house: House, scripts: bool) -> None:
    weights: dict[str, int] = {}
    files: dict[str, int] = {}
    async with window(browser, scripts=scripts) as seen:
        async for stop in walk(seen.page, house, "en"):
            assert await seen.page.locator("script, style, [style], iframe").count() == 0, stop
            for url in [url for url in seen.asked if "/static/" in url and url not in files]:
                files[url] = len((await house.client.get(url)).content)
            weights[stop] = len((await seen.page.content()).encode()) + sum(files.values())
    assert {url for url in seen.asked if not url.startswith(f"{house.base}/")} == set()
    assert max(weights.values()) < LARGEST
    expected = ("status of 404", "status of 405", "status of 410", "status of 422", "status of 500")
    assert [one for one in seen.complaints if not any(status in one for status in expected)] == []

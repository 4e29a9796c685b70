"""One service and one Chromium for all tests of this folder: starting them takes longer than the tests."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.browser.chromium import CHROMIUM, started_chromium
from tests.browser.house import House, opened_house


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """All share one event loop, since they share the service that runs in it."""
    return "asyncio"


@pytest.fixture(scope="session")
async def browser(anyio_backend: str) -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    async with started_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
async def house(
    browser: Browser, anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    async with opened_house(tmp_path_factory.mktemp("house")) as house:
        yield house

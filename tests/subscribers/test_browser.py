"""The pages in a real browser that runs everything it is given."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from mailer.links import Links
from mailer.settings import Settings
from tests.conftest import make_settings
from tests.subscribers.conftest import Visitor

playwright = pytest.importorskip("playwright.async_api")
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def settings(database_url: str, tmp_path: Path, port: int) -> Settings:
    return make_settings(database_url=database_url, data_dir=tmp_path, public_url=f"http://127.0.0.1:{port}")


@asynccontextmanager
async def served(visitor: Visitor, port: int) -> AsyncIterator[None]:
    app = visitor.browser._transport.app  # type: ignore[attr-defined]
    app.headers.pop("Strict-Transport-Security")
    server = uvicorn.Server(uvicorn.Config(app, port=port, lifespan="off", log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await serving


class Window:
    """A window of Chromium that remembers what it asked for and what it complained about."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.asked: list[str] = []
        self.answers: list[Any] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("response", lambda answer: self.answers.append(answer))
        page.on("console", lambda message: self.complaints.append(message.text))


@asynccontextmanager
async def window(width: int = 1200, height: int = 800) -> AsyncIterator[Window]:
    async with playwright.async_playwright() as program:
        chromium = await program.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        try:
            yield Window(await chromium.new_page(viewport={"width": width, "height": height}))
        finally:
            await chromium.close()


async def test_opening_every_link_of_every_mail_changes_nothing(visitor: Visitor, port: int) -> None:
    """O01, L07: as a scanner does that runs scripts and waits for what they do."""
    await visitor.sign_up("bob@example.org")
    asked = (await visitor.letters("bob@example.org"))[0]
    links: Links = visitor.links
    before = await visitor.everything()
    async with served(visitor, port), window() as seen:
        for link in (
            links.confirm(asked["reference"]),
            links.refuse(asked["reference"]),
            links.preferences(asked["recipient"]),
            links.unsubscribe(asked["recipient"]),
        ):
            await seen.page.goto(link, wait_until="networkidle")
    assert await visitor.everything() == before
    assert not seen.complaints
    assert {url.split("/")[2] for url in seen.asked} == {f"127.0.0.1:{port}"}


async def test_a_person_joins_and_leaves_with_the_keyboard_alone(visitor: Visitor, port: int) -> None:
    async with served(visitor, port), window() as seen:
        page = seen.page
        await page.goto(visitor.links.sign_up())
        await page.focus("#address")
        await page.keyboard.type("alice@example.org")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/subscribe#answer")
        asked = (await visitor.letters())[0]
        for link in (
            visitor.links.confirm(asked["reference"]),
            visitor.links.unsubscribe(asked["recipient"]),
        ):
            await page.goto(link)
            for _ in range(20):
                await page.keyboard.press("Tab")
                if await page.evaluate("document.activeElement.tagName") == "BUTTON":
                    break
            async with page.expect_navigation():
                await page.keyboard.press("Enter")
    assert await visitor.acts() == ["asked", "confirmed", "unsubscribed"]


async def test_a_mistake_gets_the_focus_and_leads_to_its_field(visitor: Visitor, port: int) -> None:
    async with served(visitor, port), window() as seen:
        page = seen.page
        await page.goto(visitor.links.sign_up())
        await page.evaluate("document.querySelector('form').noValidate = true")
        await page.fill("#address", "alice@localhost")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        focused = await page.evaluate("document.activeElement.id || document.querySelector(':target').id")
        assert focused == "answer"
        await page.click("#answer a")
        assert await page.evaluate("document.activeElement.id") == "address"
        assert await page.input_value("#address") == "alice@localhost"


async def test_at_320_pixels_nothing_is_cut_off_and_the_form_is_light(visitor: Visitor, port: int) -> None:
    number = await visitor.join()
    async with served(visitor, port), window(320, 600) as seen:
        page = seen.page
        for link in (visitor.links.sign_up(), visitor.links.preferences(number)):
            seen.answers.clear()
            await page.goto(link, wait_until="networkidle")
            assert sum([len(await answer.body()) for answer in seen.answers]) < 100_000
            await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            assert await page.evaluate("document.documentElement.scrollWidth") == 320
            small = await page.evaluate(
                "[...document.querySelectorAll('main button, main label:has(input), summary, select')]"
                ".filter(e => e.offsetHeight && !e.closest('.trap') && e.getBoundingClientRect().height < 44).length"
            )
            assert small == 0

"""Debian's Chromium, driven by Playwright, and what a test looks at in a window of it."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page, Response, async_playwright

CHROMIUM = shutil.which("chromium")

_FLAGS = [
    "--no-sandbox",  # Chromium's own needs rights that root in a container hasn't
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@asynccontextmanager
async def started_chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as program:
        browser = await program.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


class Window:
    """One visitor's window: it keeps what was asked for, what came and what Chromium complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.answers: list[Response] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("response", lambda response: self.answers.append(response))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))


@asynccontextmanager
async def window(
    browser: Browser, width: int = 1200, height: int = 900, *, scripts: bool = True, **options: Any
) -> AsyncIterator[Window]:
    """A window that shares nothing with the others. scripts: whether pages may run any."""
    context = await browser.new_context(
        viewport={"width": width, "height": height}, java_script_enabled=scripts, **options
    )
    try:
        yield Window(await context.new_page())
    finally:
        await context.close()

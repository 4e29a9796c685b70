"""Takes the pictures of docs/pictures: `python -m tests.browser.pictures [FOLDER]`. Needs Chromium."""

import asyncio
import sys
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser, Page

from tests.browser.chromium import started_chromium, window
from tests.browser.house import READERS, House, opened_house
from tests.browser.walk import walk

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"

ONCE = {
    "lost link with a mistake",
    "moved already",
    "error 405",
    "latest news of a region",
    "preferences with a mistake",
    "no news",
}
"""Pages so like another that one look is enough."""


TELEPHONE: dict[str, Any] = {"color_scheme": "dark", "is_mobile": True, "device_scale_factor": 1.5}


async def take_pages(browser: Browser, house: House, folder: Path) -> None:
    """Every page: light on a desk, dark on a telephone, and in Arabic."""
    ways: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("light", "en", {"width": 1000, "height": 700}),
        ("phone-dark", "de", {"width": 390, "height": 700, "color_scheme": "dark"}),
        ("arabic", "ar", {"width": 1000, "height": 700}),
    )
    for name, language, options in ways:
        async with window(browser, **options) as seen:
            async for stop in walk(seen.page, house, language):
                if name != "light" and stop in ONCE:
                    continue
                await seen.page.evaluate("document.activeElement.blur()")
                await seen.page.screenshot(
                    path=folder / f"{stop.replace(' ', '-')}-{name}.png",
                    full_page=not stop.startswith("latest"),
                )


async def take_digest(browser: Browser, house: House, folder: Path) -> None:
    """For the README: the digest on a desk in daylight, and beside it on a telephone in the dark."""
    html = (await house.digest(READERS[0])).part("html")
    async with window(browser, 680, 860) as desk:
        await desk.page.set_content(html)
        light = await desk.page.screenshot()
    async with window(browser, 375, 812, **TELEPHONE) as telephone:
        await telephone.page.set_content(html)
        dark = await telephone.page.screenshot()
    async with window(browser, 1180, 920) as wall:
        await hang(wall.page, folder / "digest.png", (light, 680), (dark, 375))


async def take_form(browser: Browser, house: House, folder: Path) -> None:
    """For the README: the form, the same way."""
    async with window(browser, 760, 860) as desk:
        await desk.page.goto(f"{house.base}/subscribe")
        light = await desk.page.screenshot()
    async with window(browser, 375, 812, **TELEPHONE) as telephone:
        await telephone.page.goto(f"{house.base}/subscribe")
        dark = await telephone.page.screenshot()
    async with window(browser, 1260, 920) as wall:
        await hang(wall.page, folder / "form.png", (light, 760), (dark, 375))


async def hang(wall: Page, file: Path, *pictures: tuple[bytes, int]) -> None:
    """Pictures side by side, each in its width, on a plain wall."""
    frames = "".join(
        f'<img width="{width}" src="data:image/png;base64,{b64encode(picture).decode()}">'
        for picture, width in pictures
    )
    await wall.set_content(
        "<style>body { margin: 0; padding: 30px; display: flex; gap: 40px; align-items: center;"
        " justify-content: center; background: #e4e7ec } img { border-radius: 12px;"
        f" box-shadow: 0 8px 28px rgb(20 30 50 / .22) }}</style>{frames}"
    )
    await wall.screenshot(path=file, full_page=True)


def make_small(folder: Path) -> None:
    """256 colours are enough for pages; a picture is a third of its size then."""
    for file in folder.glob("*.png"):
        with Image.open(file) as picture:
            small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        small.save(file, optimize=True)


async def take_all(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        async with opened_house(Path(data)) as house, started_chromium() as browser:
            await take_digest(browser, house, folder)
            await take_form(browser, house, folder)
            await take_pages(browser, house, folder)
    make_small(folder)


if __name__ == "__main__":
    asyncio.run(take_all(Path(sys.argv[1]) if sys.argv[1:] else FOLDER))

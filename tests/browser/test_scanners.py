"""O01, L07: what mail filters do with links changes nothing, not in a single row of any table."""

import re

import pytest
from playwright.async_api import Browser, Page

from mailer.demo.inbox import Mail
from tests.browser.chromium import window
from tests.browser.house import READERS, House

pytestmark = pytest.mark.browser

AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) BarracudaCentral",
    "Mozilla/5.0 (compatible; Microsoft Defender for Office 365 SafeLinks)",
    "Mozilla/5.0 (compatible; Proofpoint URL Defense)",
    "Mimecast URL Protect",
    "GoogleImageProxy",
    "",
)
PREFETCH: tuple[dict[str, str], ...] = (
    {},
    {"Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch;prerender"},
    {"X-Moz": "prefetch"},
)


def own_links(house: House, mail: Mail) -> set[str]:
    """Every address of ours in text, HTML and headers of a mail."""
    everything = "\n".join([mail.part("plain"), mail.part("html"), *map(str, mail.message.values())])
    found = re.findall(rf"{re.escape(house.base)}[^\s\"'<>]*", everything.replace("&amp;", "&"))
    return {link for link in found if "/static/" not in link}


async def all_links(house: House) -> list[str]:
    """Those of digests in two languages, and of a mail that asks somebody to confirm."""
    mails = [await house.ask(), *[await house.digest(reader) for reader in READERS]]
    links = sorted({house.links.latest(region="lac")}.union(*[own_links(house, mail) for mail in mails]))
    kinds = {link.removeprefix(house.base).split("/")[1].split("?")[0] for link in links}
    assert {"confirm", "refuse", "preferences", "unsubscribe"} <= kinds
    return links


async def test_asking_for_a_page_changes_nothing(house: House) -> None:
    links = await all_links(house)
    before = await house.everything()
    ways = [(method, {"User-Agent": agent}) for agent in AGENTS for method in ("HEAD", "GET", "GET")]
    ways += [("GET", {**purpose, "User-Agent": AGENTS[0]}) for purpose in PREFETCH]
    for link in links:
        for method, headers in ways:
            assert (await house.client.request(method, link, headers=headers)).status_code == 200, link
    assert await house.everything() == before


async def test_a_browser_that_runs_everything_changes_nothing(browser: Browser, house: House) -> None:
    links = await all_links(house)
    before = await house.everything()
    async with window(browser) as seen:
        for link in links:
            await seen.page.goto(link, wait_until="networkidle")
            await look_around(seen.page)
    assert await house.everything() == before
    assert {url for url in seen.asked if not url.startswith(f"{house.base}/")} == set()


async def look_around(page: Page) -> None:
    """Hover over all that can be pressed, and scroll to the end: as a detonation chamber does."""
    await page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
    for target in (await page.locator("main button, main a, main .options label").all())[:8]:
        await target.hover()
    await page.mouse.wheel(0, 20_000)
    await page.wait_for_load_state("networkidle")

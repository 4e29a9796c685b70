"""A visitor's way past every public page, in an order in which one can really come there.

Each step is a generator: it brings the window to a page, yields that page's name, and goes on. What is
looked at meanwhile is the caller's business, as long as the page is left as it was.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

from playwright.async_api import Page

from mailer.demo.inbox import Mail
from tests.browser.house import House

Stops = AsyncIterator[str]

ENDLESS = 10**9
"""The number of a sign-up that was never there."""


async def walk(page: Page, house: House, language: str) -> Stops:
    """Every page there is, by name. The window ends on a page of errors."""
    address = f"{house.new_name()}@gmial.com"  # so that the page asks "did you mean gmail.com?"
    in_language = f"?lang={language}"
    for steps in (
        _join(page, house, address, in_language),
        _choose(page, house, address),
        _move(page, house, address, in_language),
        _leave(page, house, f"moved.{address}"),
        _say_why(page, house, language),
        _come_too_late(page, house, language),
        _read(page, house, in_language),
        _go_astray(page, house, in_language),
    ):
        async for stop in steps:
            yield stop


async def press(page: Page, button: str = "main button") -> None:
    async with page.expect_navigation():
        await page.click(button)


async def _join(page: Page, house: House, address: str, in_language: str) -> Stops:
    await page.goto(f"{house.base}/embed{in_language}")
    yield "form in a frame"
    await page.goto(f"{house.base}/subscribe{in_language}")
    yield "form"
    await page.fill("#address", "anna@localhost")  # a browser lets it pass, we don't
    await page.check("input[value=africa]")
    await press(page)
    yield "form with a mistake"
    await page.fill("#address", address)
    before = house.inbox.last
    await press(page)
    yield "check your mail"
    link = link_in(await house.inbox.wait_for(address, before), f"{house.base}/confirm/")
    await page.goto(link)
    yield "confirm"
    await press(page)
    yield "confirmed"
    await page.goto(link)
    yield "confirmed already"


async def _choose(page: Page, house: House, address: str) -> Stops:
    await page.goto(house.links.preferences(await house.number(address)))
    yield "preferences"
    await page.evaluate("document.querySelectorAll('[name=frequency]').forEach(e => e.value = 'hourly')")
    await press(page)
    yield "preferences with a mistake"
    await page.check("input[value=weekly]")
    await press(page)
    yield "preferences saved"
    await page.fill("#until", (house.clock() + timedelta(days=30)).date().isoformat())
    await press(page, "form[action*='/pause'] button")
    yield "a break"
    await press(page, "form[action*='/pause'] button")


async def _move(page: Page, house: House, address: str, in_language: str) -> Stops:
    await page.goto(f"{house.base}/link{in_language}")
    yield "lost link"
    await page.fill("#address", "anna@localhost")
    await press(page)
    yield "lost link with a mistake"
    before = house.inbox.last
    await page.fill("#address", address)
    await press(page)
    yield "lost link sent"
    await page.goto(link_in(await house.inbox.wait_for(address, before), f"{house.base}/address/"))
    yield "new address"
    await page.fill("#address", f"moved.{address}")
    await press(page)
    yield "new address sent"
    link = link_in(await house.inbox.wait_for(f"moved.{address}", before), f"{house.base}/move/")
    await page.goto(link)
    yield "move"
    await press(page)
    yield "moved"
    await page.goto(link)
    yield "moved already"


async def _say_why(page: Page, house: House, language: str) -> Stops:
    mail = await house.ask(language)
    await page.goto(f"{house.links.unsubscribe(await house.number(mail.recipient))}?lang={language}")
    await press(page)
    await press(page, ".reasons button")
    yield "reason"


async def _leave(page: Page, house: House, address: str) -> Stops:
    number = await house.number(address)
    await page.goto(house.links.unsubscribe(number))
    yield "unsubscribe"
    await press(page)
    yield "unsubscribed"
    await press(page)
    yield "resumed"
    await page.goto(house.links.unsubscribe(number))
    await press(page)
    house.clock.move(hours=2)
    await press(page)
    yield "too late to undo"
    await page.goto(house.links.unsubscribe(number))
    yield "unsubscribed already"
    await page.goto(house.links.preferences(number))
    yield "not subscribed"


async def _come_too_late(page: Page, house: House, language: str) -> Stops:
    await page.goto(link_in(await house.ask(language), f"{house.base}/refuse/"))
    yield "refuse"
    await press(page)
    yield "refused"
    link = link_in(await house.ask(language), f"{house.base}/confirm/")
    house.clock.move(days=house.settings.confirm_days + 1)
    await page.goto(link)
    yield "link expired"
    await page.goto(f"{house.links.confirm(ENDLESS)}?lang={language}")
    yield "link gone"


async def _read(page: Page, house: House, in_language: str) -> Stops:
    await page.goto(f"{house.base}/latest{in_language}")
    yield "latest news"
    await page.goto(f"{house.base}/latest{in_language}&region=lac")
    yield "latest news of a region"
    await page.goto(f"{house.base}/latest{in_language}&kind=blog&region=pacific&language=pt")
    yield "no news"


async def _go_astray(page: Page, house: House, in_language: str) -> Stops:
    await page.goto(f"{house.base}/nowhere{in_language}")
    yield "error 404"
    await page.goto(f"{house.links.undo(ENDLESS)}{in_language}")
    yield "error 405"
    await page.goto(f"{house.base}/broken{in_language}")
    yield "error 500"


def link_in(mail: Mail, beginning: str) -> str:
    """The address in its text that begins so."""
    return next(word for word in mail.part("plain").split() if word.startswith(beginning))

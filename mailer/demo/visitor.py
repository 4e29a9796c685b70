"""A visitor with a browser, without the browser: fills in forms and presses buttons over real HTTP."""

import re
from urllib.parse import urljoin

import httpx2
from selectolax.lexbor import LexborHTMLParser, LexborNode

from mailer.demo.cast import Reader
from mailer.demo.inbox import Inbox


class DemoFailed(Exception):
    """A step of the demo went wrong; the message says which."""


class Visitor:
    """One person after the other, on the pages of a running service."""

    def __init__(self, client: httpx2.AsyncClient, base: str, inbox: Inbox) -> None:
        self.client = client
        self.base = base
        self.inbox = inbox

    async def sign_up(self, reader: Reader) -> str:
        """Fill in the form, wait for the letter; returns the link in it."""
        before = self.inbox.last
        given: dict[str, str | list[str]] = {
            "address": reader.address,
            "region": list(reader.regions),
            "kind": list(reader.kinds),
            "frequency": reader.frequency,
            "language": reader.language,
        }
        await self.send_form(f"{self.base}/subscribe", given)
        try:
            letter = await self.inbox.wait_for(reader.address, before)
        except TimeoutError:
            raise DemoFailed(f"{reader.address} signed up, and no confirmation mail came") from None
        found = re.search(rf"{re.escape(self.base)}/confirm/\S+", letter.part("plain"))
        if found is None:
            raise DemoFailed(f"the confirmation mail of {reader.address} has no link")
        return found[0]

    async def open(self, url: str) -> LexborHTMLParser:
        """Follow a link."""
        answer = await self.client.get(url)
        if answer.status_code != 200:
            raise DemoFailed(f"GET {url} answered {answer.status_code}")
        return LexborHTMLParser(answer.text)

    async def send_form(self, url: str, given: dict[str, str | list[str]] | None = None) -> None:
        """Open a page, fill in its form as far as it asks for what is given, and press its button."""
        form = (await self.open(url)).css_first("main form[method=post]")
        if form is None:
            raise DemoFailed(f"{url} shows no button")
        asked = {node.attributes.get("name") for node in form.css("input, select")}
        fields = _hidden(form) | {name: value for name, value in (given or {}).items() if name in asked}
        answer = await self.client.post(urljoin(url, form.attributes.get("action") or ""), data=fields)
        if answer.status_code != 200:
            raise DemoFailed(f"the form of {url} was answered with {answer.status_code}")

    async def one_click(self, url: str) -> None:
        """What a mail program does (RFC 8058 §3.1): one POST, no page before it."""
        answer = await self.client.post(url, data={"List-Unsubscribe": "One-Click"})
        if answer.status_code not in {200, 202, 204}:
            raise DemoFailed(f"one-click at {url} was answered with {answer.status_code}")


def _hidden(form: LexborNode) -> dict[str, str | list[str]]:
    """What a browser sends without being told to."""
    found = form.css("input[type=hidden]")
    return {str(node.attributes["name"]): node.attributes.get("value") or "" for node in found}

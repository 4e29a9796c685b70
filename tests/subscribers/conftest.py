"""A visitor with a browser (that keeps nothing), and what waits in the ledger."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette

from mailer import subscribers
from mailer.database import Database
from mailer.links import Links
from mailer.settings import Settings
from mailer.site import error_pages, static_routes
from mailer.tables import consent, ledger, signup, subscriber
from mailer.tools.web_guard import WebGuard
from tests.conftest import FrozenClock


@dataclass
class Visitor:
    """Sends forms, follows links, presses buttons."""

    browser: httpx2.AsyncClient
    database: Database
    settings: Settings
    clock: FrozenClock
    links: Links
    woken: list[int] = field(default_factory=list)

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        return await self.browser.get(path, **options)

    async def post(self, path: str, **options: Any) -> httpx2.Response:
        return await self.browser.post(path, **options)

    async def sign_up(self, address: str = "alice@example.org", **fields: Any) -> httpx2.Response:
        return await self.post("/subscribe", data={"address": address, **fields})

    async def confirm_link(self, address: str = "alice@example.org") -> str:
        """The link in the newest letter to this address, as a path."""
        return path(self.links.confirm((await self.letters(address))[-1]["reference"]))

    async def join(self, address: str = "alice@example.org", **fields: Any) -> int:
        """Sign up and confirm; returns the subscriber's number."""
        await self.sign_up(address, **fields)
        link = await self.confirm_link(address)
        assert (await self.post(link, data=hidden_fields((await self.get(link)).text))).status_code == 200
        return int((await self.person(address))["id"])

    async def person(self, address: str = "alice@example.org") -> dict[str, Any]:
        return (await self.rows(select(subscriber).where(subscriber.c.address_key == address.casefold())))[0]

    async def letters(self, address: str | None = None) -> list[dict[str, Any]]:
        rows = await self.rows(select(ledger).order_by(ledger.c.id))
        return [row for row in rows if address is None or row["address"] == address]

    async def acts(self) -> list[str]:
        return [row["act"] for row in await self.rows(select(consent).order_by(consent.c.id))]

    async def rows(self, query: Any) -> list[dict[str, Any]]:
        async with self.database.reading() as db:
            return [dict(row) for row in (await db.execute(query)).mappings()]

    async def everything(self) -> dict[str, Any]:
        """All that a request could change here, to compare before and after."""
        return {table.name: await self.rows(select(table)) for table in (subscriber, signup, consent, ledger)}

    async def count(self, table: Any) -> int:
        return int((await self.rows(select(func.count().label("n")).select_from(table)))[0]["n"])


def path(link: str) -> str:
    return link.removeprefix("https://news.example.org")


def hidden_fields(html: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html))


@pytest.fixture
async def visitor(
    settings: Settings, database: Database, clock: FrozenClock, anyio_backend: str
) -> AsyncIterator[Visitor]:
    woken: list[int] = []

    async def wake(batch: int) -> None:
        woken.append(batch)

    app = Starlette(
        routes=[*subscribers.routes(settings, database, clock, wake), *static_routes(settings)],
        exception_handlers=dict(error_pages(settings)),
    )
    guarded = WebGuard(app, secure=True)
    transport = httpx2.ASGITransport(app=guarded, client=("192.0.2.7", 5000))
    ours = {"Sec-Fetch-Site": "same-origin"}  # as browsers say of a form on our own page
    async with httpx2.AsyncClient(
        transport=transport, base_url="https://news.example.org", headers=ours
    ) as browser:
        yield Visitor(browser, database, settings, clock, Links(settings), woken)

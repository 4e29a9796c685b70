"""The whole service on loopback, as the demo sets it up: web server, worker, SQLite, and an inbox over SMTP."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import httpx2
from sqlalchemy import func, select
from starlette.requests import Request
from starlette.routing import Route

from mailer import digests, news, subscribers
from mailer.app import create_app
from mailer.database import Database
from mailer.demo.cast import Reader
from mailer.demo.inbox import Inbox, Mail
from mailer.demo.run import FEEDS
from mailer.demo.settings import demo_settings
from mailer.demo.visitor import Visitor
from mailer.engine import Engine
from mailer.links import Links
from mailer.migrations import migrate
from mailer.serve import listen, serve_web
from mailer.settings import Settings
from mailer.tables import ledger, metadata
from mailer.tools.http_fetch import Fetcher
from mailer.worker import SEND, Worker
from tests.conftest import FrozenClock

READERS = (Reader("alice", ("lac",)), Reader("bilal", ("middle-east",), language="ar"))
"""They have confirmed and got a digest before the first test."""

PARTNER = "http://localhost:8099"
"""Another site, that may embed the form. Nobody listens there: tests make its pages up."""


async def break_down(_request: Request) -> NoReturn:
    """A page with a fault of ours, to see what a visitor is told then."""
    raise RuntimeError("on purpose")


class House:
    """A running service, and what a test wants to know of it."""

    def __init__(
        self, settings: Settings, database: Database, inbox: Inbox, client: httpx2.AsyncClient
    ) -> None:
        self.settings = settings
        self.base = settings.public_url
        self.database = database
        self.inbox = inbox
        self.client = client
        self.clock = FrozenClock()
        self.links = Links(settings)
        self.engine = Engine.beside(database)
        self.worker = Worker(settings, database, self.engine, self.clock, scheduled=False)
        self.visitor = Visitor(client, self.base, inbox)
        self._numbers = itertools.count(1)

    def new_name(self) -> str:
        """One that nobody here has used: to an address goes one letter a day."""
        return f"reader{next(self._numbers)}"

    async def ask(self, language: str = "en") -> Mail:
        """Somebody fills in the form in this language; the mail that asks them to confirm."""
        address, before = f"{self.new_name()}@readers.example", self.inbox.last
        await self.visitor.send_form(f"{self.base}/subscribe?lang={language}", {"address": address})
        return await self.inbox.wait_for(address, before)

    async def number(self, address: str) -> int:
        """What a subscriber's links are signed with."""
        async with self.database.reading() as db:
            person = await subscribers.find(db, address)
        assert person is not None
        return person.id

    async def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table, to compare before and after; but workers sign on by the minute.

        What the worker does by itself is done first.
        """
        while await self._open_letters():
            await asyncio.sleep(0.02)
        await self.worker.reconcile()
        async with self.database.reading() as db:
            return {
                table.name: sorted([tuple(row) for row in await db.execute(select(table))], key=repr)
                for table in metadata.sorted_tables
                if table.name != "worker"
            }

    async def _open_letters(self) -> int:
        query = select(func.count()).where(ledger.c.status.in_(("due", "handed")))
        async with self.database.reading() as db:
            return int((await db.execute(query)).scalar_one())

    async def digest(self, reader: Reader) -> Mail:
        return await self.inbox.wait_for(reader.address, 0)

    async def publish(self) -> None:
        """Read the demo's feeds, let `READERS` join, and send them their digests."""
        async with self.database.transaction() as db:
            for file in FEEDS:
                await news.add_feed(db, str(file), kind="news", announce_first=True)
        await news.poll(self.database, Fetcher(), self.clock, languages=self.settings.language_list)
        for reader in READERS:
            await self.visitor.send_form(await self.visitor.sign_up(reader))
        before = self.inbox.last
        await digests.publish(self.database, self.settings, self.clock(), self._send)
        for reader in READERS:
            await self.inbox.wait_for(reader.address, before)

    async def _send(self, batches: Sequence[int]) -> None:
        await self.engine.enqueue(SEND, *batches)


@asynccontextmanager
async def opened_house(folder: Path) -> AsyncIterator[House]:
    """A service whose data lies in `folder`, with news in it and two readers."""
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        inbox = await stack.enter_async_context(Inbox(folder / "inbox"))
        where = listen("127.0.0.1:0")
        settings = demo_settings(folder, where.getsockname()[1], inbox.port)
        settings = settings.model_copy(update={"embed_sites": PARTNER})
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        client = await stack.enter_async_context(httpx2.AsyncClient(trust_env=False, timeout=30))
        house = House(settings, database, inbox, client)
        stack.push_async_callback(house.engine.close)
        await migrate(database)
        broken = Route("/broken", break_down)
        app = create_app(settings, database, house.engine, house.clock, [broken])
        working = [
            asyncio.create_task(serve_web(app, where, stop)),
            asyncio.create_task(house.worker.run(stop)),
        ]
        try:
            await house.publish()
            yield house
        finally:
            stop.set()
            await asyncio.gather(*working)

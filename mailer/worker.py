"""The background work: sends what is due, publishes digests when their hour has come, polls the feeds.

One of the two files that know all rooms. Every job carries a number only and may be lost or come twice;
what is left to do always stands in the tables.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict

import structlog

from mailer import delivery, digests, news, subscribers
from mailer.database import Database
from mailer.delivery import CannotSend, Sender, Withheld
from mailer.engine import Engine
from mailer.personal import ROOMS
from mailer.settings import Settings
from mailer.tools.clock import Clock
from mailer.tools.http_fetch import Fetcher

SEND = "send"
"""The job that sends one batch of the ledger."""

log = structlog.get_logger(__name__)


class Worker:
    """One per process: `await Worker(…).run(stop)`. scheduled: act by the clock; else only send what is enqueued."""

    def __init__(
        self, settings: Settings, database: Database, engine: Engine, clock: Clock, *, scheduled: bool = True
    ) -> None:
        self.settings = settings
        self.database = database
        self.engine = engine
        self.clock = clock
        self.scheduled = scheduled

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then the letters on the wire are finished. Raises CannotSend at the start.

        Without any relay, or over a database that was restored from a backup, the rest goes on and letters wait
        in the ledger: people can still sign up and leave.
        """
        async with AsyncExitStack() as stack:
            if self.settings.relays.strip():
                await self._begin_sending(stack, stop)
            else:
                log.warning("MAILER_RELAYS is not set: mail waits, and nothing is sent")
            if self.scheduled:
                self.engine.every("publish", 60, self.publish)
                self.engine.every("poll", 60, self.poll)
                self.engine.every("forget", 3600, self.forget)
                self.engine.every("seal", 60, self.seal)
                self.engine.every("release", 3600, self.release)
                self.engine.every("sweep", "17 3 * * *", self.sweep)
            await self.engine.run(stop)

    async def _begin_sending(self, stack: AsyncExitStack, stop: asyncio.Event) -> None:
        try:
            sender = await stack.enter_async_context(Sender(self.settings, self.database, self.clock))
        except Withheld as withheld:
            log.error(
                "mail waits, and nothing is sent until this is answered and we are started again",
                reason=str(withheld),
            )
            return
        self._send_with(sender)
        ending = asyncio.create_task(self._stop_sending(sender, stop))
        stack.callback(ending.cancel)

    def _send_with(self, sender: Sender) -> None:
        async def send(batch: int) -> None:
            try:
                await sender.send_batch(batch)
            except CannotSend as error:
                log.warning("mail waits", reason=str(error))

        self.engine.task(SEND, send)
        self.engine.every("reconcile", 10, self.reconcile)

    @staticmethod
    async def _stop_sending(sender: Sender, stop: asyncio.Event) -> None:
        await stop.wait()
        sender.request_stop()

    async def reconcile(self) -> None:
        """Take letters back from workers that died, and enqueue every batch with something due."""
        async with self.database.transaction() as db:
            batches = await delivery.reconcile(db, self.clock(), self.settings.unknown_policy)
        await self.engine.enqueue(SEND, *batches)

    async def publish(self) -> None:
        """Plan the digests whose hour has come."""
        for run in await digests.publish(self.database, self.settings, self.clock(), self._enqueue_all):
            log.info("published", digest=run.period.name, readers=run.considered, letters=run.letters)

    async def _enqueue_all(self, batches: Sequence[int]) -> None:
        await self.engine.enqueue(SEND, *batches)

    async def poll(self) -> None:
        """Look into the feeds that are due."""
        reports = await news.poll(
            self.database, Fetcher(), self.clock, languages=self.settings.language_list, due_only=True
        )
        for report in reports:
            if report.error:
                log.warning("a feed could not be read", feed=report.url, reason=report.error)
            elif report.new or report.waiting:
                log.info("news came", feed=report.url, new=report.new, waiting=report.waiting)

    async def forget(self) -> None:
        """Delete the windows of budgets that are over."""
        async with self.database.transaction() as db:
            await subscribers.forget_budgets(db, self.clock())

    async def seal(self) -> None:
        """Seal what was recorded of consent since the last time; a flood group by group."""
        sealed = -1
        while sealed:
            async with self.database.transaction() as db:
                sealed = await subscribers.seal(db)

    async def release(self) -> None:
        """Imported people whose turn has come; letters that ask them are found by `reconcile`."""
        readers, asked = await subscribers.release(self.database, self.settings, self.clock())
        if readers or asked:
            log.info("imported people's turn has come", readers=readers, asked=asked)

    async def sweep(self) -> None:
        """Forget what has been kept long enough."""
        swept = await subscribers.sweep(self.database, self.settings, ROOMS, self.clock())
        log.info("swept", **asdict(swept))

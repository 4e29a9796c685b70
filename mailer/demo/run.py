"""What the demo does, step by step, and what it says meanwhile."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TypeVar

import httpx2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from sqlalchemy import func, select

from mailer import delivery, digests, news, subscribers
from mailer.app import create_app
from mailer.database import Database
from mailer.demo import inbox_pages
from mailer.demo.cast import CAST, Fate, Reader
from mailer.demo.check import check, stories
from mailer.demo.inbox import Inbox
from mailer.demo.settings import demo_settings
from mailer.demo.visitor import DemoFailed, Visitor
from mailer.digests import Published
from mailer.engine import Engine
from mailer.links import Links
from mailer.migrations import migrate
from mailer.serve import CannotListen, listen, serve_web, stopped_by_signals
from mailer.settings import Settings
from mailer.subscribers import Status
from mailer.tables import ledger
from mailer.tools.clock import utc_now
from mailer.tools.http_fetch import Fetcher
from mailer.worker import SEND, Worker

FEEDS = sorted((Path(__file__).resolve().parent.parent / "demo_news").glob("*.xml"))
PORT = 8000
AT_ONCE = 6
"""Readers who sign up at the same time."""
Result = TypeVar("Result")


async def demo(folder: Path, screen: Console, *, once: bool) -> bool:
    """Run the demo with its data in `folder`; True if everything was as it should be.

    once: end after the self-check, else go on serving until Ctrl-C.
    """
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        stack.enter_context(stopped_by_signals(stop.set))
        inbox = await stack.enter_async_context(Inbox(folder / "inbox"))
        try:
            where = listen(f"127.0.0.1:{PORT}")
        except CannotListen:
            where = listen("127.0.0.1:0")
        settings = demo_settings(folder, where.getsockname()[1], inbox.port)
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        stage = Stage(settings, database, inbox, screen)
        stack.push_async_callback(stage.engine.close)
        app = create_app(settings, database, stage.engine, utc_now, inbox_pages.routes(settings, inbox))
        await migrate(database)
        async with asyncio.TaskGroup() as group:
            group.create_task(serve_web(app, where, stop))
            fine = await _unless(stop, stage.play())
            if fine is not None and not once:
                stage.invite()
                await Worker(settings, database, stage.engine, utc_now).run(stop)
            stop.set()
        return fine is True


async def _unless(stop: asyncio.Event, work: Awaitable[Result]) -> Result | None:
    """The result of some work; None if we were told to stop before it was done."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        return working.result()
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    return None


class Stage:
    """The demo's parts in one place, and its acts in order."""

    def __init__(self, settings: Settings, database: Database, inbox: Inbox, screen: Console) -> None:
        self.settings = settings
        self.database = database
        self.inbox = inbox
        self.screen = screen
        self.engine = Engine.beside(database)

    async def play(self) -> bool:
        """From the feeds to the self-check. The worker sends, but nothing happens by the clock yet."""
        stop = asyncio.Event()
        worker = Worker(self.settings, self.database, self.engine, utc_now, scheduled=False)
        working = asyncio.create_task(worker.run(stop))
        try:
            await self.read_feeds()
            await self.invite_readers()
            published = await self.publish()
            await self.send(published)
            await self.show_table(published)
            return self.check_all()
        except DemoFailed as error:
            self.screen.print(f"✗ {error}", style="red", markup=False)
            return False
        finally:
            stop.set()
            await working

    async def read_feeds(self) -> None:
        """Take the demo's feeds into the list, and mail what stands in them: that is why we are here."""
        async with self.database.transaction() as db:
            for file in FEEDS:
                await news.add_feed(db, str(file), kind="news", announce_first=True)
        languages = self.settings.language_list
        reports = await news.poll(self.database, Fetcher(), utc_now, languages=languages)
        for report in reports:
            if report.error or report.unknown or report.skipped:
                raise DemoFailed(f"{report.url}: {report.error or report.unknown or report.skipped}")
        arrived = sum(report.new for report in reports)
        self.screen.print(f"✓ read {len(reports)} feeds: {arrived or 'no'} new items")

    async def invite_readers(self) -> None:
        """Everybody in the cast comes to where they should be; who is there already is left in peace."""
        slots = asyncio.Semaphore(AT_ONCE)
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            visitor = Visitor(client, self.settings.public_url, self.inbox)
            with self._bar() as progress:
                task = progress.add_task("readers sign up", total=len(CAST))

                async def come(reader: Reader) -> bool:
                    async with slots:
                        came = await self._bring(visitor, reader)
                    progress.advance(task)
                    return came

                new = sum(await asyncio.gather(*map(come, CAST)))
        fates = [reader.fate for reader in CAST]
        came = (
            f"{new} readers signed up over HTTP, by form, mail and button"
            if new
            else "everybody is here already"
        )
        self.screen.print(
            f"✓ {came}: {fates.count(Fate.CONFIRMED)} confirmed, {fates.count(Fate.UNCONFIRMED)} did not answer, "
            f"{sum(fate.left for fate in fates)} left again"
        )

    async def _bring(self, visitor: Visitor, reader: Reader) -> bool:
        """Lead one reader to their fate; True if they had to sign up for it."""
        number, status = await self._status(reader)
        comes = status is None or (status is Status.PENDING and reader.fate is not Fate.UNCONFIRMED)
        if comes:
            link = await visitor.sign_up(reader)
            await visitor.open(link)
            number, status = await self._status(reader)
            if status is not Status.PENDING:
                raise DemoFailed(f"opening a link confirmed {reader.address}; only the button may")
            if reader.fate is not Fate.UNCONFIRMED:
                await visitor.send_form(link)
                number, status = await self._status(reader)
                if status is not Status.CONFIRMED:
                    raise DemoFailed(f"the button did not confirm {reader.address}")
        if reader.fate.left and status is Status.CONFIRMED:
            await self._leave(visitor, reader, number)
        return comes

    async def _leave(self, visitor: Visitor, reader: Reader, number: int) -> None:
        link = Links(self.settings).unsubscribe(number)
        if reader.fate is Fate.LEFT_BY_PAGE:
            await visitor.send_form(link)
        else:
            await visitor.one_click(link)
        if (await self._status(reader))[1] is not Status.UNSUBSCRIBED:
            raise DemoFailed(f"{reader.address} could not unsubscribe")

    async def _status(self, reader: Reader) -> tuple[int, Status | None]:
        async with self.database.reading() as db:
            person = await subscribers.find(db, reader.address)
        return (person.id, person.status) if person else (0, None)

    async def publish(self) -> list[Published]:
        async def enqueue(batches: Sequence[int]) -> None:
            await self.engine.enqueue(SEND, *batches)

        return await digests.publish(self.database, self.settings, utc_now(), enqueue)

    async def send(self, published: Sequence[Published]) -> None:
        """The worker sends; here we watch the ledger until nothing is open."""
        for run in published:
            if not run.letters:
                continue
            name = f"{run.period.frequency} {run.period.name}"
            with self._bar() as progress:
                task = progress.add_task(f"sending {name}", total=run.letters)
                while True:
                    async with self.database.reading() as db:
                        counts = await delivery.progress(db, run.mailing_id)
                    progress.update(task, completed=counts.total - counts.unfinished)
                    if not counts.unfinished:
                        break
                    await asyncio.sleep(0.05)

    async def show_table(self, published: Sequence[Published]) -> None:
        if not any(run.letters for run in published):
            self.screen.print("✓ nothing new to send: everybody has had everything that there is")
            return
        table = Table("digest", "edition", "items", "language", "readers", "accepted")
        for run in published:
            accepted = await self._accepted(run.mailing_id)
            for number, edition in run.editions.items():
                table.add_row(
                    f"{run.period.frequency} {run.period.name}",
                    str(number),
                    str(len(edition.made.items)),
                    edition.made.language,
                    str(edition.readers),
                    str(accepted.get(number, 0)),
                )
        self.screen.print(table)

    async def _accepted(self, mailing_id: int) -> dict[int, int]:
        """Accepted letters of each edition."""
        query = (
            select(ledger.c.edition_id, func.count())
            .where(ledger.c.mailing_id == mailing_id, ledger.c.status == "accepted")
            .group_by(ledger.c.edition_id)
        )
        async with self.database.reading() as db:
            return {row[0]: row[1] for row in await db.execute(query)}

    def check_all(self) -> bool:
        problems = check(CAST, stories(FEEDS), self.inbox.mails())
        for problem in problems:
            self.screen.print(f"✗ {problem}", style="red", markup=False)
        if problems:
            return False
        confirmed = sum(reader.fate is Fate.CONFIRMED for reader in CAST)
        self.screen.print(
            f"✓ checked: each of {confirmed} confirmed readers got exactly one digest, with exactly the items "
            "of their choice; nobody else got one",
            style="green",
        )
        return True

    def invite(self) -> None:
        base = self.settings.public_url
        self.screen.print(f"\nOpen  {base}/         the sign-up form")
        self.screen.print(f"      {base}/inbox    what the readers got")
        self.screen.print("Ctrl-C stops.")

    def _bar(self) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        return Progress(*columns, console=self.screen, transient=True, disable=not self.screen.is_terminal)

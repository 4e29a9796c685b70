"""Four workers share a run while one is killed, one loses the relay, one the database, and PostgreSQL is restarted.

    python -m benchmarks.machines [--letters 20000] [--rate 150] [--policy resend] [--silent]

Each worker is a real `mailer worker` process with lines of its own to the relay and to PostgreSQL. With --silent a
line that is cut stays open and says nothing, as when a cable is pulled. rate: letters a second of each worker, so
that the run lasts long enough for a story. Exit status 1 where a promise was broken.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from sqlalchemy import BigInteger, bindparam, func, make_url, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError

from benchmarks.kill import LONG_AGO, Servers, fill
from benchmarks.line import Line
from benchmarks.measure import load
from mailer.database import Database
from mailer.delivery import Counts, progress
from mailer.engine import Engine
from mailer.migrations import migrate
from mailer.tables import batch, ledger, worker
from mailer.worker import SEND
from tests.delivery.sink import Sink

SECRET = "0123456789abcdef0123456789abcdef"
BATCH = 100
"""Letters in a batch: many small ones, so that each worker has its part of them."""
TAKE_OVER = 30.0
"""Seconds within which somebody else sends what a dead worker had not been handed yet."""


_JOBS_OF = text(
    """SELECT convert_from(payload, 'UTF8')::bigint FROM pgqueuer WHERE status = 'picked' AND queue_manager_id IN (
        SELECT queue_manager_id FROM pgqueuer WHERE convert_from(payload, 'UTF8')::bigint IN (
            SELECT batch_id FROM ledger WHERE id = ANY(:handed)))"""
).bindparams(bindparam("handed", type_=ARRAY(BigInteger)))
"""All batches in work at the process that holds these letters: the queue is the only one to know."""


@dataclass
class Machine:
    """A worker process, its data folder, and its two lines."""

    name: str
    relay: Line
    database: Line
    folder: Path
    process: asyncio.subprocess.Process

    async def end(self) -> None:
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), 25)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()


@dataclass
class Death:
    """What the killed worker left behind. handed, due: numbers of letters. at: by our clock."""

    relay: str
    at: datetime
    handed: list[int]
    batches: list[int]


@dataclass
class Told:
    """What was found at the end. due_after, handed_after: seconds from the kill until somebody else had sent the
    first and the last of what was due, and of what was handed."""

    letters: int
    missed: int
    doubled: int
    doubt: int
    counts: Counts
    policy: str
    by_relay: dict[str, int]
    due_after: float | None
    handed_after: tuple[float, float] | None

    @property
    def kept(self) -> bool:
        taken_over = self.due_after is None or self.due_after < TAKE_OVER
        if self.counts.unfinished or not taken_over:
            return False
        if self.policy == "resend":
            return self.missed == 0 and self.counts.unknown == 0 and self.doubled <= self.doubt
        return self.doubled == 0 and self.missed <= self.counts.unknown <= self.doubt

    def __str__(self) -> str:
        due = "none" if self.due_after is None else f"{self.due_after:.1f} s"
        handed = "none" if self.handed_after is None else "{:.1f} to {:.1f} s".format(*self.handed_after)
        return (
            f"due {self.letters}, accepted {self.counts.accepted}, missed {self.missed}, doubled {self.doubled}, "
            f"unknown {self.counts.unknown}; in doubt at most {self.doubt}\n"
            f"sent by {', '.join(f'{name} {count}' for name, count in sorted(self.by_relay.items()))}\n"
            f"after the kill, what the dead worker had not been handed was sent by others from: {due}; "
            f"what it had been handed: {handed}\n"
            f"{'every promise kept' if self.kept else f'BROKEN: {self.counts}'}"
        )


@dataclass
class Story:
    """The stage: one PostgreSQL, one sink, some machines. Every step says what it does, with its time."""

    servers: Servers
    sink: Sink
    url: str
    letters: int
    policy: str
    rate: float = 150
    silent: bool = False
    machines: list[Machine] = field(default_factory=list)
    doubt: int = 0
    death: Death | None = None
    mailing: int = 0
    began: float = field(default_factory=time.monotonic)

    def say(self, words: str) -> None:
        print(
            f"{time.monotonic() - self.began:6.1f} s  {self.sink.taken.total():6} taken   {words}", flush=True
        )

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """A short visit to PostgreSQL by the straight way; nothing is kept over its restart."""
        database = Database(self.url)
        try:
            yield database
        finally:
            await database.close()

    async def start(self, stack: AsyncExitStack, names: str) -> None:
        async with self.database() as database:
            await migrate(database)
            self.mailing = await fill(database, self.letters, BATCH)
            async with database.reading() as db:
                batches = (await db.execute(select(batch.c.id))).scalars().all()
            engine = Engine.beside(database)
            await engine.enqueue(SEND, *batches)
            await engine.close()
        for name in names:
            relay = await stack.enter_async_context(Line(("127.0.0.1", self.sink.port)))
            socket = Path(make_url(self.url).query["host"]) / ".s.PGSQL.5432"  # type: ignore[arg-type]
            line = await stack.enter_async_context(Line(str(socket)))
            folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.servers.folder))
            process = await self._worker(name, relay, line, folder)
            self.machines.append(Machine(name, relay, line, folder, process))
            stack.push_async_callback(self.machines[-1].end)
        self.say(f"{len(names)} workers start; {self.letters} letters are due")

    async def _worker(self, name: str, relay: Line, line: Line, folder: Path) -> asyncio.subprocess.Process:
        through = make_url(self.url).set(host="127.0.0.1", port=line.port, query={})
        values = {
            "MAILER_DATABASE_URL": through.render_as_string(hide_password=False),
            "MAILER_RELAYS": f"smtp://127.0.0.1:{relay.port}?tls=none&name={name}&rate={self.rate}",
            "MAILER_SENDER": "Example Facility <news@example.org>",
            "MAILER_UNKNOWN_POLICY": self.policy,
            "MAILER_DATA_DIR": str(folder),
            "MAILER_SECRET": SECRET,
        }
        root = Path(__file__).resolve().parent.parent
        environment = {**os.environ, **values, "PYTHONPATH": str(root)}
        with (folder / "log").open("wb") as log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "mailer", "worker"), env=environment, cwd=folder, stderr=log
            )

    async def until_all_send(self) -> None:
        while len(await self._sent_by()) < len(self.machines):
            for machine in self.machines:
                if machine.process.returncode is not None:
                    raise RuntimeError(
                        f"{machine.name} did not start:\n{(machine.folder / 'log').read_text()}"
                    )
            await asyncio.sleep(0.2)
        self.say("all of them send")

    async def until_taken(self, share: float) -> None:
        """Until the sink has this share of all letters."""
        while len(self.sink.taken) < share * self.letters:
            await asyncio.sleep(0.05)

    async def kill(self, machine: Machine) -> None:
        machine.process.kill()
        at = datetime.now(UTC)
        await machine.process.wait()
        async with self.database() as database, database.reading() as db:
            handed = await self._handed(db, machine)
            batches = (await db.execute(_JOBS_OF, {"handed": handed})).scalars().all()
        self.doubt += len(handed)
        self.death = Death(machine.name, at, handed, list(batches))
        self.say(
            f"{machine.name} is killed, with {len(handed)} letters in hand and {len(batches)} batches in work"
        )

    async def _handed(self, db: Any, machine: Machine) -> list[int]:
        ids = select(worker.c.id).where(worker.c.name.endswith(f":{machine.process.pid}"))
        rows = await db.execute(
            select(ledger.c.id).where(ledger.c.status == "handed", ledger.c.worker_id.in_(ids))
        )
        return [row[0] for row in rows]

    async def cut_off_from_relay(self, machine: Machine) -> None:
        self.doubt += len(machine.relay.ends) // 2  # a letter for each connection
        self._cut(machine.relay)
        self.say(f"{machine.name} is cut off from the relay")

    async def cut_off_from_database(self, machine: Machine) -> None:
        self._cut(machine.database)
        async with self.database() as database, database.reading() as db:
            handed = await self._handed(db, machine)
        self.doubt += len(handed)
        self.say(f"{machine.name} is cut off from the database, with {len(handed)} letters in hand")

    def _cut(self, line: Line) -> None:
        if self.silent:
            line.hush()
        else:
            line.cut()

    async def restart_postgresql(self) -> None:
        await asyncio.to_thread(self.servers.crash)
        self.say("PostgreSQL went down as if the power had gone, and is back")

    async def end_lease_of_the_dead(self) -> None:
        """For a test that can't wait twenty seconds."""
        async with self.database() as database, database.transaction() as db:
            dead = worker.c.name.endswith(f":{self.machines[0].process.pid}")
            await db.execute(update(worker).where(dead).values(lease_until=LONG_AGO))

    async def _sent_by(self) -> dict[str, int]:
        async with self.database() as database, database.reading() as db:
            by_relay = select(ledger.c.relay, func.count()).where(ledger.c.relay.is_not(None))
            rows = await db.execute(by_relay.where(ledger.c.status == "accepted").group_by(ledger.c.relay))
            return {row[0]: row[1] for row in rows}

    async def until_done(self, patience: float = 300) -> None:
        """Until nothing is due or in hand any more. Raises TimeoutError."""
        async with asyncio.timeout(patience):
            while (await self._counts()).unfinished:
                await asyncio.sleep(0.25)
        self.say("nothing is due or in hand any more")

    async def _counts(self) -> Counts:
        with suppress(DBAPIError, OSError):
            async with self.database() as database, database.reading() as db:
                return await progress(db, self.mailing)
        return Counts(due=1)  # PostgreSQL is just starting

    async def told(self) -> Told:
        taken = self.sink.taken
        due_after: float | None = None
        handed_after: tuple[float, float] | None = None
        if self.death is not None:
            rest = ledger.c.batch_id.in_(self.death.batches) & ledger.c.id.not_in(self.death.handed)
            after = await self._sent_after(rest)
            due_after = after[0] if after else None
            handed_after = await self._sent_after(ledger.c.id.in_(self.death.handed))
        return Told(
            letters=self.letters,
            missed=self.letters - len(taken),
            doubled=taken.total() - len(taken),
            doubt=self.doubt,
            counts=await self._counts(),
            policy=self.policy,
            by_relay=await self._sent_by(),
            due_after=due_after,
            handed_after=handed_after,
        )

    async def _sent_after(self, which: Any) -> tuple[float, float] | None:
        """Seconds from the kill to the first and the last of these letters that others sent."""
        assert self.death is not None
        others = (ledger.c.status == "accepted", ledger.c.relay != self.death.relay)
        when = select(func.min(ledger.c.done_at), func.max(ledger.c.done_at)).where(which, *others)
        async with self.database() as database, database.reading() as db:
            first, last = (await db.execute(when.where(ledger.c.done_at >= self.death.at))).one()
        if first is None:
            return None
        return (first - self.death.at).total_seconds(), (last - self.death.at).total_seconds()


async def play(story: Story) -> None:
    """Four workers. Those that are cut off stay so for longer than their lease."""
    async with AsyncExitStack() as stack:
        await story.start(stack, "abcd")
        first, second, third, _ = story.machines
        await story.until_all_send()
        await story.until_taken(0.10)
        await story.kill(first)
        await story.until_taken(0.15)
        await story.cut_off_from_relay(second)
        await story.until_taken(0.20)
        await story.cut_off_from_database(third)
        await asyncio.sleep(12)
        await story.restart_postgresql()
        await asyncio.sleep(12)
        await second.relay.mend()
        story.say(f"{second.name} reaches the relay again")
        await third.database.mend()
        story.say(f"{third.name} reaches the database again")
        await story.until_done()


async def main(arguments: argparse.Namespace) -> int:
    parent = Path(tempfile.mkdtemp(prefix="mailer-machines-"))
    parent.chmod(0o755)
    servers = Servers(parent, sqlite_only=False)
    try:
        async with Sink() as sink, servers.fresh("postgresql", 1) as url:
            story = Story(
                servers, sink, url, arguments.letters, arguments.policy, arguments.rate, arguments.silent
            )
            print(
                f"policy {arguments.policy}; lines are cut {'in silence' if story.silent else 'aloud'}; {load()}"
            )
            await play(story)
            told = await story.told()
            print(f"{told}\n{load()}")
            return 0 if told.kept else 1
    finally:
        servers.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--letters", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=150)
    parser.add_argument("--policy", choices=("resend", "leave"), default="resend")
    parser.add_argument("--silent", action="store_true")
    raise SystemExit(uvloop.run(main(parser.parse_args())))

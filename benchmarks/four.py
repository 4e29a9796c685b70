"""Four workers share a run on PostgreSQL while the ground moves under them: python -m benchmarks.four [--letters N].

One is killed, one is cut off from the relay and one from the database, each behind a gate that shuts and opens
again, and PostgreSQL crashes in between. Prints what happened when. Exit status 1 where somebody was missed,
or more were doubled than were in doubt.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from sqlalchemy import func, make_url, select

from benchmarks.kill import Servers, fill
from mailer.database import Database
from mailer.delivery import Counts, progress
from mailer.engine import Engine
from mailer.tables import batch, ledger, worker
from mailer.worker import SEND
from tests.delivery.sink import Sink

RATE = 150
"""Letters a second that each worker may send: the run shall last while things happen."""


class Gate:
    """Forwards connections to a server, until it is shut; all of them break then, and new ones are refused."""

    def __init__(
        self, connect: Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
    ) -> None:
        self._connect = connect
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def shut(self) -> int:
        """Returns how many connections broke."""
        self._server.close()
        broken = len(self._writers) // 2
        for writer in list(self._writers):
            writer.transport.abort()
        return broken

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        both = {writer, far_writer}
        self._writers |= both
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer), return_exceptions=True)
        self._writers -= both


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.transport.abort()


class Story:
    """What happens, and what is seen of it from outside."""

    def __init__(self, database: Database, mailing: int, sink: Sink) -> None:
        self._database = database
        self._mailing = mailing
        self._sink = sink
        self._began = time.monotonic()
        self.doubt = 0

    def say(self, words: str) -> None:
        print(
            f"{time.monotonic() - self._began:6.1f} s  {self._sink.taken.total():7} sent  {words}", flush=True
        )

    async def counts(self) -> Counts:
        async with self._database.reading() as db:
            return await progress(db, self._mailing)

    async def handed_to(self, process: asyncio.subprocess.Process) -> int:
        """Letters that this process holds, or held when it died."""
        theirs = select(worker.c.id).where(worker.c.name.like(f"%:{process.pid}"))
        held = select(func.count()).where(ledger.c.status == "handed", ledger.c.worker_id.in_(theirs))
        async with self._database.reading() as db:
            return int((await db.execute(held)).scalar_one())

    async def until(self, what: str, ask: Callable[[], Awaitable[bool]], limit: float = 120.0) -> None:
        """Wait for something, and say how long it took."""
        began = time.monotonic()
        while not await ask():
            if time.monotonic() - began > limit:
                self.say(f"NOT within {limit:.0f} s: {what}")
                return
            await asyncio.sleep(0.1)
        self.say(f"after {time.monotonic() - began:.1f} s: {what}")

    async def moves_again(self) -> None:
        before = self._sink.taken.total()

        async def more() -> bool:
            return self._sink.taken.total() > before

        await self.until("letters leave again", more)


async def start(number: int, url: str, relay_port: int, folder: Path) -> asyncio.subprocess.Process:
    data = folder / f"worker{number}"
    data.mkdir()
    environment = {
        **os.environ,
        "MAILER_DATABASE_URL": url,
        "MAILER_DATA_DIR": str(data),
        "MAILER_SECRET": "0123456789abcdef0123456789abcdef",
        "MAILER_SENDER": "Four <news@example.org>",
        "MAILER_RELAYS": f"smtp://127.0.0.1:{relay_port}?tls=none&rate={RATE}&connections=5&name=worker{number}",
    }
    log = (folder / f"worker{number}.log").open("wb")
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mailer", "worker", env=environment, stdout=log, stderr=log
    )


async def play(
    story: Story, servers: Servers, workers: list[asyncio.subprocess.Process], gates: list[Gate]
) -> None:
    """The four events, one after the other, while the run goes on."""
    killed, _, cut_off, _ = workers
    relay_gate, database_gate = gates
    await story.until("the first hundred letters are out", lambda: _at_least(story, 100))
    await asyncio.sleep(3)
    story.doubt += await story.handed_to(killed)
    killed.kill()
    story.say(f"worker 1 is killed, with {await story.handed_to(killed)} letters in hand")

    async def taken_back() -> bool:
        return await story.handed_to(killed) == 0

    taking = asyncio.create_task(story.until("its letters are due again", taken_back))
    await asyncio.sleep(3)
    broken = relay_gate.shut()
    story.doubt += broken
    story.say(f"worker 2 is cut off from the relay: {broken} connections break")
    await asyncio.sleep(3)
    in_hand = await story.handed_to(cut_off)
    story.doubt += in_hand
    database_gate.shut()
    story.say(f"worker 3 is cut off from the database, with {in_hand} letters in hand")
    await asyncio.sleep(6)
    await relay_gate.open()
    story.say("worker 2 can reach the relay again")
    await taking
    await asyncio.sleep(2)
    story.say("PostgreSQL crashes")
    await asyncio.to_thread(servers.crash)
    story.say("PostgreSQL is there again")
    await story.moves_again()
    await asyncio.sleep(8)
    await database_gate.open()
    story.say("worker 3 can reach the database again")


async def _at_least(story: Story, letters: int) -> bool:
    return (await story.counts()).accepted >= letters


async def main(letters: int) -> int:
    folder = Path(tempfile.mkdtemp(prefix="mailer-four-"))
    folder.chmod(0o755)
    servers = Servers(folder, sqlite_only=False)
    async with Sink() as sink, servers.fresh("postgresql", 4) as url:
        environment = {**os.environ, "MAILER_DATABASE_URL": url, "MAILER_DATA_DIR": str(folder)}
        migrated = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mailer", "migrate", env=environment
        )
        await migrated.wait()
        database = Database(url)
        mailing = await fill(database, letters)
        engine = Engine.beside(database)
        async with database.reading() as db:
            await engine.enqueue(SEND, *(await db.execute(select(batch.c.id))).scalars())
        await engine.close()
        address = make_url(url)
        path = f"{address.query['host']}/.s.PGSQL.{address.port or 5432}"
        database_gate = Gate(lambda: asyncio.open_unix_connection(path))
        relay_gate = Gate(lambda: asyncio.open_connection("127.0.0.1", sink.port))
        await database_gate.open()
        await relay_gate.open()
        behind = address.set(host="127.0.0.1", port=database_gate.port, query={}).render_as_string(False)
        workers = [
            await start(1, url, sink.port, folder),
            await start(2, url, relay_gate.port, folder),
            await start(3, behind, sink.port, folder),
            await start(4, url, sink.port, folder),
        ]
        story = Story(database, mailing, sink)
        await play(story, servers, workers, [relay_gate, database_gate])

        async def finished() -> bool:
            return (await story.counts()).unfinished == 0

        await story.until("nothing is due any more", finished, limit=600)
        counts = await story.counts()
        by_relay = select(ledger.c.relay, func.count()).group_by(ledger.c.relay).order_by(ledger.c.relay)
        async with database.reading() as db:
            shares = ", ".join(f"{row[0]} {row[1]}" for row in await db.execute(by_relay))
        for process in workers[1:]:
            process.send_signal(signal.SIGTERM)
        await asyncio.gather(*(process.wait() for process in workers))
        await database.close()
        missed, doubled = letters - len(sink.taken), sink.taken.total() - len(sink.taken)
    servers.close()
    print(f"{counts}\n{shares}")
    print(f"missed {missed}, doubled {doubled}, in doubt at most {story.doubt}")
    return int(missed > 0 or doubled > story.doubt or counts.accepted != letters)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--letters", type=int, default=30_000)
    raise SystemExit(uvloop.run(main(parser.parse_args().letters)))

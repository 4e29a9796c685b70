"""Two workers whose clocks are an hour apart, one before and one after a digest falls due, plan it at the same moment.

    python -m benchmarks.clocks [--readers 5000]

Each is a process of its own on one PostgreSQL, plans twice at once, then works by its own clock. Exit status 1
where a reader got nothing, or an item twice.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import uvloop
from sqlalchemy import insert, select

from benchmarks.kill import Servers
from benchmarks.kill import settings as kill_settings
from benchmarks.measure import load
from mailer import choices
from mailer.database import Database
from mailer.delivery import Counts, progress
from mailer.digests.schedule import last_due
from mailer.engine import Engine
from mailer.migrations import migrate
from mailer.serve import stopped_by_signals
from mailer.tables import digest, subscriber
from mailer.tools.clock import utc_now
from mailer.worker import Worker
from tests.delivery.sink import Sink
from tests.digests.cast import LONG_AGO, add_item, add_reader

HALF = timedelta(minutes=30)


async def work(url: str, relay: str, folder: str, skew: str) -> None:
    """The worker process. skew: seconds by which its clock is ahead. It begins when it is told to."""
    ahead = timedelta(seconds=float(skew))
    database = Database(url)
    engine = Engine.beside(database)
    own = kill_settings(relay, "resend", Path(folder))
    worker = Worker(own, database, engine, lambda: utc_now() + ahead)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.gather(worker.publish(), worker.publish())
    print("published", flush=True)
    stop = asyncio.Event()
    with stopped_by_signals(stop.set):
        await worker.run(stop)
    await engine.close()
    await database.close()


async def seed(database: Database, readers: int) -> datetime:
    """Weekly readers of everything, and three items. Returns the moment at which the last weekly digest was due."""
    await migrate(database)
    async with database.transaction() as db:
        number = await add_reader(db, "reader0")
        first = (await db.execute(select(subscriber).where(subscriber.c.id == number))).one()
        fixed = {"status": "confirmed", "audience_id": first.audience_id, "created_at": LONG_AGO}
        others = [f"reader{n}@example.com" for n in range(1, readers)]
        await db.execute(insert(subscriber), [{**fixed, "address": a, "address_key": a} for a in others])
        for title in ("Water for schools", "A new programme", "A call for projects"):
            await add_item(db, title)
        weekly = next(s for s in (await choices.read(db)).schedules if s.frequency == "weekly")
    return last_due(weekly, utc_now(), ZoneInfo("UTC")).due_at


async def plan_at_once(
    url: str, sink: Sink, folder: Path, skews: Sequence[timedelta], readers: int, *, send: bool = True
) -> Counts:
    """Workers with these clocks plan, and send until every reader has a letter and nothing is due.

    send: False: until everybody's letter is planned. What is due by a clock that is ahead waits for that worker, so
    sending it all can take minutes.
    """
    async with AsyncExitStack() as stack:
        processes = []
        for number, skew in enumerate(skews):
            (folder / f"machine{number}").mkdir()
            words = (url, sink.url, str(folder / f"machine{number}"), str(skew.total_seconds()))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.clocks", "--work", *words),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            processes.append(process)
            stack.push_async_callback(process.wait)
            stack.callback(process.terminate)
        for word in (b"ready", b"published"):
            for process in processes:
                assert process.stdout is not None
                if word not in await process.stdout.readline():
                    raise RuntimeError("a worker did not start")
            if word == b"ready":
                for process in processes:
                    assert process.stdin is not None
                    process.stdin.write(b"go\n")
        database = Database(url)
        async with asyncio.timeout(120):
            while True:
                async with database.reading() as db:
                    counts = await progress(db)
                if counts.total >= readers and not (send and counts.unfinished):
                    break
                await asyncio.sleep(0.25)
        await database.close()
        return counts


async def runs(url: str) -> list[str]:
    """The weekly runs, each with the readers that it considered."""
    database = Database(url)
    async with database.reading() as db:
        columns = select(digest.c.period, digest.c.considered).where(digest.c.frequency == "weekly")
        found = [f"{row.period} for {row.considered} readers" for row in await db.execute(columns)]
    await database.close()
    return found


async def main(readers: int) -> int:
    parent = Path(tempfile.mkdtemp(prefix="mailer-clocks-"))
    parent.chmod(0o755)
    servers = Servers(parent, sqlite_only=False)
    try:
        async with Sink() as sink, servers.fresh("postgresql", 1) as url:
            database = Database(url)
            due_at = await seed(database, readers)
            await database.close()
            to_due = due_at - utc_now()
            await plan_at_once(url, sink, parent, (to_due - HALF, to_due + HALF), readers)
            missed, doubled = readers - len(sink.taken), sink.taken.total() - len(sink.taken)
            print(f"weekly runs: {', '.join(await runs(url))}")
            print(
                f"{readers} readers, {sink.taken.total()} letters, missed {missed}, doubled {doubled}; {load()}"
            )
            return 1 if missed or doubled else 0
    finally:
        servers.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        uvloop.run(work(*sys.argv[2:]))
    else:
        parser = argparse.ArgumentParser(
            description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.add_argument("--readers", type=int, default=5000)
        raise SystemExit(uvloop.run(main(parser.parse_args().readers)))

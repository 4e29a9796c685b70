"""`make bench WHAT=serve`: sign-ups while `mailer serve` sends a large mailing from the same process, on SQLite.

    python -m benchmarks.serve [--letters 100000] [--rate 20] [--seconds 10]

Into the light sink. Visitors come at an even rate from a process of their own, first while nothing is sent, then
from the start of the sending to its end. No sign-up may fail; shown is the time within which 99 of 100 are answered.
"""

import argparse
import asyncio
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path

from benchmarks.measure import load
from benchmarks.sample import fill
from benchmarks.sink import light_sink, running
from benchmarks.visitors import Visit
from benchmarks.web import mailer, visit
from mailer.database import Database
from mailer.migrations import migrate


async def prepare(url: str, letters: int) -> None:
    """A mailing that waits, paused."""
    database = Database(url)
    await migrate(database)
    await fill(database, letters)
    await database.close()


def ask(file: Path, statement: str) -> int:
    db = sqlite3.connect(file, timeout=30)
    try:
        with db:
            row = db.execute(statement).fetchone()
        return int(row[0]) if row else 0
    finally:
        db.close()


def tell(what: str, seen: Visit) -> None:
    times = "   ".join(f"p{share:g} {seen.within(share / 100):.1f} ms" for share in (50, 99, 100))
    print(f"{what:18}{seen.good} sign-ups, {seen.failed} failed   {times}   {load()}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--letters", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=10)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mailer-serve-"))
    file = folder / "mailer.db"
    url = f"sqlite:///{file}"
    unfinished = "SELECT EXISTS (SELECT 1 FROM ledger WHERE status IN ('due', 'deferred', 'handed'))"
    sent = "SELECT count(*) FROM ledger WHERE status = 'accepted'"
    try:
        asyncio.run(prepare(url, chosen.letters))
        ask(file, "UPDATE mailing SET state = 'paused' WHERE name = 'weekly'")
        with (
            running(light_sink(Path("build"))) as sink,
            mailer("serve", url, folder, relays=f"smtp://127.0.0.1:{sink.port}") as (port, _),
        ):
            visit(port, 2, 16, chosen.rate)  # everything is warm
            idle = visit(port, chosen.seconds, 16, chosen.rate)
            tell("nothing is sent", idle)
            before = ask(file, sent)
            ask(file, "UPDATE mailing SET state = 'open' WHERE name = 'weekly'")
            began = time.perf_counter()
            parts: list[Visit] = []
            while ask(file, unfinished) and time.perf_counter() - began < 600:
                parts.append(visit(port, 3, 16, chosen.rate))
            took = time.perf_counter() - began
            letters = ask(file, sent) - before
        busy = Visit(
            took,
            sum(part.good for part in parts),
            sum(part.failed for part in parts),
            sorted(took for part in parts for took in part.times),
        )
        tell("while it sends", busy)
        print(f"{letters} letters in {took:.0f} s; p99 ÷ idle {busy.within(0.99) / idle.within(0.99):.1f}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

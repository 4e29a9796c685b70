"""`make bench WHAT=signup`: sign-ups a second over kept connections, beside the database's bare one-row commits.

    python -m benchmarks.signup [--seconds 4] [--rounds 5] [--connections 16] [--only sqlite,postgresql]

The server is a real `mailer serve` (on PostgreSQL `mailer web`) with nothing to send; visitors are a process of
their own. The bare commits are made by this process, through the same driver: on SQLite one after the other, on
PostgreSQL over as many connections as the visitors have, and over one. Rounds alternate; medians are shown.
"""

import argparse
import asyncio
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import uvloop
from sqlalchemy import make_url, text

from benchmarks.measure import cpu_of, load
from benchmarks.visitors import Visit
from benchmarks.web import mailer, postgresql, visit
from mailer.database import Database

TABLE = "CREATE TABLE IF NOT EXISTS bare (address varchar(254))"
ROW = "somebody@example.org"


def sqlite_bare(url: str, seconds: float) -> float:
    """One-row commits a second, on a connection set up as ours are."""
    db = sqlite3.connect(make_url(url).database or "", isolation_level=None)
    db.execute("PRAGMA synchronous=NORMAL")
    db.execute(TABLE)
    count, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        db.execute("INSERT INTO bare VALUES (?)", (ROW,))
        count += 1
    db.close()
    return count / seconds


async def _commit(url: str, seconds: float, connections: int) -> float:
    open_ones = [await asyncpg.connect(url) for _ in range(connections)]
    await open_ones[0].execute(TABLE)
    count, until = 0, time.perf_counter() + seconds

    async def insert(db: asyncpg.Connection) -> None:
        nonlocal count
        while time.perf_counter() < until:
            await db.execute("INSERT INTO bare VALUES ($1)", ROW)
            count += 1

    await asyncio.gather(*map(insert, open_ones))
    for db in open_ones:
        await db.close()
    return count / seconds


def postgresql_bare(url: str, seconds: float, connections: int) -> float:
    return uvloop.run(_commit(url, seconds, connections))


async def _one_door(url: str, seconds: float, connections: int) -> float:
    """The same through `Database.transaction`."""
    database = Database(url)
    count, until = 0, time.perf_counter() + seconds
    insert = text("INSERT INTO bare VALUES (:address)")

    async def commit() -> None:
        nonlocal count
        while time.perf_counter() < until:
            async with database.transaction() as db:
                await db.execute(insert, {"address": ROW})
            count += 1

    await asyncio.gather(*(commit() for _ in range(connections)))
    await database.close()
    return count / seconds


def play(name: str, url: str, folder: Path, chosen: argparse.Namespace) -> None:
    """Rounds on one database, and its lines of the table."""
    connections = chosen.connections
    bare: dict[str, Callable[[], float]] = (
        {"bare commits": lambda: sqlite_bare(url, 1)}
        if name == "sqlite"
        else {
            "bare commits, 1 connection": lambda: postgresql_bare(url, 1, 1),
            f"bare commits, {connections} connections": lambda: postgresql_bare(url, 1, connections),
        }
    )
    bare["one-row transactions of ours"] = lambda: uvloop.run(_one_door(url, 1, connections))
    rates: dict[str, list[float]] = {what: [] for what in bare}
    visits: list[Visit] = []
    micros: list[float] = []
    with mailer("serve" if name == "sqlite" else "web", url, folder) as (port, process):
        visit(port, 1, connections)  # everything is warm
        for _ in range(chosen.rounds):
            for what, run in bare.items():
                rates[what].append(run())
            before = cpu_of(process.pid)
            visits.append(visit(port, chosen.seconds, connections))
            micros.append((cpu_of(process.pid) - before) / max(visits[-1].good, 1) * 1e6)
    print(f"\n{name}, {load()}")
    ours = statistics.median(one.rate for one in visits)
    p50, p99 = (statistics.median(one.within(share) for one in visits) for share in (0.5, 0.99))
    failed = sum(one.failed for one in visits)
    cpu = statistics.median(micros)
    print(
        f"{'sign-ups':34}{ours:9.0f}/s   p50 {p50:.1f} ms   p99 {p99:.1f} ms   {cpu:.0f} µs CPU   {failed} failed"
    )
    for what, found in rates.items():
        shares = [one.rate / rate for one, rate in zip(visits, found, strict=True)]
        print(f"{what:34}{statistics.median(found):9.0f}/s   sign-ups ÷ this {statistics.median(shares):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--only", default="sqlite,postgresql")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mailer-signup-"))
    folder.chmod(0o755)  # PostgreSQL runs as a user of its own
    try:
        if "sqlite" in chosen.only:
            play("sqlite", f"sqlite:///{folder / 'mailer.db'}", folder, chosen)
        if "postgresql" in chosen.only:
            with postgresql(folder) as url:
                if url is not None:
                    play("postgresql", url, folder, chosen)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

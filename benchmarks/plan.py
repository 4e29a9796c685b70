"""`make bench WHAT=plan`: planning a digest, from readers to ledger rows, its editions made on the way.

    python -m benchmarks.plan [--readers 10000,100000] [--audiences 300,20000] [--only sqlite,postgresql]

A twentieth of the readers have missed a run. With `--readers 10000,100000,1000000` it takes some minutes and
gigabytes. Each planning is a process of its own, so that its peak of memory is told.
"""

import argparse
import asyncio
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop
from sqlalchemy import make_url

from benchmarks.measure import load
from benchmarks.readers import fill
from benchmarks.sample import settings
from benchmarks.web import postgresql
from mailer.database import Database
from mailer.digests import publish
from mailer.migrations import migrate
from mailer.tools.clock import utc_now


async def plan(url: str, folder: Path) -> None:
    """One run, in this process; prints what it took as JSON."""
    database = Database(url)
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    longest = 0.0

    async def watch() -> None:
        """How long the loop was held at most: sign-ups wait for that."""
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            longest = max(longest, time.perf_counter() - before - 0.005)

    async def enqueue(_batches: Sequence[int]) -> None:
        """Nobody sends."""

    watching = asyncio.create_task(watch())
    began, cpu = time.perf_counter(), time.process_time()
    (run,) = await publish(database, settings("", folder), utc_now(), enqueue, frequency="weekly")
    took = time.perf_counter() - began
    watching.cancel()
    await database.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"seconds": took, "cpu": time.process_time() - cpu, "peak": peak, "idle": idle, "held": longest}
    print(
        json.dumps(told | {"readers": run.considered, "letters": run.letters, "editions": len(run.editions)})
    )


async def prepare(url: str, readers: int, audiences: int) -> None:
    database = Database(url)
    await migrate(database)
    await fill(database, readers, audiences)
    await database.close()


def measure(name: str, url: str, folder: Path, readers: int, audiences: int) -> None:
    uvloop.run(prepare(url, readers, audiences))
    command = [sys.executable, "-m", "benchmarks.plan", "--one", url, "--folder", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{name:11}{told['readers']:9,} readers {audiences:6,} choices {told['editions']:6,} editions "
        f"{told['seconds']:8.1f} s {told['letters'] / told['seconds']:8,.0f} letters/s "
        f"{told['cpu'] / told['letters'] * 1e6:7.0f} µs CPU "
        f"{told['peak']:5.0f} MB peak ({told['idle']:.0f} idle)  loop held {told['held'] * 1000:.0f} ms  {load()}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readers", default="10000,100000")
    parser.add_argument("--audiences", default="300,20000")
    parser.add_argument("--only", default="sqlite,postgresql")
    parser.add_argument(
        "--one", metavar="URL", help="plan what is in this database; used by the program itself"
    )
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    if chosen.one:
        uvloop.run(plan(chosen.one, chosen.folder))
        return
    sizes = [
        (readers, audiences)
        for audiences in map(int, chosen.audiences.split(","))
        for readers in map(int, chosen.readers.split(","))
    ]
    folder = Path(tempfile.mkdtemp(prefix="mailer-plan-"))
    folder.chmod(0o755)  # PostgreSQL runs as a user of its own
    try:
        for readers, audiences in sizes if "sqlite" in chosen.only else ():
            file = folder / f"{readers}-{audiences}.db"
            measure("sqlite", f"sqlite:///{file}", folder, readers, audiences)
            file.unlink()
        if "postgresql" in chosen.only:
            with postgresql(folder) as server:
                for readers, audiences in sizes if server else ():
                    url = _new_database(str(server), f"plan_{readers}_{audiences}")
                    measure("postgresql", url, folder, readers, audiences)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _new_database(server: str, name: str) -> str:
    import asyncpg

    async def create() -> None:
        connection = await asyncpg.connect(server)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(create())
    return make_url(server).set(database=name).render_as_string(hide_password=False)


if __name__ == "__main__":
    main()

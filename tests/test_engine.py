"""The work engine does the same in memory and on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from sqlalchemy import make_url

from mailer.database import Database
from mailer.engine import Engine, EngineError, _cron
from tests.conftest import run_sql


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something has become true; a test that waits for ever fails."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    run = asyncio.create_task(engine.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await run
        await engine.close()


@pytest.fixture
async def engine(database: Database) -> Engine:
    engine = Engine.beside(database)
    await engine.install()
    return engine


async def test_a_handler_gets_each_number(engine: Engine) -> None:
    seen: list[int] = []

    async def send(number: int) -> None:
        seen.append(number)

    engine.task("send", send)
    await engine.enqueue("send", 1, 2)  # before anybody works
    async with running(engine):
        await until(lambda: sorted(seen) == [1, 2])
        await engine.enqueue("send", 3)
        await until(lambda: sorted(seen) == [1, 2, 3])


async def test_a_number_that_waits_already_is_not_put_there_twice(engine: Engine) -> None:
    seen: list[int] = []

    async def send(number: int) -> None:
        seen.append(number)

    engine.task("send", send)
    await engine.enqueue("send", 1, 1)
    await engine.enqueue("send", 1, 9)
    async with running(engine):
        await until(lambda: 9 in seen)
    assert sorted(seen) == [1, 9]


async def test_what_is_urgent_overtakes(engine: Engine) -> None:
    seen: list[int] = []

    async def send(number: int) -> None:
        seen.append(number)

    engine.task("send", send)
    await engine.enqueue("send", *range(20))
    await engine.enqueue("send", 100, ahead=True)
    async with running(engine):
        await until(lambda: len(seen) == 21)
    assert 100 in seen[:4]


async def test_a_handler_that_fails_stops_neither_the_next_job_nor_the_same_number_later(
    engine: Engine,
) -> None:
    seen: list[int] = []

    async def send(number: int) -> None:
        seen.append(number)
        if len(seen) == 1:
            raise RuntimeError("once")

    engine.task("send", send)
    async with running(engine):
        await engine.enqueue("send", 1)
        await until(lambda: seen == [1])
        while len(seen) < 2:
            await engine.enqueue("send", 1)
            await asyncio.sleep(0.05)


async def test_a_timer_fires(engine: Engine) -> None:
    fired = asyncio.Event()

    async def tick() -> None:
        fired.set()

    engine.every("tick", 1, tick)
    async with running(engine):
        await asyncio.wait_for(fired.wait(), 30)


async def test_the_engine_keeps_no_log_of_jobs(engine: Engine) -> None:
    engine.tidy_when = "* * * * * *"
    seen: list[int] = []

    async def send(number: int) -> None:
        seen.append(number)

    engine.task("send", send)
    async with running(engine):
        await engine.enqueue("send", 1)
        await until(lambda: seen == [1])
        async with engine._connected() as queue, asyncio.timeout(30):
            while await queue.queue_log():
                await asyncio.sleep(0.05)


async def test_stopping_ends_a_job_that_would_never_end(engine: Engine) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def hang(_number: int) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    engine.task("send", hang)
    await engine.enqueue("send", 1)
    async with running(engine):
        await asyncio.wait_for(started.wait(), 30)
    assert ended.is_set()


async def test_installing_twice_is_harmless(engine: Engine) -> None:
    await engine.install()


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_database_without_the_queue_says_migrate(database: Database) -> None:
    with pytest.raises(EngineError, match="mailer migrate"):
        await Engine.beside(database).run(asyncio.Event())


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_work_goes_on_after_the_connections_were_cut(engine: Engine, database_url: str) -> None:
    seen: list[int] = []

    async def send(number: int) -> None:
        seen.append(number)

    engine.task("send", send)
    async with running(engine):
        await engine.enqueue("send", 1)
        await until(lambda: 1 in seen)
        await run_sql(
            make_url(database_url).set(database="postgres").render_as_string(hide_password=False),
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{make_url(database_url).database}'",
        )
        while 2 not in seen:
            await engine.enqueue("send", 2)
            await asyncio.sleep(0.05)


async def test_a_queue_out_of_reach_is_no_error_for_who_enqueues(free_tcp_port: int) -> None:
    database = Database(f"postgresql://nobody@127.0.0.1:{free_tcp_port}/none")
    engine = Engine.beside(database)
    await engine.enqueue("send", 1)
    stop = asyncio.Event()
    run = asyncio.create_task(engine.run(stop))
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(run), 0.2)
    assert not run.done()  # it waits for the database to come back
    stop.set()
    await asyncio.wait_for(run, 5)


@pytest.mark.parametrize(
    ("seconds", "cron"), [(10, "* * * * * */10"), (60, "*/1 * * * *"), (900, "*/15 * * * *")]
)
def test_an_interval_becomes_a_cron_expression(seconds: int, cron: str) -> None:
    assert _cron(seconds) == cron


@pytest.mark.parametrize("seconds", [0, 7, 90, 7200])
def test_an_interval_that_divides_nothing_is_refused(seconds: int) -> None:
    with pytest.raises(ValueError, match="divide"):
        _cron(seconds)

"""Many machines on one PostgreSQL: real worker processes, one dies, the database is restarted; clocks differ."""

import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from benchmarks.clocks import HALF, plan_at_once, runs, seed
from benchmarks.kill import Servers
from benchmarks.machines import Story
from mailer.database import Database
from mailer.tools.clock import utc_now
from tests.delivery.sink import Sink

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """A PostgreSQL of its own, since these tests crash it."""
    folder = Path(tempfile.mkdtemp(prefix="mailer-machines-"))
    folder.chmod(0o755)
    servers = Servers(folder, sqlite_only=False)
    yield servers
    servers.close()


async def test_two_workers_finish_a_run_though_one_is_killed_and_postgresql_restarts(
    servers: Servers,
) -> None:
    async with Sink() as sink, servers.fresh("postgresql", 1) as url, AsyncExitStack() as stack:
        story = Story(servers, sink, url, letters=2000, policy="resend", rate=400)
        await story.start(stack, "ab")
        await story.until_all_send()
        await story.kill(story.machines[0])
        await story.restart_postgresql()
        await story.end_lease_of_the_dead()
        await story.until_done()
        told = await story.told()
    assert told.kept, f"{told}"
    assert told.by_relay.keys() == {"a", "b"}


async def test_two_workers_an_hour_apart_that_plan_at_once_send_nobody_a_digest_twice(
    servers: Servers, tmp_path: Path
) -> None:
    async with Sink() as sink, servers.fresh("postgresql", 2) as url:
        database = Database(url)
        to_due = await seed(database, 200) - utc_now()
        await database.close()
        counts = await plan_at_once(url, sink, tmp_path, (to_due - HALF, to_due + HALF), 200, send=False)
        assert len(await runs(url)) == 2  # last week's, and this week's
    assert counts.total - counts.skipped == 200
    assert all(copies == 1 for copies in sink.taken.values())

"""Five rounds of `make kill`: whoever dies, and whenever, nobody is missed or doubled beyond what was in doubt."""

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.kill import Killer, Servers
from tests.delivery.sink import Sink


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """A PostgreSQL of its own, since these tests crash it."""
    folder = Path(tempfile.mkdtemp(prefix="mailer-kill-"))
    folder.chmod(0o755)
    servers = Servers(folder, sqlite_only=False)
    yield servers
    servers.close()


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("number", "victim", "kind", "policy"),
    [
        (1, "worker", "sqlite", "resend"),
        (2, "worker", "sqlite", "leave"),
        (3, "worker", "postgresql", "resend"),
        (4, "relay", "postgresql", "leave"),
        (5, "postgresql", "postgresql", "resend"),
    ],
)
async def test_a_crash_neither_misses_nor_doubles_beyond_what_was_in_doubt(
    servers: Servers, number: int, victim: str, kind: str, policy: str
) -> None:
    async with Sink() as sink:
        played = await Killer(servers, sink, 1500, random.Random()).play(number, victim, kind, policy)
    assert played.kept, f"{played}"

"""Fixtures of the journeys."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.journeys.operator import Operator


@pytest.fixture
def operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Operator]:
    """An operator with a new SQLite database, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    yield Operator(monkeypatch, capsys, f"sqlite:///{tmp_path / 'mailer.db'}")
    structlog.reset_defaults()


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder that programs without our rights can reach, as Postfix's are."""
    folder = Path(tempfile.mkdtemp(prefix="mailer-journey-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)

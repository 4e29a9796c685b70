"""Rights of readers at the command line: import, export, erase, verify."""

import io
import json
import sqlite3
from pathlib import Path

import pytest

from tests.journeys.operator import Operator

RIGHT = ("--basis", "consent", "--evidence", "forms of the fair, in the archive")


@pytest.fixture
def ready(operator: Operator) -> Operator:
    assert operator.types("migrate").status == 0
    return operator


@pytest.fixture
def old_list(tmp_path: Path) -> str:
    file = tmp_path / "old.csv"
    file.write_text(
        "E-Mail;Status;Confirmed at\nann@example.org;active;2023-05-01\nben@example.org;active;\n"
        "cem@example.org;unsubscribed;\nnobody;active;\n",
        "utf-8",
    )
    return str(file)


def test_an_import_is_looked_at_taken_and_taken_back(ready: Operator, old_list: str) -> None:
    seen = ready.types("subscribers", "import", old_list, *RIGHT, "--dry-run")
    assert seen.status == 0
    assert "column 1 is address, 2 is status, 3 is confirmed" in seen.words
    assert "line 5: 'nobody': not a usable mail address: no @" in seen.words
    assert "Nothing was changed" in seen.words
    done = ready.types("subscribers", "import", old_list, *RIGHT, "--yes")
    assert "Import 1: 2 added." in done.words
    assert "ann@example.org" in ready.types("subscribers", "export", "--status", "confirmed").out
    assert "ben@example.org" in ready.types("subscribers", "export", "--status", "held").out
    assert "2 forgotten; 0 kept" in ready.types("subscribers", "import", "--undo", "1", "--yes").words
    assert "0 readers" in ready.types("subscribers", "list").words


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ((), "--basis consent"),
        (("--basis", "consent"), "--evidence"),
        ((*RIGHT, "--column", "mail=E-Mail"), "write one of address"),
        ((*RIGHT, "--column", "confirmed=DATE"), "no column is called 'DATE'"),
        (("--undo", "7", "--yes"), "There is no import 7"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(
    ready: Operator, old_list: str, said: tuple[str, ...], words: str
) -> None:
    answer = ready.types("subscribers", "import", old_list, *said)
    assert answer.status in {1, 2}
    assert words in answer.words
    assert "Traceback" not in answer.words


def test_a_reader_gets_a_copy_and_is_erased(ready: Operator) -> None:
    ready.has_readers(["alice@example.org"])
    copy = json.loads(ready.types("subscribers", "export", "Alice@example.org").out)
    assert (copy["address"], copy["letters"], copy["digests"]) == (
        "alice@example.org",
        [],
        {"considered_up_to": None},
    )
    assert ready.types("subscribers", "show", "alice@example.org").status == 0
    erased = ready.types("subscribers", "erase", "alice@example.org", "--yes")
    assert erased.status == 0
    assert "alice@example.org" not in erased.words
    assert "Nobody here" in ready.types("subscribers", "erase", "alice@example.org", "--yes").words
    assert ready.types("subscribers", "erase", "nonsense", "--yes").status == 2


def test_without_yes_it_asks_first(ready: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    ready.has_readers(["alice@example.org"])
    assert ready.types("subscribers", "erase", "alice@example.org").status == 1
    assert "alice@example.org" in ready.types("subscribers", "export").out


def test_the_record_is_proved_and_a_planted_change_is_named(ready: Operator, old_list: str) -> None:
    ready.types("subscribers", "import", old_list, *RIGHT, "--yes")
    proved = ready.types("subscribers", "consent", "verify")
    assert proved.status == 0
    assert "2 seals. Unbroken." in proved.words
    with (
        sqlite3.connect(ready.url.removeprefix("sqlite:///")) as db,
        pytest.raises(sqlite3.Error, match="only ever added"),
    ):
        db.execute("UPDATE consent SET actor = 'reader'")
    with sqlite3.connect(ready.url.removeprefix("sqlite:///")) as db:
        db.execute("DROP TRIGGER consent_before_update")
        db.execute("UPDATE consent SET actor = 'reader' WHERE id = 2")
    broken = ready.types("subscribers", "consent", "verify")
    assert broken.status == 1
    assert "seal 2: its record (row 2) was changed" in broken.words


def test_what_is_past_its_time_is_forgotten_at_once_where_asked(ready: Operator) -> None:
    assert "0 never confirmed" in ready.types("subscribers", "forget").words

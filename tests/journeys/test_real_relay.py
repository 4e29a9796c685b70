"""`mailer news poll` and `mailer digest run` with a relay that isn't ours: Postfix, up, down, and in a bad mood."""

from pathlib import Path

import pytest

from tests.journeys.operator import FEED, Operator
from tests.journeys.relays import free_port, postfix, recipients, smtp_sink, wait_for

pytestmark = pytest.mark.postfix

READERS = sorted(f"{name}@readers.example" for name in ("alice", "bob", "carol", "dave", "erin"))


@pytest.fixture
def ready(operator: Operator) -> Operator:
    """News has come, five readers wait for it."""
    assert operator.types("migrate").status == 0
    assert operator.types("news", "feed", "add", str(FEED), "--kind", "news", "--announce-first").status == 0
    said = operator.types("news", "poll")
    assert "19 new" in said.words, said.words
    operator.has_readers(READERS)
    return operator


def test_what_a_relay_that_was_down_did_not_get_goes_with_the_next_run(
    ready: Operator, outside: Path
) -> None:
    port = free_port()
    ready.set(relays=f"smtp://127.0.0.1:{port}")
    down = ready.types("digest", "run")
    assert down.status == 1
    assert "Traceback" not in down.words
    assert set(ready.ledger().values()) <= {"due", "deferred"}
    with smtp_sink(port, outside / "sink"):
        up = ready.types("digest", "run")
        assert up.status == 0, up.words
        again = ready.types("digest", "run")
        assert "Nothing was waiting" in again.words
    assert recipients(outside / "sink") == READERS
    assert set(ready.ledger().values()) == {"accepted"}


@pytest.mark.parametrize("command", ["RCPT", "DATA", "."])
def test_what_a_relay_put_off_goes_with_the_next_run_and_to_nobody_twice(
    ready: Operator, outside: Path, command: str
) -> None:
    port = free_port()
    ready.set(relays=f"smtp://127.0.0.1:{port}")
    with smtp_sink(port, outside / "first", "-r", command):
        assert "Traceback" not in ready.types("digest", "run").words
    assert set(ready.ledger().values()) == {"deferred"}
    with smtp_sink(port, outside / "second"):
        said = ready.types("digest", "run")
    assert recipients(outside / "second") == READERS, said.words
    assert set(ready.ledger().values()) == {"accepted"}


def test_postfix_refuses_one_puts_one_off_and_everybody_else_gets_it_once(
    ready: Operator, outside: Path
) -> None:
    port, behind, refusals = free_port(), free_port(), {READERS[0]: "550 5.1.1 Nobody of this name"}
    ready.set(relays=f"smtp://127.0.0.1:{port}")
    with smtp_sink(behind, outside / "sink"):
        with postfix(port, behind, outside / "one", refusals | {READERS[1]: "450 4.2.1 Come back later"}):
            said = ready.types("digest", "run")
            wait_for(lambda: recipients(outside / "sink") == READERS[2:])
        assert ready.ledger() == dict(zip(READERS, ["rejected", "deferred", *["accepted"] * 3], strict=True))
        assert "1 deferred" in said.words
        with postfix(port, behind, outside / "two", refusals):
            ready.types("digest", "run")
            wait_for(lambda: recipients(outside / "sink") == READERS[1:])
    assert ready.ledger()[READERS[0]] == "rejected"
    assert ready.ledger()[READERS[1]] == "accepted"


def test_a_test_mail_says_what_the_relay_answered(ready: Operator, outside: Path) -> None:
    port = free_port()
    ready.set(relays=f"smtp://127.0.0.1:{port}")
    with smtp_sink(port, outside / "sink"):
        said = ready.types("send-test", "me@readers.example")
    assert (said.status, "accepted by 127.0.0.1" in said.words) == (0, True), said.words
    assert recipients(outside / "sink") == ["me@readers.example"]
    with smtp_sink(port, outside / "sink", "-f", "RCPT"):
        said = ready.types("send-test", "me@readers.example")
    assert (said.status, "rejected by 127.0.0.1" in said.words) == (1, True), said.words
    assert ready.types("send-test", "nobody").status == 2


def test_a_digest_is_paused_resumed_and_cancelled_by_its_name(ready: Operator, outside: Path) -> None:
    port = free_port()
    ready.set(relays=f"smtp://127.0.0.1:{port}")
    with smtp_sink(port, outside / "first", "-r", "RCPT"):
        ready.types("digest", "run")
    name = " ".join(ready.types("digest", "status").out.split("│")[1].split())
    assert name.startswith("weekly ")
    assert ready.types("digest", "pause", "weekly 1999-W01").status == 2
    with smtp_sink(port, outside / "second"):
        assert ready.types("digest", "pause", name).status == 0
        ready.types("digest", "run")
        assert recipients(outside / "second") == []
        assert ready.types("digest", "resume", name).status == 0
        ready.types("digest", "run")
        assert recipients(outside / "second") == READERS
        assert ready.types("digest", "cancel", name).status == 0


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        ("public_url", "http://news.example.org"),
        ("sender", ""),
        ("postal_address", ""),
        ("privacy_url", ""),
    ],
)
def test_a_relay_elsewhere_is_refused_while_something_is_missing(
    ready: Operator, setting: str, wrong: str
) -> None:
    ready.set(
        relays="smtp://relay.example.org:587",
        public_url="https://news.example.org",
        sender="Facility <news@example.org>",
        postal_address="1 Example Street, Brussels",
        privacy_url="https://www.example.org/privacy",
    )
    ready.set(**{setting: wrong})
    said = ready.types("digest", "run")
    assert said.status == 1
    assert f"MAILER_{setting.upper()}" in said.words
    assert "relay.example.org" in said.words
    assert "set it to" in said.words
    assert ready.ledger() == {}  # nothing was planned either

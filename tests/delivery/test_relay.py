"""MAILER_RELAYS: what is understood, and what each mistake is answered with."""

import pytest

from mailer.delivery.relay import Relay, RelayError, is_loopback, parse_relays


def test_a_relay_needs_no_more_than_its_address() -> None:
    (relay,) = parse_relays("smtp://mail.example.net")
    assert relay == Relay(host="mail.example.net", port=587, tls="starttls", name="mail.example.net:587")
    assert not relay.loopback
    assert not relay.sign


def test_user_and_password_are_decoded_and_never_shown() -> None:
    (relay,) = parse_relays("smtps://us%40er:p%2Fa%3Ass@mail.example.net")
    assert (relay.user, relay.password) == ("us@er", "p/a:ss")
    assert (relay.tls, relay.port) == ("implicit", 465)
    assert "p/a:ss" not in repr(relay)


def test_options_set_the_limits() -> None:
    first, second = parse_relays(
        "smtp://a.example:25?connections=3&per_connection=50&rate=14.5&weight=2&size=10000000&name=ses"
        " smtp://127.0.0.1:2525?sign=on&pipelining=off&ca=/etc/ca.pem&seconds=60&tls=none"
    )
    assert (first.connections, first.per_connection, first.rate, first.weight) == (3, 50, 14.5, 2)
    assert (first.size, first.name) == (10_000_000, "ses")
    assert (second.sign, second.pipelining, second.ca, second.seconds) == (True, False, "/etc/ca.pem", 60)
    assert second.tls == "none"


def test_nothing_set_is_no_relay() -> None:
    assert parse_relays("  ") == ()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
    ],
)
def test_loopback_is_this_machine_and_nothing_that_looks_like_it(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_tls_is_asked_for_wherever_mail_leaves_the_machine() -> None:
    tls = {
        relay.host: relay.tls for relay in parse_relays("smtp://[::1]:25 smtp://10.0.0.1 smtp://localhost")
    }
    assert tls == {"::1": "opportunistic", "10.0.0.1": "starttls", "localhost": "opportunistic"}


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("mail.example.net:587", "Write smtp://host:587"),
        ("http://mail.example.net", "Write smtp://host:587"),
        ("smtp://", "Write smtp://host:port"),
        ("smtp://mail.example.net/inbox", "options follow after a question mark"),
        ("smtp://user:secret/word@mail.example.net", "%2F for /"),
        ("smtp://mail.example.net:port", "%3A for :"),
        ("smtp://mail.example.net:99999", "%3A for :"),
        ("smtp://mail.example.net?speed=9", "Known: tls, connections"),
        ("smtp://mail.example.net?connections=many", "a whole number from 1 to 1000"),
        ("smtp://mail.example.net?connections=0", "a whole number from 1 to 1000"),
        ("smtp://mail.example.net?rate=-1", "letters a second"),
        ("smtp://mail.example.net?rate=nan", "letters a second"),
        ("smtp://mail.example.net?tls=maybe", "starttls, opportunistic or none"),
        ("smtp://mail.example.net?sign=yes", "on or off"),
        ("smtps://mail.example.net?tls=none", "Leave ?tls= out"),
        ("smtp://user:secret@mail.example.net?tls=none", "password in clear text"),
        ("smtp://user:secret@mail.example.net?tls=opportunistic", "password in clear text"),
        ("smtp://a.example smtp://a.example", "twice"),
    ],
)
def test_a_mistake_is_answered_with_what_to_write_and_without_the_password(text: str, hint: str) -> None:
    with pytest.raises(RelayError) as error:
        parse_relays(text)
    assert hint in str(error.value)
    assert "secret" not in str(error.value)

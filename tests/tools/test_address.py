"""Which mail addresses are taken, and how they are kept."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.tools.address import Address, AddressError, Fault, parse, suggest

LOCAL = st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_-'", min_size=1)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("alice@example.org", "alice@example.org"),
        ("  alice@example.org\n", "alice@example.org"),
        ("Alice.B@EXAMPLE.Org", "Alice.B@example.org"),
        ("o'brien+news@example.museum", "o'brien+news@example.museum"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@bu\u0308cher.example", "info@xn--bcher-kva.example"),  # NFC
        ("x@faß.de", "x@xn--fa-hia.de"),  # IDNA 2008, not "fass.de"
        ("a@" + "b." * 120 + "org", "a@" + "b." * 120 + "org"),
    ],
)
def test_it_keeps_the_local_part_and_writes_the_domain_as_a_label(typed: str, kept: str) -> None:
    assert parse(typed).text == kept


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", Fault.EMPTY),
        ("   ", Fault.EMPTY),
        ("alice", Fault.NO_AT),
        ("alice@", Fault.DOMAIN),
        ("alice@localhost", Fault.DOMAIN),
        ("alice@io", Fault.DOMAIN),
        ("alice@printer.local", Fault.DOMAIN),
        ("alice@-example.org", Fault.DOMAIN),
        ("alice@xn--.org", Fault.DOMAIN),
        ("alice@[192.0.2.1]", Fault.DOMAIN),
        ("jürgen@example.org", Fault.NOT_ASCII),
        ("alice(comment)@example.org", Fault.FORM),
        ('"alice"@example.org', Fault.FORM),
        ("Alice <alice@example.org>", Fault.FORM),
        ("al ice@example.org", Fault.FORM),
        ("alice@example.org\r\nBcc: bob@example.org", Fault.SEVERAL),
        ("alice\x00@example.org", Fault.FORM),
        ("alice@example.org,bob@example.org", Fault.SEVERAL),
        ("alice@example.org bob@example.org", Fault.SEVERAL),
        ("a" * 65 + "@example.org", Fault.TOO_LONG),
        ("a@" + "b" * 300 + ".org", Fault.TOO_LONG),
        ("a@" + "ü." * 80 + "org", Fault.DOMAIN),  # short as typed, long on the wire
    ],
)
def test_it_says_why_an_address_is_not_taken(typed: str, fault: Fault) -> None:
    with pytest.raises(AddressError) as error:
        parse(typed)
    assert error.value.fault is fault


def taken(text: str) -> bool:
    try:
        return bool(parse(text))
    except AddressError:
        return False


@pytest.mark.corpus
def test_the_isemail_cases_are_taken_where_people_use_them(corpus: Path) -> None:
    """Of 164 cases: all valid ones whose domain has a dot, and nothing else. Space around doesn't count."""
    cases = json.loads((corpus / "addresses/isemail/tests.json").read_text())
    assert len(cases) == 164
    for case in cases:
        address = case["address"]
        valid = case["category"] in {"ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN"}
        expected = valid and "." in address.rpartition("@")[2]
        if address.strip() != address:
            expected = address.strip() == "test@iana.org"
        assert taken(address) == expected, case


@pytest.mark.corpus
def test_the_cases_of_email_validator(corpus: Path) -> None:
    """No display names, quotes, IP literals or SMTPUTF8; the rest as the library says."""
    cases = json.loads((corpus / "addresses/email-validator/cases.json").read_text())
    expected: dict[str, Callable[[str], bool]] = {
        "test_email_valid": lambda text: '"' not in text and "<" not in text,
        "test_email_valid_intl_local_part": lambda _: False,
        "test_email_valid_only_if_quoted_local_part": lambda _: False,
        "test_email_valid_domain_literal": lambda _: False,
        "test_email_invalid_syntax": lambda text: text.strip() == "my@example.com",
        "test_email_invalid_syntax_strict": lambda _: False,
        "test_email_invalid_reserved_domain": lambda _: False,
    }
    counted = 0
    for case in cases:
        text = _first(case["values"])
        rule = expected.get(case["test"])
        if rule and isinstance(text, str):
            counted += 1
            assert taken(text) == rule(text), case
    assert counted > 120


def _first(values: Any) -> Any:
    return values[0] if isinstance(values, list) else values


@given(LOCAL)
def test_the_same_mailbox_has_one_key_whatever_the_case(local: str) -> None:
    text = f"{local[:64]}@Example.org"
    if taken(text):
        assert parse(text).key == parse(text.swapcase()).key
        assert parse(text).text.startswith(local[:64])


def test_dots_and_tags_make_another_mailbox() -> None:
    keys = {parse(text).key for text in ("a.b@gmail.com", "ab@gmail.com", "ab+x@gmail.com")}
    assert len(keys) == 3


@given(st.text(max_size=300))
def test_nothing_that_is_typed_breaks_it(text: str) -> None:
    if taken(text):
        kept = parse(text).text
        assert kept.isascii()
        assert kept.isprintable()
        assert " " not in kept
        assert len(kept) <= 254
        assert parse(kept).text == kept


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("anna@gmial.com", "anna@gmail.com"),
        ("anna@gmail.con", "anna@gmail.com"),
        ("anna@gmail.co", "anna@gmail.com"),
        ("anna@gmai.com", "anna@gmail.com"),
        ("anna@hotmial.com", "anna@hotmail.com"),
        ("anna@outlok.com", "anna@outlook.com"),
        ("anna@gmail.com", None),
        ("anna@mail.com", None),
        ("anna@ymail.com", None),
        ("anna@example.org", None),
        ("anna@gmx.ch", None),
        ("anna@me.org", None),
    ],
)
def test_it_suggests_the_domain_that_was_probably_meant(typed: str, meant: str | None) -> None:
    assert suggest(parse(typed)) == meant


def test_some_mailboxes_are_read_by_nobody() -> None:
    assert not parse("No-Reply@example.org").is_read
    assert not parse("MAILER-DAEMON@example.org").is_read
    assert parse("info@example.org").is_read


def test_a_masked_address_is_known_again_by_its_owner_only() -> None:
    assert Address("alice@mail.example.org").masked == "a•••@m•••.org"

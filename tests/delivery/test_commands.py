"""MAIL and RCPT: for every address and every relay, never a word more than meant."""

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailer.delivery.commands import Capabilities, address_commands
from mailer.delivery.outcome import Rejected
from tests.delivery.scripted import make_letter

NOTHING = Capabilities()
EVERYTHING = Capabilities(True, True, 20_000_000, True, True)


def commands(can: Capabilities = NOTHING, **values: Any) -> tuple[str, str]:
    result = address_commands(make_letter(7, **values), can)
    assert not isinstance(result, Rejected), result
    return result[0].decode(), result[1].decode()


def refusal(can: Capabilities = NOTHING, **values: Any) -> Rejected:
    result = address_commands(make_letter(7, **values), can)
    assert isinstance(result, Rejected), result
    return result


def test_a_relay_that_offers_nothing_gets_the_addresses_alone() -> None:
    assert commands(sender="b+7@example.org", recipient="a@example.com") == (
        "MAIL FROM:<b+7@example.org>\r\n",
        "RCPT TO:<a@example.com>\r\n",
    )
    assert commands(sender="")[0] == "MAIL FROM:<>\r\n"


@pytest.mark.parametrize(
    ("offer", "size"), [("", 0), ("0", 0), ("20000000", 20_000_000), ("big", 0), (" 5 ", 5)]
)
def test_size_is_told_where_it_is_offered(offer: str, size: int) -> None:
    can = Capabilities.read({"size": offer})
    assert (can.size, can.largest) == (True, size)
    assert commands(can, content=[b"x\r\n"])[0].endswith(" SIZE=3\r\n")


@pytest.mark.parametrize(("offer", "limit"), [("100", 0), ("0", 100), ("", 100), ("100", 200), ("200", 100)])
def test_a_letter_that_is_too_large_is_refused_here(offer: str, limit: int) -> None:
    can = Capabilities.read({"size": offer}, limit)
    assert commands(can, size=100)
    too_large = refusal(can, size=101)
    assert (too_large.code, too_large.blame) == (552, "sender")


# S18: address × capabilities


@pytest.mark.parametrize("can", [NOTHING, EVERYTHING])
def test_an_international_domain_alone_goes_in_ascii(can: Capabilities) -> None:
    mail, rcpt = commands(can, recipient="info@bücher.example", sender="b@españa.example")
    assert "RCPT TO:<info@xn--bcher-kva.example>" in rcpt
    assert "MAIL FROM:<b@xn--espaa-rta.example>" in mail
    assert "SMTPUTF8" not in mail


def test_an_international_local_part_needs_smtputf8() -> None:
    mail, rcpt = commands(EVERYTHING, recipient="gänse@bücher.example")
    assert " SMTPUTF8" in mail
    assert rcpt.startswith("RCPT TO:<gänse@xn--bcher-kva.example>")
    assert refusal(recipient="gänse@bücher.example").blame == "sender"


# S19


def test_dsn_names_the_letter_and_the_original_recipient() -> None:
    mail, rcpt = commands(EVERYTHING, recipient="a+b=c@example.com")
    assert " RET=HDRS ENVID=7" in mail
    assert rcpt == "RCPT TO:<a+b=c@example.com> NOTIFY=FAILURE ORCPT=rfc822;a+2Bb+3Dc@example.com\r\n"
    assert "ORCPT=utf-8;g\\x{E4}nse@example.com" in commands(EVERYTHING, recipient="gänse@example.com")[1]
    assert (
        "ORCPT=rfc822;info@xn--bcher-kva.example" in commands(EVERYTHING, recipient="info@bücher.example")[1]
    )
    assert "NOTIFY" not in commands()[1]


# S12


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example>\r\nRCPT TO:<c@d.example",
        "a@b.example\nDATA",
        "a@b.example> SIZE=1",
        "a b@c.example",
        "a@b.example\x00",
        "a\x7f@b.example",
        "<a@b.example>",
        "a\u2028@b.example",
        "ä\r\n@b.example",
        "a@\u3002",
        "@b.example",
        "é@" + "x" * 70 + "é.example",
        "x" * 250 + "@b.example",
        "",
    ],
)
def test_an_address_that_could_say_more_than_an_address_is_refused(address: str) -> None:
    assert refusal(EVERYTHING, recipient=address).code == 553
    if address:
        assert refusal(EVERYTHING, sender=address).code == 553


@given(st.text(max_size=60), st.text(max_size=60), st.booleans())
@example("a@b>\r\nX", "a@b", True)
def test_no_address_ends_its_argument_or_adds_a_command(
    sender: str, recipient: str, all_offered: bool
) -> None:
    result = address_commands(
        make_letter(7, sender=sender, recipient=recipient), EVERYTHING if all_offered else NOTHING
    )
    if isinstance(result, Rejected):
        return
    path = r"<[^<>\s\x00-\x20\x7f]*>"
    words = r"( (SIZE=\d+|RET=HDRS|ENVID=\d+|SMTPUTF8|NOTIFY=FAILURE|ORCPT=[!-~]+))*\r\n"
    assert re.fullmatch(rf"MAIL FROM:{path}{words}", result[0].decode())
    assert re.fullmatch(rf"RCPT TO:{path}{words}", result[1].decode())


def test_mailmax_is_read_wherever_it_stands() -> None:
    assert Capabilities.read({"limits": "RCPTMAX=1 MAILMAX=30"}).mailmax == 30
    assert Capabilities.read({"limits": "RCPTMAX=1"}).mailmax == 0

"""A digest as it goes over the wire: finished bytes, read again by a strict parser."""

import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from mailer.delivery.compose import Claimed, Composer, Press, Stored, date_line
from mailer.delivery.envelope import Content
from mailer.delivery.slots import check_content
from tests.conftest import make_settings
from tests.digests.paper import AFRICA, FUNDED, make_audience, make_edition, make_item, make_text

LONG_ADDRESS = "a" * 64 + "@" + "b" * 60 + "." + "c" * 60 + "." + "d" * 60 + ".org"

EDITIONS = {
    "one item": lambda: make_edition([make_item(1)]),
    "twenty": lambda: make_edition([make_item(n, 1 + n % 7) for n in range(1, 21)], **FUNDED),
    "too many": lambda: make_edition([make_item(n, 1, teaser="word " * 150) for n in range(1, 90)]),
    "Arabic": lambda: make_edition(
        [make_item(n, AFRICA, texts=[make_text("ar", "عنوان طويل " * 9, n)]) for n in range(1, 21)],
        make_audience(languages=["ar"]),
        organisation="مرفق المغتربين",
    ),
}


def letter(content: Content, address: str = "alice@example.com", recipient: int = 7) -> bytes:
    """The edition made out to one reader, as delivery does it."""
    check_content(content)
    press = Press(make_settings())
    bodies = {body: body for body in (*content.text, *content.html)}  # here a block is its own name
    stored = Stored("0" * 64, content.subject, content.headers, content.text, content.html)
    printed = press.print(stored, press.learn(bodies))
    row = Claimed(1, 1, 1, recipient, None, address, 0)
    composed = Composer(make_settings()).compose(printed, row, date_line(datetime.now(UTC)))
    return b"".join(composed.content)


def parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.strict)


@pytest.fixture(params=EDITIONS)
def content(request: pytest.FixtureRequest) -> Content:
    return EDITIONS[request.param]()


@pytest.mark.parametrize("address", ["alice@example.com", LONG_ADDRESS])
def test_it_is_one_clean_message_with_a_text_part_first(content: Content, address: str) -> None:
    raw = letter(content, address)
    message = parsed(raw)
    assert message.get_content_type() == "multipart/alternative"
    parts = list(message.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert message["Subject"] == content.subject
    for part in parts:
        assert address in part.get_content()
        assert "\ue000" not in part.get_content()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


def test_each_field_stands_once_and_those_for_machines_are_plain(content: Content) -> None:
    head = letter(content).partition(b"\r\n\r\n")[0]
    names = [name.lower() for name in re.findall(rb"^([!-9;-~]+):", head, re.MULTILINE)]
    assert len(names) == len(set(names))
    assert {b"list-id", b"list-unsubscribe", b"list-unsubscribe-post", b"feedback-id"} <= set(names)
    assert not {b"bcc", b"return-path", b"auto-submitted"} & set(names)
    for field in re.split(rb"\r\n(?![ \t])", head):
        if field.lower().startswith((b"list-", b"feedback-id", b"message-id")):
            assert b"=?" not in field


def test_one_click_is_ready(content: Content) -> None:
    message = parsed(letter(content))
    uris = re.findall(r"<([^<>\s]+)>", str(message["List-Unsubscribe"]))
    assert [uri.partition(":")[0] for uri in uris] == ["https", "mailto"]
    assert uris[0].startswith("https://news.example.org/unsubscribe/")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    html = list(message.iter_parts())[1].get_content()
    assert uris[0] in html


def test_gmail_does_not_clip_it(content: Content) -> None:
    raw = letter(content, LONG_ADDRESS)
    html = raw.rpartition(b"Content-Type: text/html")[2]
    assert len(html) < 102_400
    decoded = list(parsed(raw).iter_parts())[1].get_content().encode()
    assert len(decoded) <= 95_000


def test_two_readers_letters_differ_in_nothing_but_address_and_links(content: Content) -> None:
    def without_slots(address: str, number: int) -> list[str]:
        parts = [part.get_content() for part in parsed(letter(content, address, number)).iter_parts()]
        return [
            re.sub(r"/(unsubscribe|preferences)/[\w.-]+", "", part.replace(address, "")) for part in parts
        ]

    assert without_slots("alice@example.com", 7) == without_slots("bob@example.com", 8)

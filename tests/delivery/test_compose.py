"""An edition is printed once and filled per reader: what a mail program reads is the template with the values in it."""

import email
import email.policy
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.header import decode_header
from email.message import EmailMessage
from html import escape
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.delivery.compose import Claimed, Composer, Press, Printed, Stored, date_line
from mailer.delivery.envelope import Content, Letter, Slot
from mailer.delivery.headers import one_line
from mailer.delivery.slots import Unfit, check_content
from mailer.links import Links
from mailer.settings import Settings
from mailer.tools.tokens import Purpose
from tests.conftest import make_settings

SETTINGS = make_settings()
DATE = date_line(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
LIST_HEADERS = (
    ("List-Unsubscribe", f"<{Slot.UNSUBSCRIBE.mark}>, <mailto:unsubscribe@example.org?subject=unsubscribe>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ("Precedence", "bulk"),
)


def printed(content: Content, own: Settings = SETTINGS) -> Printed:
    check_content(content)
    press = Press(own)
    names = {f"{number}": block for number, block in enumerate((*content.text, *content.html))}
    text, html = list(names)[: len(content.text)], list(names)[len(content.text) :]
    return press.print(Stored("ab" * 32, content.subject, content.headers, text, html), press.learn(names))


def claimed(number: int = 7, address: str = "alice@example.org", reference: int | None = 3) -> Claimed:
    return Claimed(number, 1, 1, 12, reference, address, 1)


def letter(content: Content, row: Claimed | None = None, composer: Composer | None = None) -> Letter:
    return (composer or Composer(SETTINGS)).compose(printed(content), row or claimed(), DATE)


def raw(made: Letter) -> bytes:
    return b"".join(made.content)


def read(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.strict)


def content(text: str = "Hello\n", html: str = "<p>Hello</p>\n", **values: object) -> Content:
    return Content(**{"language": "en", "subject": "News", "text": (text,), "html": (html,), **values})  # type: ignore[arg-type]


def check_wire(data: bytes) -> None:
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", data)  # F01
    assert not re.search(rb"(?m)^\.", data)  # F02: nothing to stuff, so no end of DATA inside
    head, _, body = data.partition(b"\r\n\r\n")
    assert max(map(len, body.split(b"\r\n"))) <= 76  # F03
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert data.isascii()
    assert data.endswith(b"\r\n")


# What a hostile feed or form may hold: dots, equals signs, tabs, wide letters, line separators, quotes.
_TEXT = st.text(
    st.one_of(
        st.sampled_from(list(". =\t<>&\"'-\r\n\x0b\x0c\x1c\x85\u2028é漢🙂?_F")),
        st.characters(exclude_categories=["Cs", "Co"]),
    ),
    max_size=400,
)
_VALUE = st.text(
    st.one_of(st.sampled_from(list(". =<>&\"'é漢🙂?_")), st.characters(exclude_categories=["Cs", "Co", "Cc", "Zl", "Zp"])),
    min_size=1,
    max_size=300,
)  # fmt: skip


class Told(Composer):
    """A composer whose address slot says what the test wants said."""

    def __init__(self, value: str) -> None:
        super().__init__(SETTINGS)
        self._value = value

    def _fit_address(self, made: list[bytes], wanted: Sequence[int], address: str) -> None:
        super()._fit_address(made, wanted, self._value)


@settings(max_examples=300, deadline=None)
@given(parts=st.lists(_TEXT, min_size=1, max_size=5), value=_VALUE, wide=st.booleans())
def test_a_filled_edition_reads_as_its_template_with_the_values_in_it(
    parts: list[str], value: str, wide: bool
) -> None:
    padding = (
        "漢字仮名交じり文" * 150 if wide else "plain ascii words to read " * 40
    )  # base64, or quoted-printable
    template = padding + "\n" + Slot.ADDRESS.mark.join(parts) + Slot.ADDRESS.mark + "\n"
    data = raw(letter(content(template, template), composer=Told(value)))
    check_wire(data)
    message = read(data)
    assert message.defects == []
    text, html = message.iter_parts()
    assert [part.get_content_type() for part in (text, html)] == ["text/plain", "text/html"]
    lines = [
        normalize("NFC", p.replace("\r\n", "\n").replace("\r", "\n"))
        for p in template.split(Slot.ADDRESS.mark)
    ]
    for part, said in ((text, normalize("NFC", value)), (html, escape(normalize("NFC", value)))):
        assert part.defects == []
        assert part.get_payload(decode=True).decode().replace("\r\n", "\n") == said.join(lines)  # type: ignore[union-attr]


@settings(max_examples=200, deadline=None)
@given(blocks=st.lists(_TEXT, max_size=6), wide=st.booleans())
def test_blocks_join_to_the_text_that_they_hold(blocks: list[str], wide: bool) -> None:
    held = tuple(block + "\n" for block in (*blocks, "漢" * 900 if wide else ""))
    data = raw(letter(Content("en", "News", held, held)))
    check_wire(data)
    for part in read(data).iter_parts():
        read_back = part.get_payload(decode=True).decode().replace("\r\n", "\n")  # type: ignore[union-attr]
        assert read_back == "".join(
            normalize("NFC", block.replace("\r\n", "\n").replace("\r", "\n")) for block in held
        )


def header(data: bytes, name: str) -> list[str]:
    """The raw values of a field, unfolded."""
    head = data.partition(b"\r\n\r\n")[0].decode("ascii").replace("\r\n ", " ").split("\r\n")
    return [line.partition(": ")[2] for line in head if line.partition(": ")[0].lower() == name.lower()]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Plain words, and a few accents: é à ü. " * 30, "quoted-printable"),
        ("Новости региона. " * 60, "base64"),
        ("地区新闻 " * 60, "base64"),
        ("أخبار المنطقة " * 60, "base64"),
    ],
)
def test_each_part_takes_the_smaller_encoding(text: str, encoding: str) -> None:
    made = letter(content(text + "\n", "<p>plain</p>\n"))
    part, other = read(raw(made)).iter_parts()
    assert (part["Content-Transfer-Encoding"], other["Content-Transfer-Encoding"]) == (
        encoding,
        "quoted-printable",
    )
    payload = part.get_payload()
    assert isinstance(payload, str)
    assert len(payload) <= 1.45 * len(text.encode())  # F14, with its line ends


def test_the_size_is_what_goes_over_the_wire() -> None:
    for body in ("Hello\n", "漢字" * 99 + Slot.ADDRESS.mark + "漢\n"):
        made = letter(content(body))
        assert made.size == len(raw(made))


def test_it_has_each_field_once_and_none_empty() -> None:
    data = raw(letter(content(headers=LIST_HEADERS)))
    names = [
        line.split(b":")[0].lower()
        for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n")
        if line[:1] != b" "
    ]
    assert sorted(names) == sorted(set(names))  # F06
    assert {b"from", b"to", b"date", b"message-id", b"subject", b"mime-version", b"content-type"} <= set(
        names
    )
    assert all(str(value).strip() for value in read(data).values())
    assert header(data, "From") == ["Example Facility <news@example.org>"]
    assert header(data, "To") == ["alice@example.org"]
    assert header(data, "Date") == ["Mon, 23 Nov 2026 09:00:00 +0000"]
    assert not set(names) & {b"bcc", b"return-path", b"x-mailer"}  # F21


def test_it_parses_without_defect_and_reads_back_byte_for_byte() -> None:
    for body in ("Hello " + Slot.ADDRESS.mark + "\n", "漢字" * 99 + Slot.ADDRESS.mark + "漢\n"):
        data = raw(letter(content(body, headers=LIST_HEADERS)))
        policy = email.policy.compat32.clone(linesep="\r\n", max_line_length=0)
        message = email.message_from_bytes(data, policy=policy)
        assert message.as_bytes(policy=policy) == data  # F20
        assert [part.defects for part in message.walk()] == [[], [], []]


def test_the_unsubscribe_header_has_its_two_addresses_whole_and_folded_between() -> None:
    long = make_settings(public_url="https://news.example.org/" + "deep/" * 50)
    row = claimed()
    made = Composer(long).compose(printed(content(headers=LIST_HEADERS), long), row, DATE)
    (value,) = header(raw(made), "List-Unsubscribe")
    https, mailto = value.split(", ")
    assert https == f"<{Links(long).unsubscribe(row.recipient)}>"  # L01, L22
    assert mailto == "<mailto:unsubscribe@example.org?subject=unsubscribe>"
    assert b"=?" not in raw(made).partition(b"\r\n\r\n")[0]  # F04
    assert header(raw(made), "List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]  # L02


@pytest.mark.parametrize("path", ["", "deep/" * 50, "a=b&c/"])
def test_a_link_is_read_whole_however_long_it_is(path: str) -> None:
    own = make_settings(public_url=f"https://news.example.org/{path}")
    for words in ("Hello", "漢字仮名" * 99):
        body = f"{words} {Slot.UNSUBSCRIBE.mark} bye\n"
        data = raw(Composer(own).compose(printed(content(body, body), own), claimed(), DATE))
        check_wire(data)
        text, html = (
            part.get_payload(decode=True).decode()  # type: ignore[union-attr]
            for part in read(data).iter_parts()
        )
        link = Links(own).unsubscribe(claimed().recipient)
        assert (text, html) == (f"{words} {link} bye\r\n", f"{words} {escape(link)} bye\r\n")


def test_each_letter_has_its_own_message_id_and_return_path_and_keeps_them() -> None:
    edition, composer = printed(content()), Composer(SETTINGS)
    made = [composer.compose(edition, claimed(number), DATE) for number in range(1, 2000)]
    ids = [header(raw(one), "Message-ID")[0] for one in made]
    assert len(set(ids)) == len({one.sender for one in made}) == len(made)  # F08
    assert all(one.endswith("@example.org>") for one in ids)
    again = composer.compose(
        edition, claimed(1)._replace(attempts=4), date_line(datetime(2027, 1, 1, tzinfo=UTC))
    )
    assert (header(raw(again), "Message-ID")[0], again.sender) == (ids[0], made[0].sender)


def test_the_return_path_names_the_letter_to_those_who_hold_the_key() -> None:
    longest = make_settings(return_path="a-long-mailbox-name1@bounces.example.org")
    made = Composer(longest).compose(printed(content()), claimed(10**15), DATE)
    local, _, domain = made.sender.partition("@")
    assert (len(local) <= 64, domain) == (True, "bounces.example.org")
    assert SETTINGS.keyring.read(Purpose.RETURN_PATH, local.partition("+")[2]) == str(10**15)


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Co"]), min_size=1, max_size=300))
def test_a_subject_is_read_as_it_was_written(subject: str) -> None:
    data = raw(letter(content(subject=subject)))
    clean = one_line(normalize("NFC", subject))
    (lines,) = re.findall(rb"Subject: ((?:[^\r]|\r\n )*)\r\n", data)
    assert (
        "".join(
            part.decode(charset or "ascii") if isinstance(part, bytes) else part
            for part, charset in decode_header(lines.decode("ascii").replace("\r\n", ""))
        ).strip()
        == clean
    )
    assert all(len(line) <= 76 for line in (b"Subject: " + lines).split(b"\r\n"))  # F03, F05
    names = [
        line.split(":")[0] for line in data.partition(b"\r\n\r\n")[0].decode().split("\r\n") if line[0] != " "
    ]
    clean_names = ["To", "Message-ID", "Date", "From", "Subject", "MIME-Version", "Content-Type"]
    assert names == clean_names  # F18


@pytest.mark.parametrize(
    "value",
    ["two\r\nlines", "two\nlines", "a\x00b", "a\u2028b", "x" * 10_000_000, "\ud800", "\ue000a\ue001"],
    ids=["crlf", "lf", "nul", "line separator", "10 MB", "surrogate", "mark"],
)
@pytest.mark.parametrize("where", ["text", "html", "header"])
def test_a_hostile_value_stops_its_own_letter(value: str, where: str) -> None:
    mark = Slot.ADDRESS.mark
    body = content(
        **({"headers": (("X-Reader", f"<{mark}>"),)} if where == "header" else {where: f"Dear {mark}\n"})
    )
    with pytest.raises(Unfit):
        letter(body, composer=Told(value))


@pytest.mark.parametrize("value", ["é", "a b", "a>b", '"', "", "x" * 901])
def test_a_header_takes_plain_values_only(value: str) -> None:
    with pytest.raises(Unfit):
        letter(content(headers=(("X-Reader", f"<{Slot.ADDRESS.mark}>"),)), composer=Told(value))


@pytest.mark.parametrize(
    "address",
    ["", "alice", "a b@example.org", "a@b\r\nc", "<a@b.c>", "a@b@c.d", "a,b@example.org", ".a@example.org", "a@b.", "a\x00@b.c"],
)  # fmt: skip
def test_an_address_that_could_be_read_as_more_than_one_is_not_written_to(address: str) -> None:
    with pytest.raises(Unfit):
        letter(content(), claimed(address=address))


def test_a_confirmation_link_needs_something_to_confirm() -> None:
    asks = content(Slot.CONFIRM.mark + "\n")
    assert Links(SETTINGS).confirm(3) in read(raw(letter(asks))).get_body(("plain",)).get_content()  # type: ignore[union-attr]
    with pytest.raises(Unfit):
        letter(asks, claimed(reference=None))


@pytest.mark.parametrize(
    "bad",
    [
        {"headers": (("Subject", "again"),)},
        {"headers": (("X-A", "é"),)},
        {"headers": (("X-A", "one\r\nBcc: x@y.z"),)},
        {"headers": (("X A", "one"),)},
        {"headers": (("X-A", ""),)},
        {"subject": f"Dear {Slot.ADDRESS.mark}"},
        {"text": "no line end"},
        {"html": "\ue000z\ue001\n"},
    ],
)
def test_content_that_can_not_become_a_letter_is_refused_at_once(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        check_content(content(**bad))  # type: ignore[arg-type]

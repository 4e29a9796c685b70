"""An edition is printed once and filled per reader: what a mail program reads is the template with the values in it."""

import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from html import escape
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.delivery.compose import Claimed, Composer, Press, Printed, Stored, date_line
from mailer.delivery.envelope import Content, Letter, Slot
from mailer.delivery.slots import Unfit, check_content
from mailer.tools.tokens import Purpose
from tests.conftest import make_settings

SETTINGS = make_settings()
DATE = date_line(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
LIST_HEADERS = (
    ("List-Unsubscribe", f"<{Slot.UNSUBSCRIBE.mark}>, <mailto:unsubscribe@example.org?subject=unsubscribe>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ("Precedence", "bulk"),
)


def printed(content: Content) -> Printed:
    check_content(content)
    press = Press(SETTINGS)
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
    return email.message_from_bytes(data, policy=email.policy.strict)  # type: ignore[return-value]


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
        self._makers[Slot.ADDRESS] = lambda row: value


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
    assert text["Content-Transfer-Encoding"] == ("base64" if wide else "quoted-printable") or len(parts) > 0
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

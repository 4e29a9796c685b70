"""Where a reader's values go: marks are found in decoded text, and values are made fit for their part.

Pure. A value can never add a line, end a part, or be taken for markup.
"""

import re
from enum import IntEnum
from html import escape
from unicodedata import normalize

from mailer.delivery.envelope import Content, Slot

_MARK = re.compile("\ue000([" + "".join(slot.value for slot in Slot) + "])\ue001")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ue000\ue001]")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}", re.ASCII)
_HEADER_VALUE = re.compile(r"[\x20-\x7e]+", re.ASCII)
_HEADER_SLOT = re.compile(r"[!#-;=?-~]{1,900}", re.ASCII)  # no white space, no quote, no angle bracket
_PLAIN = re.compile(r"[A-Za-z0-9/:~_-][A-Za-z0-9/:~_.@?-]{0,74}", re.ASCII)
_OURS = {"from", "to", "cc", "bcc", "subject", "date", "message-id", "reply-to", "sender", "return-path"}
_OURS |= {"mime-version", "content-type", "content-transfer-encoding"}
LONGEST_VALUE = 2000
"""Characters. A link or an address is far shorter; what is longer is a mistake or an attack."""


class Unfit(ValueError):
    """This one letter can't be made; the message says why. It is rejected here, never sent broken."""


class Part(IntEnum):
    """Where a slot stands, which decides how its value is escaped."""

    HEADER = 0
    TEXT = 1
    HTML = 2


def cut(text: str) -> tuple[list[str], list[Slot]]:
    """The texts around the slots, and the slots between them: always one text more than slots."""
    pieces = _MARK.split(text)
    texts, slots = pieces[::2], [Slot(letter) for letter in pieces[1::2]]
    if any("\ue000" in piece or "\ue001" in piece for piece in texts):
        raise ValueError("a mark stands there that is no slot of ours")
    return texts, slots


def is_plain(value: str) -> bool:
    """Whether a value, most often a link, may stand as it is in every part, in quoted-printable too."""
    return _PLAIN.fullmatch(value) is not None


def fit(value: str, part: Part) -> str:
    """The value, in NFC, as it may stand in that part. Raises Unfit."""
    if len(value) > LONGEST_VALUE:
        raise Unfit(f"a personal value of {len(value):,} characters; at most {LONGEST_VALUE:,} are taken")
    if _CONTROL.search(value):
        raise Unfit("a personal value holds a line break or another control character")
    if part is not Part.HEADER:
        value = normalize("NFC", value)
        return escape(value) if part is Part.HTML else value
    # RFC 2369 §2: a URI in these headers stands in angle brackets and holds no white space
    if not _HEADER_SLOT.fullmatch(value):
        raise Unfit("a personal value doesn't fit into a header: not plain, or longer than 900 characters")
    return value


def check_content(content: Content) -> None:
    """Raise ValueError, with words, where no letter can be made of this content."""
    for name, value in content.headers:
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OURS:
            raise ValueError(f"{name!r} is not a header that an edition may set")
        plain = "x".join(cut(value)[0])
        # RFC 2047 §5: no encoded words in List-*, Feedback-ID and their like; so plain ASCII or nothing
        if not _HEADER_VALUE.fullmatch(plain):
            raise ValueError(f"the header {name} must be plain ASCII on one line")
    if cut(content.subject)[1]:
        raise ValueError("a subject is the same for all readers of an edition; it can't hold a slot")
    for block in (*content.text, *content.html):
        if not block.endswith("\n"):
            raise ValueError("each block ends with a line feed, so that blocks can be joined")
        cut(block)

"""The values that walk through this room: content, slots, envelopes, letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Stream(IntEnum):
    """Which letters go first. A lower number overtakes."""

    TRANSACTIONAL = 0  # confirmations: somebody waits for them
    DIGEST = 1


class Slot(StrEnum):
    """The few places that differ per reader. A template receives `slot.mark` where the value will stand."""

    ADDRESS = "a"
    UNSUBSCRIBE = "u"  # links.unsubscribe(recipient)
    PREFERENCES = "p"  # links.preferences(recipient)
    CONFIRM = "c"  # links.confirm(reference)
    REFUSE = "r"  # links.refuse(reference)
    NEW_ADDRESS = "n"  # links.new_address(reference)
    MOVE = "m"  # links.move(reference)

    @property
    def mark(self) -> str:
        """Private-use characters, which survive escaping, inlining and sanitising; news text never holds them."""
        return f"\ue000{self.value}\ue001"


@dataclass(frozen=True, slots=True)
class Content:
    """What an edition says, before it is made out to anyone. Marks stand in its slots.

    text, html: blocks of decoded text, each ending with a line feed, joined in order. Blocks are shared
    between editions (a frame, an item's card), so that each is stored and encoded once.
    headers: further header fields, in order; their values may hold marks (List-Unsubscribe).
    """

    language: str
    subject: str
    text: tuple[str, ...]
    html: tuple[str, ...]
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Envelope:
    """One edition, to be made out to one recipient."""

    edition: int
    recipient: int
    address: str
    reference: int | None = None


@dataclass(slots=True)
class Letter:
    """Composed and ready for the wire.

    number: its row in the ledger. sender: the return path. content: header and body, CRLF line ends, no line begins with a dot
    (so the same bytes serve DATA, BDAT, SIZE and DKIM), ends with CRLF, without the final dot.
    """

    number: int
    sender: str
    recipient: str
    content: Sequence[bytes]
    size: int

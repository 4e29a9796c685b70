"""Editions are printed once, letters are joined: header, text and HTML with a reader's values in the slots.

No template, no `email` package and no search over the body runs per reader. It does no I/O.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import NamedTuple

from mailer.delivery.encode import SOFT_BREAK, Base64, Quoted, base64_part, quote_block, quote_value
from mailer.delivery.envelope import Letter, Slot
from mailer.delivery.headers import custom_header, is_plain_address, mailbox_header, text_header
from mailer.delivery.memory import Memory
from mailer.delivery.slots import Part, Unfit, fit, is_plain
from mailer.links import Links
from mailer.settings import Settings
from mailer.tools.tokens import Purpose

BLOCK_MEMORY = 8_000_000
"""Octets of encoded blocks that a process remembers, however many there are."""


class Claimed(NamedTuple):
    """A row of the ledger that is ours to send."""

    number: int
    batch: int
    edition: int
    recipient: int
    reference: int | None
    address: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Stored:
    """An edition as the tables keep it: text and html name blocks by their hash."""

    key: str
    subject: str
    headers: Sequence[Sequence[str]]
    text: Sequence[str]
    html: Sequence[str]


@dataclass(frozen=True, slots=True)
class Block:
    body: str
    quoted: Quoted


Value = tuple[Slot, Part, bool]
"""What an edition asks for: a slot's value, escaped for a part, in quoted-printable or as it is."""


@dataclass(frozen=True, slots=True)
class Printed:
    """An edition as bytes, to be copied and filled.

    pieces: the first is the reader's own header, the others are empty where a value goes. values: what is
    asked for. fills: place and number of the value. parts: place of a base64 part with slots, and their
    values. octets: of all pieces.
    """

    pieces: list[bytes]
    values: list[Value]
    fills: list[tuple[int, int]]
    parts: list[tuple[int, Base64, list[int]]]
    octets: int


class Press:
    """Prints editions from blocks, and remembers blocks that it has encoded lately."""

    def __init__(self, settings: Settings) -> None:
        self._head = mailbox_header("From", settings.sender_name, settings.sender_address)
        if settings.reply_to:
            self._head += mailbox_header("Reply-To", "", settings.reply_to)
        self._blocks: Memory[str, Block] = Memory(BLOCK_MEMORY, lambda block: 2 * block.quoted.octets)

    def known(self, hashes: Iterable[str]) -> dict[str, Block]:
        """Those of the blocks that need not be read again."""
        found = ((name, self._blocks.get(name)) for name in hashes)
        return {name: block for name, block in found if block is not None}

    def learn(self, bodies: Mapping[str, str]) -> dict[str, Block]:
        """Encode blocks. bodies: hash → decoded text with marks."""
        blocks = {name: Block(body, quote_block(body)) for name, body in bodies.items()}
        for name, block in blocks.items():
            self._blocks.put(name, block)
        return blocks

    def print(self, edition: Stored, blocks: Mapping[str, Block]) -> Printed:
        """Raises ValueError where the content can't become a letter."""
        sheet = _Sheet()
        sheet.add(self._head + text_header("Subject", edition.subject))
        for name, value in edition.headers:
            texts, slots = custom_header(name, value)
            sheet.add_around(texts, slots, Part.HEADER)
        boundary = f"=_{edition.key[:32]}"  # RFC 2045 §6.7: neither encoding can ever produce "=_"
        sheet.add(
            f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n'.encode()
        )
        for kind, part, hashes in (("plain", Part.TEXT, edition.text), ("html", Part.HTML, edition.html)):
            sheet.add(f"\r\n--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n".encode())
            sheet.add_part(part, [blocks[name] for name in hashes])
        sheet.add(f"\r\n--{boundary}--\r\n".encode())
        return sheet.printed()


class _Sheet:
    """Collects the pieces of an edition in order, joining what no slot divides."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = [b""]  # the reader's own header
        self._open: list[bytes] = []
        self._values: dict[Value, int] = {}
        self._fills: list[tuple[int, int]] = []
        self._parts: list[tuple[int, Base64, list[int]]] = []

    def add(self, data: bytes) -> None:
        self._open.append(data)

    def _close(self) -> int:
        """End the open piece; the next place is for a value."""
        self._pieces += [b"".join(self._open), b""]
        self._open.clear()
        return len(self._pieces) - 1

    def _value(self, slot: Slot, part: Part, quoted: bool) -> int:
        return self._values.setdefault((slot, part, quoted), len(self._values))

    def add_around(self, texts: Sequence[bytes], slots: Sequence[Slot], part: Part) -> None:
        for text, slot in zip(texts, slots, strict=False):
            self.add(text)
            self._fills.append((self._close(), self._value(slot, part, part is not Part.HEADER)))
        self.add(texts[-1])

    def add_part(self, part: Part, blocks: Sequence[Block]) -> None:
        """Quoted-printable or base64, whichever is smaller (RFC 2045 §6)."""
        octets = sum(block.quoted.octets for block in blocks)
        if octets <= 1.37 * sum(block.quoted.decoded for block in blocks):
            self.add(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n")
            for block in blocks:
                self.add_around(block.quoted.pieces, block.quoted.slots, part)
            return
        self.add(b"Content-Transfer-Encoding: base64\r\n\r\n")
        encoded = base64_part("".join(block.body for block in blocks))
        if encoded.slots:
            self._parts.append(
                (self._close(), encoded, [self._value(slot, part, False) for slot in encoded.slots])
            )
        else:
            self.add(encoded.start.body)

    def printed(self) -> Printed:
        pieces = [*self._pieces, b"".join(self._open)]
        return Printed(pieces, list(self._values), self._fills, self._parts, sum(map(len, pieces)))


class Composer:
    """Makes letters out to readers."""

    def __init__(self, settings: Settings) -> None:
        links = Links(settings)
        self._sign = settings.keyring.sign
        self._domain = settings.mail_domain
        local, _, domain = (settings.return_path or settings.sender_address).rpartition("@")
        if len(local) > 20:  # RFC 5321 §4.5.3.1.1: 64 octets, and a token takes up to 43
            raise ValueError(f"MAILER_RETURN_PATH: {local!r} must be at most 20 characters long")
        self._return_path = (f"{local}+", f"@{domain}")
        self._makers: dict[Slot, Callable[[Claimed], str]] = {
            Slot.ADDRESS: lambda row: row.address,
            Slot.UNSUBSCRIBE: lambda row: links.unsubscribe(row.recipient),
            Slot.PREFERENCES: lambda row: links.preferences(row.recipient),
            Slot.CONFIRM: lambda row: links.confirm(_reference(row)),
            Slot.REFUSE: lambda row: links.refuse(_reference(row)),
        }

    def compose(self, edition: Printed, row: Claimed, date: str) -> Letter:
        """date: see `date_line`. Message-ID and return path are the same for each attempt. Raises Unfit."""
        if not is_plain_address(row.address):
            raise Unfit(f"the address {row.address[:80]!r} can't be written to")
        number = str(row.number)
        identity = self._sign(Purpose.MESSAGE_ID, number)
        head = f"To: {row.address}\r\nMessage-ID: <{identity}@{self._domain}>\r\n{date}".encode()
        pieces = edition.pieces.copy()
        pieces[0] = head
        octets = edition.octets + len(head)
        values = self._values(edition.values, row)
        for place, value in edition.fills:
            filled = values[value]
            pieces[place] = filled
            octets += len(filled)
        for place, part, wanted in edition.parts:
            filled = b"".join(part.fill([values[value] for value in wanted]))
            pieces[place] = filled
            octets += len(filled)
        before, behind = self._return_path
        sender = before + self._sign(Purpose.RETURN_PATH, number) + behind
        return Letter(row.number, sender, row.address, pieces, octets)

    def _values(self, wanted: Sequence[Value], row: Claimed) -> list[bytes]:
        """In the order of the edition's `values`."""
        made: dict[Slot, tuple[str, bytes]] = {}
        values = []
        for slot, part, quoted in wanted:
            known = made.get(slot)
            if known is None:
                value = self._makers[slot](row)
                known = made[slot] = value, value.encode() if is_plain(value) else b""
            value, plain = known
            if plain:  # a link: it needs no escaping in any part
                values.append(plain + SOFT_BREAK if quoted else plain)
            else:
                fitted = fit(value, part)
                values.append(quote_value(fitted) if quoted else fitted.encode())
        return values


def _reference(row: Claimed) -> int:
    if row.reference is None:
        raise Unfit("the edition asks for a confirmation link, and the envelope has nothing to confirm")
    return row.reference


def date_line(now: datetime) -> str:
    """The Date field (RFC 5322 §3.6.1): when the letter is sent, not when it was written."""
    return f"Date: {format_datetime(now)}\r\n"

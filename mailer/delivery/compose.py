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


_PURPOSES = {
    Slot.UNSUBSCRIBE: Purpose.UNSUBSCRIBE,
    Slot.PREFERENCES: Purpose.PREFERENCES,
    Slot.CONFIRM: Purpose.CONFIRM,
    Slot.REFUSE: Purpose.REFUSE,
    Slot.NEW_ADDRESS: Purpose.NEW_ADDRESS,
    Slot.MOVE: Purpose.MOVE,
}
_LINKS = tuple(_PURPOSES)
_ADDRESSES = tuple((part, quoted) for part in Part for quoted in (False, True))
_PARTS = len(_LINKS) + len(_ADDRESSES)
"""Values are numbered: the token of each link, then the address as each part wants it, then filled base64 parts."""


@dataclass(frozen=True, slots=True)
class Printed:
    """An edition as bytes, to be copied and filled.

    pieces: the first is the reader's own header; from then on every other one is empty, for a value. values: the
    numbers of these values, in order. tokens, addresses: the numbers of what must be made. parts: base64 parts with
    slots, and the numbers of their values. octets: of all pieces.
    """

    pieces: list[bytes]
    values: list[int]
    tokens: list[int]
    addresses: list[int]
    parts: list[tuple[Base64, list[int]]]
    octets: int


class Press:
    """Prints editions from blocks, and remembers blocks that it has encoded lately."""

    def __init__(self, settings: Settings) -> None:
        self._starts = _link_starts(settings)
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
        sheet = _Sheet(self._starts)
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


def _link_starts(settings: Settings) -> dict[Slot, str]:
    """What stands before the token in each link: the same for all readers, so it is printed with the edition."""
    links = Links(settings)
    made = {
        Slot.UNSUBSCRIBE: links.unsubscribe(0),
        Slot.PREFERENCES: links.preferences(0),
        Slot.CONFIRM: links.confirm(0),
        Slot.REFUSE: links.refuse(0),
        Slot.NEW_ADDRESS: links.new_address(0),
        Slot.MOVE: links.move(0),
    }
    return {slot: link.removesuffix(links.keyring.sign(_PURPOSES[slot], "0")) for slot, link in made.items()}


class _Sheet:
    """Collects the pieces of an edition in order, joining what no slot divides. starts: of the links."""

    def __init__(self, starts: Mapping[Slot, str]) -> None:
        self._starts = starts
        self._pieces: list[bytes] = [b""]  # the reader's own header
        self._open: list[bytes] = []
        self._values: list[int] = []
        self._parts: list[tuple[Base64, list[int]]] = []

    def add(self, data: bytes) -> None:
        self._open.append(data)

    def _place(self, value: int) -> None:
        """End the open piece; the next place is for this value."""
        self._pieces += [b"".join(self._open), b""]
        self._open.clear()
        self._values.append(value)

    def add_around(self, texts: Sequence[bytes], slots: Sequence[Slot], part: Part) -> None:
        quoted = part is not Part.HEADER
        for text, slot in zip(texts, slots, strict=False):
            self.add(text)
            if start := self._starts.get(slot):
                self.add(quote_value(fit(start, part)) if quoted else fit(start, part).encode())
            self._place(_value_number(slot, part, quoted))
            if start and quoted:
                self.add(SOFT_BREAK)
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
        body = "".join(block.body for block in blocks)
        for slot, start in self._starts.items():
            body = body.replace(slot.mark, fit(start, part) + slot.mark)
        encoded = base64_part(body)
        if encoded.slots:
            self._place(_PARTS + len(self._parts))
            self._parts.append((encoded, [_value_number(slot, part, False) for slot in encoded.slots]))
        else:
            self.add(encoded.start.body)

    def printed(self) -> Printed:
        pieces = [*self._pieces, b"".join(self._open)]
        wanted = {*self._values, *(number for _, numbers in self._parts for number in numbers)}
        tokens = sorted(number for number in wanted if number < len(_LINKS))
        addresses = sorted(number for number in wanted if len(_LINKS) <= number < _PARTS)
        return Printed(pieces, self._values, tokens, addresses, self._parts, sum(map(len, pieces)))


def _value_number(slot: Slot, part: Part, quoted: bool) -> int:
    if slot is Slot.ADDRESS:
        return len(_LINKS) + _ADDRESSES.index((part, quoted))
    return _LINKS.index(slot)


class Composer:
    """Makes letters out to readers."""

    def __init__(self, settings: Settings) -> None:
        signer = settings.keyring.signer
        self._message_id = signer(Purpose.MESSAGE_ID)
        self._return_token = signer(Purpose.RETURN_PATH)
        self._domain = settings.mail_domain.encode()
        local, _, domain = (settings.return_path or settings.sender_address).rpartition("@")
        if len(local) > 20:  # RFC 5321 §4.5.3.1.1: 64 octets, and a token takes up to 43
            raise ValueError(f"MAILER_RETURN_PATH: {local!r} must be at most 20 characters long")
        self._return_path = (f"{local}+", f"@{domain}")
        unsubscribe, preferences, confirm, refuse, new_address, move = map(signer, _PURPOSES.values())
        self._tokens: tuple[Callable[[Claimed], bytes], ...] = (
            lambda row: unsubscribe(row.recipient),
            lambda row: preferences(row.recipient),
            lambda row: confirm(_reference(row)),
            lambda row: refuse(_reference(row)),
            lambda row: new_address(_reference(row)),
            lambda row: move(_reference(row)),
        )

    def compose(self, edition: Printed, row: Claimed, date: str) -> Letter:
        """date: see `date_line`. Message-ID and return path are the same for each attempt. Raises Unfit."""
        number, address = row.number, row.address
        if not is_plain_address(address):
            raise Unfit(f"the address {address[:80]!r} can't be written to")
        head = b"To: %b\r\nMessage-ID: <%b@%b>\r\n%b" % (
            address.encode(),
            self._message_id(number),
            self._domain,
            date.encode(),
        )
        made = self._values(edition, row)
        values = [made[number] for number in edition.values]
        pieces = edition.pieces.copy()
        pieces[0] = head
        pieces[2::2] = values
        before, behind = self._return_path
        sender = before + self._return_token(number).decode() + behind
        return Letter(number, sender, address, pieces, edition.octets + len(head) + sum(map(len, values)))

    def _values(self, edition: Printed, row: Claimed) -> list[bytes]:
        """By their numbers; what this edition doesn't ask for is left empty."""
        made = [b""] * _PARTS
        for number in edition.tokens:
            made[number] = self._tokens[number](row)
        if edition.addresses:
            self._fit_address(made, edition.addresses, row.address)
        for part, wanted in edition.parts:
            made.append(b"".join(part.fill([made[number] for number in wanted])))
        return made

    def _fit_address(self, made: list[bytes], wanted: Sequence[int], address: str) -> None:
        """Into `made`, as each part wants it."""
        plain = address.encode() if is_plain(address) else b""
        for number in wanted:
            part, quoted = _ADDRESSES[number - len(_LINKS)]
            if plain:
                made[number] = plain + SOFT_BREAK if quoted else plain
            else:
                fitted = fit(address, part)
                made[number] = quote_value(fitted) if quoted else fitted.encode()


def _reference(row: Claimed) -> int:
    if row.reference is None:
        raise Unfit("the edition asks for a link that the envelope has no number for")
    return row.reference


def date_line(now: datetime) -> str:
    """The Date field (RFC 5322 §3.6.1): when the letter is sent, not when it was written."""
    return f"Date: {format_datetime(now)}\r\n"

"""Decoded text with slots → bytes of a MIME body, cut at the slots. Pure; done once per block or edition.

Both encodings leave CRLF line ends only, no line longer than 76 octets, and no line that begins with a dot:
the same bytes serve DATA, BDAT, SIZE and DKIM (RFC 5321 §4.5.2, RFC 2045 §6.7 and §6.8).
"""

import re
import unicodedata
from binascii import b2a_base64, b2a_qp
from dataclasses import dataclass

from mailer.delivery.envelope import Slot
from mailer.delivery.slots import cut

_DOT = re.compile(rb"(?m)^\.([^\r\n]*)")
SOFT_BREAK = b"=\r\n"


@dataclass(frozen=True, slots=True)
class Quoted:
    """A block in quoted-printable: pieces around its slots, each ready to be joined.

    Every slot stands between soft line breaks, so a value of any length finds an empty line.
    """

    pieces: tuple[bytes, ...]
    slots: tuple[Slot, ...]
    octets: int
    decoded: int


def canonical(text: str) -> str:
    """NFC with CRLF line ends, the form that is encoded (RFC 2046 §4.1.1)."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", lines).replace("\n", "\r\n")


def quote_block(block: str) -> Quoted:
    """Quoted-printable of one block, which ends with a line feed."""
    texts, slots = cut(block)
    data = [canonical(text).encode() for text in texts]
    pieces = [_before_slot(_quote(text)) for text in data[:-1]] + [_quote(data[-1])]
    return Quoted(tuple(pieces), tuple(slots), sum(map(len, pieces)), sum(map(len, data)))


def quote_value(value: str) -> bytes:
    """A slot's value on lines of its own, ending with a soft break."""
    return _before_slot(_quote(value.encode()))


def _quote(data: bytes) -> bytes:
    encoded = b2a_qp(data)
    if b"\r\n" not in data:  # it has seen no line end, so it broke lines with a bare LF
        encoded = encoded.replace(b"\n", b"\r\n")
    while _DOT.search(encoded):
        encoded = _DOT.sub(_quote_dot, encoded)
    return encoded


def _quote_dot(line: re.Match[bytes]) -> bytes:
    rest: bytes = line[1]
    return b"=2E" + rest if len(rest) <= 72 else b"=2E=\r\n" + rest


def _before_slot(encoded: bytes) -> bytes:
    """Quoted text with the soft break that puts a slot on a line of its own."""
    if not encoded or encoded.endswith(b"\n"):
        return encoded
    last = encoded.rpartition(b"\n")[2]
    if len(last) <= 75:
        return encoded + SOFT_BREAK
    end = encoded[-1:]  # the soft break itself needs the 76th place
    return encoded[:-1] + SOFT_BREAK + (b"=2E" if end == b"." else end) + SOFT_BREAK


@dataclass(frozen=True, slots=True)
class Phase:
    """A text behind a slot, as it is when the bytes before it leave a remainder of 0, 1 or 2.

    head: octets that fill the open group of three; body: what follows, encoded; tail: what is left over.
    """

    head: bytes
    body: bytes
    tail: bytes


@dataclass(frozen=True, slots=True)
class Base64:
    """A part in base64: what stands before the first slot, and each further text in its three phases."""

    start: Phase
    phases: tuple[tuple[Phase, Phase, Phase], ...]
    slots: tuple[Slot, ...]

    def fill(self, values: list[bytes]) -> list[bytes]:
        """The part with these values in its slots (UTF-8, one for each slot)."""
        filled = [self.start.body]
        carry = self.start.tail
        last = len(values) - 1
        for number, (value, phases) in enumerate(zip(values, self.phases, strict=True)):
            data = carry + value
            phase = phases[len(data) % 3]
            data += phase.head
            # A text of one or two octets may not fill the group: then it is carried on.
            whole = len(data) if number == last else len(data) // 3 * 3
            filled.append(encode_lines(data[:whole]))
            filled.append(phase.body)
            carry = data[whole:] or phase.tail
        return filled


def base64_part(text: str) -> Base64:
    """Base64 of a whole part; its blocks are joined already."""
    texts, slots = cut(text)
    data = [canonical(piece).encode() for piece in texts]
    last = len(slots)
    phases = tuple(
        (_phase(piece, 0, at == last), _phase(piece, 1, at == last), _phase(piece, 2, at == last))
        for at, piece in enumerate(data[1:], 1)
    )
    return Base64(_phase(data[0], 0, not slots), phases, tuple(slots))


def _phase(data: bytes, before: int, last: bool) -> Phase:
    taken = (3 - before) % 3
    end = len(data) if last else taken + max(len(data) - taken, 0) // 3 * 3
    return Phase(data[:taken], encode_lines(data[taken:end]), data[end:])


def encode_lines(data: bytes) -> bytes:
    """Base64 in lines of 76 characters, each with CRLF; nothing for nothing."""
    return b"".join(b2a_base64(data[at : at + 57], newline=False) + b"\r\n" for at in range(0, len(data), 57))

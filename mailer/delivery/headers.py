"""Header fields as bytes, each ending with CRLF. Pure; done once per edition or process.

`email.header.Header` writes free text; ids and List-* fields are plain ASCII and folded here, between
URIs only, since `EmailMessage` turns long ones into encoded words that Gmail refuses.
"""

import re
from email.header import Header
from unicodedata import normalize

from mailer.delivery.envelope import Slot
from mailer.delivery.slots import cut

_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+", re.ASCII)
_ADDRESS = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff<>()\[\],;:\\\"@]{1,64}@[\w.-]{1,253}(?<![.-])"
)


def is_plain_address(text: str) -> bool:
    """Whether an address can stand in a header and an envelope as it is: no quoting, no room for a trick."""
    return _ADDRESS.fullmatch(text) is not None and not text.startswith(".")


def one_line(text: str) -> str:
    """NFC; white space and control characters, line ends among them, become single spaces."""
    return _SPACE.sub(" ", normalize("NFC", text)).strip()


def text_header(name: str, text: str) -> bytes:
    """A free-text field such as Subject (RFC 5322 §2.2.3, RFC 2047)."""
    line = one_line(text)
    # A word that can't be folded, or that looks encoded already, is safe only as encoded words.
    plain = line.isascii() and "=?" not in line and all(len(word) <= 60 for word in line.split(" "))
    header = Header(line, "us-ascii" if plain else "utf-8", header_name=name, maxlinelen=75)
    return f"{name}: {header.encode(linesep=chr(13) + chr(10))}\r\n".encode("ascii")


def mailbox_header(name: str, phrase: str, address: str) -> bytes:
    """From and its like: one address with the name that readers know."""
    if not is_plain_address(address) or not address.isascii():
        raise ValueError(f"{address!r} can't stand in {name}: write a plain address such as news@example.org")
    phrase = one_line(phrase)
    if not phrase:
        return f"{name}: {address}\r\n".encode("ascii")
    if _ATOMS.fullmatch(phrase) and len(phrase) <= 60 and "=?" not in phrase:
        return f"{name}: {phrase} <{address}>\r\n".encode("ascii")
    header = Header(phrase, "utf-8", header_name=name, maxlinelen=75).encode(linesep="\r\n")
    return f"{name}: {header}\r\n <{address}>\r\n".encode("ascii")


def custom_header(name: str, value: str) -> tuple[list[bytes], list[Slot]]:
    """A field of the edition's own, around its slots; checked by `slots.check_content`."""
    texts, slots = cut(f"{name}: {value}")
    folded = [text.replace(">, <", ">,\r\n <") for text in texts]  # RFC 5322 §2.2.3; never inside < >
    folded[-1] += "\r\n"
    return [text.encode("ascii") for text in folded], slots

"""Our own DKIM signatures (RFC 6376, RFC 8463), for relays that don't sign: relaxed/relaxed, one per key.

Signing is the last thing that happens to a letter. It takes a third of a millisecond of pure computing with
RSA-2048, during which `cryptography` releases the interpreter: sign groups of letters in a thread.
"""

import base64
import hashlib
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

# RFC 6376 §5.4.1 and RFC 8058 §4: what a reader or a mail program relies on
_ALWAYS = ("from", "to", "subject", "date", "message-id", "reply-to", "mime-version", "content-type")
_SIGNED = frozenset((*_ALWAYS, "content-transfer-encoding", "feedback-id"))
_SIGNED_PREFIXES = (b"list-", b"cfbl-")
# §8.15: named once more than they are there, so that nobody can add a second one in front
_OVERSIGNED = (*_ALWAYS, "list-unsubscribe", "list-unsubscribe-post")
_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_WSP = re.compile(rb"[ \t]+")
_WSP_AT_END = re.compile(rb"[ \t]+(?=\r\n)")
_PIECE = 512


class KeyUnfit(ValueError):
    """A key that must not sign; the message says why and what to do, and holds nothing of the key."""


@dataclass(frozen=True, slots=True)
class Key:
    """A private key, and the selector under which DNS holds its public half."""

    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey = field(repr=False)

    @property
    def algorithm(self) -> str:
        return "rsa-sha256" if isinstance(self.private, RSAPrivateKey) else "ed25519-sha256"

    def sign(self, data: bytes) -> bytes:
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(data, PKCS1v15(), hashes.SHA256())
        return self.private.sign(hashlib.sha256(data).digest())  # RFC 8463 §3: the hash is what is signed


def read_keys(text: str) -> tuple[Key, ...]:
    """The keys of a space-separated list of selector=file. Raises KeyUnfit."""
    return tuple(_read_key(word) for word in text.split())


def _read_key(word: str) -> Key:
    selector, equals, name = word.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?", selector):
        raise KeyUnfit(f"{word!r} names no key: write selector=/path/of/the/private/key.pem")
    try:
        if Path(name).stat().st_mode & 0o077:
            raise KeyUnfit(f"{name} can be read by others than its owner: chmod 600 {name}")
        return make_key(selector, Path(name).read_bytes())
    except OSError as error:
        raise KeyUnfit(f"{name} can't be read: {error.strerror}") from None
    except KeyUnfit as error:
        raise KeyUnfit(f"the key of selector {selector}: {error}") from None


def make_key(selector: str, pem: bytes) -> Key:
    """pem: an unencrypted private key, RSA of at least 2048 bits (RFC 8301 §3.2) or Ed25519. Raises KeyUnfit."""
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise KeyUnfit("this is no unencrypted private key in PEM") from None
    if isinstance(private, RSAPrivateKey):
        if private.key_size < 2048:
            raise KeyUnfit(f"RSA of {private.key_size} bits is too weak: make one of 2048")
        return Key(selector, private)
    if isinstance(private, Ed25519PrivateKey):
        return Key(selector, private)
    raise KeyUnfit("only RSA and Ed25519 keys sign mail")


class Signer:
    """Signs letters of one domain with each of its keys.

    domain: the one of From, or a parent of it. keys: RSA first, as some verifiers look at few signatures.
    """

    def __init__(self, domain: str, keys: Sequence[Key]) -> None:
        if not keys:
            raise KeyUnfit("no key to sign with")
        self._domain = domain
        self._keys = tuple(keys)

    def sign(self, content: Sequence[bytes], when: int) -> bytes:
        """The DKIM-Signature fields to put in front of `content`.

        content: pieces of one whole letter with CRLF line ends; those that many letters share should be the same
        objects, as their share of the body hash is remembered. when: seconds of Unix time.
        """
        header, body = _divide(content)
        names, lines = _signed_fields(header)
        body_hash = base64.b64encode(hash_body(body)).decode()
        return b"".join(self._signature(key, names, lines, body_hash, when) for key in self._keys)

    def _signature(self, key: Key, names: tuple[str, ...], lines: bytes, body_hash: str, when: int) -> bytes:
        # Neither l= nor z=: what is added to a letter must break its signature
        unsigned = (
            f"DKIM-Signature: v=1; a={key.algorithm}; c=relaxed/relaxed; d={self._domain};\r\n"
            f" s={key.selector}; t={when};\r\n h={_name_list(names)};\r\n bh={body_hash};\r\n b="
        )
        # §3.7: the field itself is signed last, relaxed, with an empty b= and without its CRLF
        relaxed = "dkim-signature:" + unsigned.removeprefix("DKIM-Signature: ").replace("\r\n ", " ")
        signature = base64.b64encode(key.sign(lines + relaxed.encode())).decode()
        return (unsigned + "\r\n ".join(_chunks(signature, 72)) + "\r\n").encode()


def _chunks(text: str, length: int) -> Iterable[str]:
    return (text[start : start + length] for start in range(0, len(text), length))


@lru_cache(256)
def _name_list(names: tuple[str, ...]) -> str:
    """The value of h=, folded so that no line is longer than 78."""
    return "\r\n ".join(textwrap.wrap(": ".join(names), 70, break_on_hyphens=False)).replace(": ", ":")


def _divide(content: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """The header with its last CRLF, and the pieces of the body."""
    header = b""
    for place, piece in enumerate(content):
        begin = max(0, len(header) - 3)
        header += piece
        end = header.find(b"\r\n\r\n", begin)
        if end >= 0:
            # The rest of a piece is a new object for each letter, so it is cut from the piece, where it is remembered
            rest = len(header) - end - 4
            return header[: end + 2], [_tail(piece, len(piece) - rest), *content[place + 1 :]]
    raise ValueError("a letter without an empty line behind its header can't be signed")


@lru_cache(64)
def _tail(piece: bytes, start: int) -> bytes:
    return piece[start:]


def _signed_fields(header: bytes) -> tuple[tuple[str, ...], bytes]:
    """The names for h=, and the fields in that order as they are signed (§3.4.2, §5.4.2)."""
    names: list[str] = []
    lines: list[bytes] = []
    for text in reversed(_FIELD_END.split(header.removesuffix(b"\r\n"))):  # the last of a name counts first
        name, _, value = text.partition(b":")
        name = name.strip().lower()
        if name.decode("ascii", "replace") in _SIGNED or name.startswith(_SIGNED_PREFIXES):
            names.append(name.decode("ascii"))
            lines.append(name + b":" + _WSP.sub(b" ", value.replace(b"\r\n", b"")).strip() + b"\r\n")
    return (*names, *_OVERSIGNED), b"".join(lines)


def hash_body(pieces: Iterable[bytes]) -> bytes:
    """SHA-256 of the body in its relaxed form (§3.4.4): white space in a line shrinks to one space and vanishes
    at its end, and so do empty lines at the end of all."""
    pieces = list(pieces)
    relaxed = [_remembered(piece) if len(piece) >= _PIECE else _relax(piece) for piece in pieces]
    if any(piece[-1:] in (b" ", b"\t", b"\r") for piece in pieces):  # white space may go on in the next piece
        relaxed = [_relax(b"".join(pieces))]
    body = b"".join(relaxed)
    if body.endswith(b"\r\n\r\n") or body == b"\r\n":
        body = body.rstrip(b"\r\n")
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    return hashlib.sha256(body).digest()


def _relax(text: bytes) -> bytes:
    if b" " not in text and b"\t" not in text:  # most values of slots
        return text
    return _WSP.sub(b" ", _WSP_AT_END.sub(b"", text))


_remembered = lru_cache(64)(_relax)

"""Signed tokens that stand in links: made from what they say, never stored.

A token is `key id . subject . code`: the code is HMAC-SHA256 over purpose and subject, cut to 128
bits, under a key derived for that one purpose. So a token for one purpose opens no other, a database
dump holds no usable link, and an older secret still opens the links that it made.
"""

import hashlib
import hmac
import re
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_SUBJECT = re.compile(r"[0-9a-z-]{1,80}", re.ASCII)
_SHAPE = re.compile(r"([0-9A-Za-z_-]{2})\.([0-9a-z-]{1,80})\.([0-9A-Za-z_-]{22})", re.ASCII)


class Purpose(StrEnum):
    """What a link lets its holder do. One right each."""

    CONFIRM = "confirm"
    REFUSE = "refuse"
    PREFERENCES = "preferences"
    UNSUBSCRIBE = "unsubscribe"
    UNDO = "undo"
    REASON = "reason"
    NEW_ADDRESS = "new-address"
    MOVE = "move"
    RETURN_PATH = "return-path"
    MESSAGE_ID = "message-id"
    FORM = "form"
    SUPPRESSION = "suppression"  # no link: who must not come back by an import


def _base64url(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


def _halves(key: bytes) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """HMAC's inner and outer hash with the key already in them (RFC 2104 §4), to be copied for each token.

    Four tokens stand in a letter: this takes 1.0 µs each, `hmac.digest` 3.6 with OpenSSL 3.
    """
    padded = key.ljust(64, b"\0")
    return hashlib.sha256(bytes(b ^ 0x36 for b in padded)), hashlib.sha256(bytes(b ^ 0x5C for b in padded))


@dataclass(frozen=True, slots=True, repr=False)
class _Key:
    id: str
    derived: dict[Purpose, bytes]
    halves: "dict[Purpose, tuple[hashlib._Hash, hashlib._Hash]]"


class Keyring:
    """The secrets that sign links: the first one signs, all of them verify.

    secrets: at least 32 characters each, the newest first.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise ValueError("a keyring needs at least one secret")
        self._keys = [self._derive(secret.encode()) for secret in secrets]

    def __repr__(self) -> str:
        return f"Keyring({', '.join(key.id for key in self._keys)})"

    @staticmethod
    def _derive(secret: bytes) -> _Key:
        key_id = _base64url(hmac.digest(secret, b"key id", "sha256"))[:2]
        derived = {p: hmac.digest(secret, b"purpose:" + p.encode(), "sha256") for p in Purpose}
        return _Key(key_id, derived, {p: _halves(key) for p, key in derived.items()})

    def code(self, purpose: Purpose, subject: str) -> str:
        """The bare 22-character code of the newest secret, without key id and subject."""
        return self._code(self._keys[0], purpose, subject)

    @staticmethod
    def _code(key: _Key, purpose: Purpose, subject: str) -> str:
        inner, outer = key.halves[purpose]
        inner, outer = inner.copy(), outer.copy()
        inner.update(subject.encode("ascii"))
        outer.update(inner.digest())
        return _base64url(outer.digest()[:16])

    def sign(self, purpose: Purpose, subject: str) -> str:
        """A token of letters, digits, `-`, `_` and `.`; subject: 1 to 80 of `0-9a-z-`."""
        if not (subject.isdigit() and subject.isascii() and len(subject) <= 80) and not _SUBJECT.fullmatch(
            subject
        ):
            raise ValueError(f"not a token subject: {subject!r}")
        key = self._keys[0]
        return f"{key.id}.{subject}.{self._code(key, purpose, subject)}"

    def signer(self, purpose: Purpose) -> Callable[[int], bytes]:
        """What `sign` makes of a number, for who signs many: all that is the same for each is done before."""
        key = self._keys[0]
        inner, outer = key.halves[purpose]
        start = key.id.encode("ascii")

        def sign(number: int) -> bytes:
            subject = b"%d" % number
            first, second = inner.copy(), outer.copy()
            first.update(subject)
            second.update(first.digest())
            code = b2a_base64(second.digest()[:16], newline=False).translate(_URL_SAFE, b"=")
            return b"%b.%b.%b" % (start, subject, code)

        return sign

    def read(self, purpose: Purpose, token: str) -> str | None:
        """The subject of a token that one of our secrets signed for this purpose, else None."""
        shape = _SHAPE.fullmatch(token)
        if shape is None:
            return None
        key_id, subject, code = shape.groups()
        for key in self._keys:
            if key.id == key_id and hmac.compare_digest(self._code(key, purpose, subject), code):
                return subject
        return None

    def keyed_hash(self, text: str, purpose: Purpose = Purpose.FORM) -> str:
        """A hex digest that only the holder of the oldest secret can make: what may be kept of an address."""
        key = self._keys[-1].derived[purpose]
        return hashlib.blake2b(text.encode(), key=key, digest_size=20).hexdigest()

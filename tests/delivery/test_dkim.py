"""Signatures, checked by somebody else's verifier, and the keys that may make them."""

import base64
import re
from itertools import pairwise
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.delivery.dkim import Key, KeyUnfit, Signer, hash_body, make_key, read_keys

RSA = Key("rsa2026", rsa.generate_private_key(65537, 2048))
ED25519 = Key("ed2026", ed25519.Ed25519PrivateKey.generate())
WHEN = 1_795_000_000

LETTER = [
    b"To: alice@example.com\r\nMessage-ID: <1.2@example.org>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n",
    b"From: Example <news@example.org>\r\nReply-To: office@example.org\r\nSubject: =?utf-8?q?Caf=C3=A9?=\r\n two\r\n"
    b"List-Id: News <digest.example.org>\r\nList-Unsubscribe: <https://news.example.org/u/",
    b"abc",
    b">,\r\n <mailto:u@example.org>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nList-Help: <https://x.example>\r\n"
    b"Feedback-ID: a:b:c:sender\r\nCFBL-Address: fbl@example.org\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/html;\r\n\tcharset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\nX-Other: 1\r\n\r",
    b"\n<p  class=3D'x'>Hello \t \r\n\r\n  there ",
    b"reader" * 200,
    b"  \r\nBye\r\n\r\n\r\n",
]


def dns(*keys: Key) -> object:
    """A resolver that knows the public halves of these keys."""
    records = {}
    for key in keys:
        public = key.private.public_key()
        if isinstance(key.private, rsa.RSAPrivateKey):
            kind, octets = "rsa", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        else:
            kind, octets = "ed25519", public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        name = f"{key.selector}._domainkey.example.org.".encode()
        records[name] = f"v=DKIM1; k={kind}; p={base64.b64encode(octets).decode()}".encode()
    return lambda name, timeout=5: records.get(name, b"")


def verify(message: bytes, *keys: Key) -> list[bool]:
    """What dkimpy says of each signature, one for each key, from the top."""
    return [_verify(message, place, dns(*keys)) for place in range(len(keys))]


def _verify(message: bytes, place: int, dnsfunc: object) -> bool:
    try:
        return bool(dkim.DKIM(message).verify(idx=place, dnsfunc=dnsfunc))
    except dkim.ValidationError:  # what dkimpy says where the body differs
        return False


def signed(content: list[bytes], *keys: Key) -> bytes:
    return Signer("example.org", keys).sign(content, WHEN) + b"".join(content)


def test_both_signatures_verify_and_each_stands_alone() -> None:
    message = signed(LETTER, RSA, ED25519)
    assert verify(message, RSA, ED25519) == [True, True]
    second = message.index(b"DKIM-Signature", 10)
    assert verify(message[second:], ED25519) == [True]


def test_the_signature_covers_what_readers_and_mail_programs_rely_on() -> None:
    message = signed(LETTER, RSA)
    unfolded = re.sub(rb"\r\n\s+", b"", message).decode()
    tags = dict(part.strip().split("=", 1) for part in unfolded.split("\r\n")[0].partition(":")[2].split(";"))
    names = tags["h"].replace(" ", "").split(":")
    oversigned = {
        *("from", "to", "subject", "date", "message-id", "reply-to", "mime-version", "content-type"),
        *("list-unsubscribe", "list-unsubscribe-post"),
    }
    once = {"content-transfer-encoding", "list-id", "list-help", "feedback-id", "cfbl-address"}
    assert {name for name in names if names.count(name) == 2} == oversigned
    assert {name for name in names if names.count(name) == 1} == once
    assert (tags["d"], tags["s"], tags["t"]) == ("example.org", "rsa2026", str(WHEN))
    assert (tags["a"], tags["c"]) == ("rsa-sha256", "relaxed/relaxed")
    assert not {"l", "z"} & tags.keys()
    assert max(len(line) for line in message[: message.index(b"To: ")].split(b"\r\n")) <= 78


@pytest.mark.parametrize("key", [RSA, ED25519], ids=lambda key: key.algorithm)
@pytest.mark.parametrize(
    "extra",
    [
        *(
            b"From: x@evil.example",
            b"Subject: New",
            b"To: x@y.example",
            b"Date: Tue, 24 Nov 2026 09:00:00 +0000",
        ),
        *(
            b"Message-ID: <x@y>",
            b"Reply-To: x@evil.example",
            b"Content-Type: text/plain",
            b"MIME-Version: 1.0",
        ),
        *(b"List-Unsubscribe: <https://evil.example>", b"List-Unsubscribe-Post: List-Unsubscribe=One-Click"),
    ],
)
def test_a_second_header_field_in_front_breaks_the_signature(key: Key, extra: bytes) -> None:
    message = signed(LETTER, key)
    assert verify(message, key) == [True]
    assert verify(extra + b"\r\n" + message, key) == [False]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Bye", b"Pay"),
        (b"Bye\r\n", b"Bye\r\nPS: more\r\n"),
        (b"/u/abc", b"/u/abd"),
        (b"One-Click", b"Two-Click"),
        (b"two\r\n", b"three\r\n"),
    ],
)
def test_a_change_of_body_or_header_breaks_the_signature(before: bytes, after: bytes) -> None:
    message = signed(LETTER, RSA)
    assert verify(message.replace(before, after), RSA) == [False]


def test_an_absent_reply_to_can_not_be_added_later() -> None:
    content = [b"".join(LETTER).replace(b"Reply-To: office@example.org\r\n", b"")]
    message = signed(content, RSA)
    assert verify(message, RSA) == [True]
    assert verify(b"Reply-To: x@evil.example\r\n" + message, RSA) == [False]


def test_changing_the_key_in_the_middle_leaves_earlier_letters_good() -> None:
    newer = Key("ed2027", ed25519.Ed25519PrivateKey.generate())
    old, new = signed(LETTER, ED25519), signed(LETTER, newer)
    assert verify(old, ED25519) == verify(new, newer) == [True]
    verifier_of_both = dns(ED25519, newer)
    assert dkim.verify(old, dnsfunc=verifier_of_both)
    assert dkim.verify(new, dnsfunc=verifier_of_both)


def cut(text: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


WORDS = st.sampled_from([b" ", b"\t", b"  ", b"\r\n", b"a", b"word", b"=3D", b"x" * 600])


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, max_size=30), st.lists(st.integers(0, 10_000), max_size=5))
def test_any_body_cut_anywhere_verifies(words: list[bytes], places: list[int]) -> None:
    header = b"From: a@example.org\r\nSubject: \t folded\r\n  \tand  on \r\nTo:b@example.com\r\n\r\n"
    content = cut(header + b"".join(words) + b"\r\n", places)
    assert verify(signed(content, ED25519), ED25519) == [True]


def test_the_hash_of_nothing_is_the_standards() -> None:
    # RFC 6376 §3.4.4 gives this value for the empty body in relaxed form
    assert base64.b64encode(hash_body([])) == b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    assert hash_body([b"\r\n", b"\r\n"]) == hash_body([])
    assert hash_body([b" \t\r\n"]) == hash_body([])


def pem(private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_keys_are_read_from_files_that_only_their_owner_reads(tmp_path: Path) -> None:
    files = {}
    for key in (RSA, ED25519):
        files[key.selector] = tmp_path / f"{key.selector}.pem"
        files[key.selector].write_bytes(pem(key.private))
        files[key.selector].chmod(0o600)
    text = " ".join(f"{selector}={file}" for selector, file in files.items())
    keys = read_keys(text)
    assert [key.algorithm for key in keys] == ["rsa-sha256", "ed25519-sha256"]
    assert verify(signed(LETTER, *keys), RSA, ED25519) == [True, True]
    assert "PRIVATE" not in repr(keys)
    files["rsa2026"].chmod(0o644)
    with pytest.raises(KeyUnfit, match="chmod 600"):
        read_keys(text)


@pytest.mark.parametrize("text", ["rsa2026", "=file", "se lector=x", "a..=/nowhere", "s=/nowhere/key.pem"])
def test_a_key_that_is_not_there_is_named(text: str) -> None:
    with pytest.raises(KeyUnfit):
        read_keys(text)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (pem(rsa.generate_private_key(65537, 1024)), "1024 bits is too weak"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "only RSA and Ed25519"),
        (b"-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n", "no unencrypted private key"),
    ],
)
def test_an_unfit_key_is_refused_in_words_that_hold_nothing_of_it(octets: bytes, why: str) -> None:
    with pytest.raises(KeyUnfit, match=why) as error:
        make_key("s", octets)
    assert "hush" not in str(error.value)

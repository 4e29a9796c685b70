"""A letter's MAIL and RCPT commands, in the words that this relay knows. Rules only, no I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import idna

from mailer.delivery.envelope import Letter
from mailer.delivery.outcome import Rejected

LONGEST = 254
"""Octets of an address (RFC 5321 §4.5.3.1.3 grants a path 256, with its angle brackets)."""
# Printable ASCII without space and angle brackets: nothing in it can end the argument, or begin a parameter or
# another command.
_SAFE = re.compile(r"[!-;=?A-~]+@[!-;=?A-~]+")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0<>]|\s")
# xtext (RFC 3461 §4) and its sister of RFC 6533 §3
_XTEXT = re.compile(r"[+=]")
_UTF8_XTEXT = re.compile(r"[+=\\]|[^!-~]")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the relay offered after the last EHLO. size: whether it wants to know. largest: octets of a letter,
    0: no limit. mailmax: letters a connection, 0: no limit."""

    pipelining: bool = False
    size: bool = False
    largest: int = 0
    smtputf8: bool = False
    dsn: bool = False
    mailmax: int = 0

    @classmethod
    def read(cls, extensions: Mapping[str, str], limit: int = 0) -> "Capabilities":
        """extensions: the lower-case keywords of EHLO with their parameters. limit: the largest letter that the
        operator allows, 0: as large as the relay does."""
        size = extensions.get("size", "").strip()
        mailmax = re.search(r"\bMAILMAX=(\d{1,6})\b", extensions.get("limits", ""), re.IGNORECASE)
        return cls(
            pipelining="pipelining" in extensions,
            size="size" in extensions,
            largest=min((n for n in (limit, int(size) if size.isdecimal() else 0) if n), default=0),
            smtputf8="smtputf8" in extensions,
            dsn="dsn" in extensions,
            mailmax=int(mailmax[1]) if mailmax else 0,  # RFC 9422 §4.1
        )


def address_commands(letter: Letter, can: Capabilities) -> tuple[bytes, bytes] | Rejected:
    """The lines MAIL and RCPT, with CRLF; or the refusal of a letter that this relay could never take."""
    if can.largest and letter.size > can.largest:
        return Rejected(
            552, f"5.3.4 Not sent: {letter.size} octets, and the relay takes {can.largest}", "sender"
        )
    sender, recipient, parameters = letter.sender, letter.recipient, ""
    safe = _SAFE.fullmatch(recipient) and (_SAFE.fullmatch(sender) or not sender)
    if not safe or len(recipient) > LONGEST or len(sender) > LONGEST:
        international = _international(sender, recipient, can)
        if isinstance(international, Rejected):
            return international
        sender, recipient, parameters = international
    if can.size:
        parameters += f" SIZE={letter.size}"  # RFC 1870 §6.1
    notify = ""
    if can.dsn:
        parameters += f" RET=HDRS ENVID={letter.number}"
        notify = f" NOTIFY=FAILURE ORCPT={_original(letter.recipient, recipient)}"
    return (
        f"MAIL FROM:<{sender}>{parameters}\r\n".encode(),
        f"RCPT TO:<{recipient}>{notify}\r\n".encode(),
    )


def _international(sender: str, recipient: str, can: Capabilities) -> tuple[str, str, str] | Rejected:
    """Both with their domains in ASCII, and the SMTPUTF8 parameter where a local part needs it (RFC 6531 §3.4)."""
    addresses = []
    for address, may_be_empty in ((sender, True), (recipient, False)):  # MAIL FROM:<> asks for no bounces
        local, at, domain = address.rpartition("@")
        null = may_be_empty and not address
        if _UNSAFE.search(address) or len(address.encode()) > LONGEST or not (null or (local and domain)):
            return Rejected(553, "5.1.3 Not sent: this is no address that SMTP can carry", "recipient")
        try:
            ascii_domain = idna.encode(domain, uts46=True).decode() if not domain.isascii() else domain
        except idna.IDNAError:
            return Rejected(553, "5.1.3 Not sent: the domain of this address can't exist", "recipient")
        addresses.append(local + at + ascii_domain)
    if all(address.isascii() for address in addresses):
        return addresses[0], addresses[1], ""
    if not can.smtputf8:
        return Rejected(
            553, "5.6.7 Not sent: the relay takes no letters beyond ASCII in an address (SMTPUTF8)", "sender"
        )
    return addresses[0], addresses[1], " SMTPUTF8"


def _original(written: str, sent: str) -> str:
    """ORCPT: the address as the reader wrote it, encoded so that it can't look like a parameter."""
    if sent.isascii():
        return "rfc822;" + _XTEXT.sub(lambda m: f"+{ord(m[0]):02X}", sent)
    return "utf-8;" + _UTF8_XTEXT.sub(lambda m: f"\\x{{{ord(m[0]):02X}}}", written)

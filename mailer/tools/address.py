"""Mail addresses: which are taken, in which form they are kept, and when two are the same mailbox.

We take what a person types into a form: no comments, quoted local parts, IP literals or display names,
and ASCII before the @ (the relay need not know SMTPUTF8). Domains may be written in any script.
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from email_validator import EmailNotValidError, validate_email

_MAX = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets

_UNREAD = frozenset({"abuse", "mailer-daemon", "no-reply", "noreply", "nobody", "postmaster", "devnull"})
"""RFC 2142, and what bulk senders use."""

_PROVIDERS = """
aol.com free.fr gmail.com gmx.at gmx.com gmx.de gmx.net googlemail.com hotmail.com hotmail.es hotmail.fr
hotmail.it icloud.com laposte.net live.com mail.com mail.ru me.com msn.com orange.fr outlook.com outlook.es
outlook.fr proton.me protonmail.com t-online.de uol.com.br wanadoo.fr web.de yahoo.co.uk yahoo.com
yahoo.com.br yahoo.es yahoo.fr yandex.ru ymail.com
"""
_FAMILIAR = frozenset(_PROVIDERS.split())


class Fault(StrEnum):
    """Why an address is not taken."""

    EMPTY = "empty"
    TOO_LONG = "too long"
    NO_AT = "no @"
    SEVERAL = "several"
    NOT_ASCII = "not ascii"
    DOMAIN = "domain"
    FORM = "form"


class AddressError(ValueError):
    """Not an address that we can write to; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"not a usable mail address: {fault}")
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Address:
    """text: local part as typed, domain as A-label. key: by which the same mailbox is known again."""

    text: str

    @property
    def key(self) -> str:
        """Case doesn't count; dots and +tags do, for only some mail servers ignore them."""
        return self.text.casefold()

    @property
    def domain(self) -> str:
        return self.text.rpartition("@")[2]

    @property
    def is_read(self) -> bool:
        """Is it a mailbox that somebody may sign up for themselves? `postmaster@` and `noreply@` are not."""
        return self.text.rpartition("@")[0].casefold() not in _UNREAD

    @property
    def masked(self) -> str:
        """Enough for its owner to know it again, too little for anybody else: `a•••@e•••.org`."""
        local, _, domain = self.text.rpartition("@")
        name, _, tld = domain.rpartition(".")
        return f"{local[:1]}•••@{name[:1]}•••.{tld}"


def parse(typed: str) -> Address:
    """Raises AddressError. White space around the address doesn't count; it asks no server."""
    text = unicodedata.normalize("NFC", typed.strip())
    if not text:
        raise AddressError(Fault.EMPTY)
    if len(text) > _MAX:
        raise AddressError(Fault.TOO_LONG)
    local, at, domain = text.rpartition("@")
    if not at:
        raise AddressError(Fault.NO_AT)
    if any(mark in text for mark in ",; ") and text.count("@") > 1:
        raise AddressError(Fault.SEVERAL)
    if not local.isascii():
        raise AddressError(Fault.NOT_ASCII)
    try:
        valid = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError:
        raise AddressError(_fault(local, domain)) from None
    assert valid.ascii_email is not None  # noqa: S101 - given whenever SMTPUTF8 is not allowed
    return Address(valid.ascii_email)


def _fault(local: str, domain: str) -> Fault:
    """Whose fault it is: the domain's, if a harmless local part doesn't help."""
    if len(local) > 64:  # RFC 5321 §4.5.3.1.1
        return Fault.TOO_LONG
    if any(mark in local + domain for mark in '<>()"'):
        return Fault.FORM
    try:
        validate_email(f"a@{domain}", check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return Fault.DOMAIN
    return Fault.FORM


def suggest(address: Address) -> str | None:
    """`anna@gmail.com` for `anna@gmial.com`: one slip away from a domain that many use. Only a hint."""
    domain = address.domain
    if domain in _FAMILIAR or len(domain) < 6:
        return None
    near = next((known for known in sorted(_FAMILIAR) if _one_slip(domain, known)), None)
    return f"{address.text.rpartition('@')[0]}@{near}" if near else None


def _one_slip(typed: str, known: str) -> bool:
    """One letter missing, too many, wrong, or two swapped."""
    if abs(len(typed) - len(known)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(typed, known, strict=False)) if a != b), None)
    if start is None:
        return True
    a, b = typed[start:], known[start:]
    swapped = len(a) > 1 and len(b) > 1 and a[1] + a[0] + a[2:] == b
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or swapped

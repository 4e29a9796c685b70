"""The relays we hand mail to: MAILER_RELAYS read into values, or an error that says what to do."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_PORTS = {"smtp": 587, "smtps": 465}


class RelayError(ValueError):
    """A relay address that can't be used; the message says what to write instead, and never holds a password."""


@dataclass(frozen=True, slots=True)
class Relay:
    """One SMTP server, with its limits.

    tls: `implicit` (smtps://); `starttls`: STARTTLS with a good certificate, or no mail; `opportunistic`:
    STARTTLS where offered, without looking at the certificate; `none`.
    A plain smtp:// relay means `opportunistic` on loopback and `starttls` everywhere else.
    connections: at most so many at a time. per_connection, seconds: a connection is renewed after so many
    letters, or so old. rate: letters a second, all connections together; None: no limit. size: octets of
    the largest letter, 0: as the relay says. weight: its share among several. pipelining: off for a
    relay that breaks under it. sign: we add DKIM signatures; by default the relay does. ca: file with the
    certificates that sign the relay's own.
    """

    host: str
    port: int
    tls: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    connections: int = 10
    per_connection: int = 1000
    seconds: int = 600
    rate: float | None = None
    size: int = 0
    weight: int = 1
    pipelining: bool = True
    sign: bool = False
    ca: str | None = None
    name: str = ""

    @property
    def loopback(self) -> bool:
        """Mail for this relay stays on this machine."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this very machine."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_relays(text: str) -> tuple[Relay, ...]:
    """The relays of a space-separated MAILER_RELAYS, in order. Raises RelayError."""
    relays = tuple(_parse(url) for url in text.split())
    names = [relay.name for relay in relays]
    for name in names:
        if names.count(name) > 1:
            raise RelayError(f"MAILER_RELAYS names {name} twice. Give each its own with ?name=….")
    return relays


def _parse(url: str) -> Relay:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise RelayError(
            "MAILER_RELAYS holds an address that can't be read. Write smtp://user:password@host:587, "
            "with %40 for @, %3A for :, %2F for / and %23 for # in user and password."
        ) from None
    if parts.scheme not in _PORTS:
        raise RelayError(
            f"MAILER_RELAYS: {_shown(parts)} has no scheme that we know. "
            "Write smtp://host:587 (STARTTLS) or smtps://host:465 (TLS from the start)."
        )
    if not host or parts.path.strip("/") or parts.fragment:
        raise RelayError(
            f"MAILER_RELAYS: {_shown(parts)} is not a relay address. Write {parts.scheme}://host:port; "
            "options follow after a question mark, as in ?connections=5&rate=14."
        )
    options = _options(parts)
    tls = _tls(parts, host, options.pop("tls", None))
    name = options.pop("name", None) or f"{host}:{port or _PORTS[parts.scheme]}"
    return Relay(
        host=host,
        port=port or _PORTS[parts.scheme],
        tls=tls,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        name=name,
        **options,
    )


def _shown(parts: SplitResult) -> str:
    """The address without user and password."""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _tls(parts: SplitResult, host: str, wanted: str | None) -> str:
    if parts.scheme == "smtps":
        if wanted is not None:
            raise RelayError(f"MAILER_RELAYS: {_shown(parts)} is always TLS. Leave ?tls= out.")
        return "implicit"
    tls = wanted or ("opportunistic" if is_loopback(host) else "starttls")
    if tls != "starttls" and parts.password and not is_loopback(host):
        raise RelayError(
            f"MAILER_RELAYS: {_shown(parts)} with ?tls={tls} could send the password in clear text. "
            "Leave ?tls= out, or the user and password."
        )
    return tls


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not value.isdecimal() or not low <= int(value) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(value)

    return read


def _rate(value: str) -> float:
    try:
        rate = float(value)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 1_000_000:
        raise ValueError("letters a second, as 14 or 0.5")
    return rate


def _switch(value: str) -> bool:
    if value not in {"on", "off"}:
        raise ValueError("on or off")
    return value == "on"


def _tls_mode(value: str) -> str:
    if value not in {"starttls", "opportunistic", "none"}:
        raise ValueError("starttls, opportunistic or none")
    return value


def _word(value: str) -> str:
    if not value or not value.isprintable() or " " in value:
        raise ValueError("a word")
    return value


_OPTIONS: dict[str, Callable[[str], Any]] = {
    "tls": _tls_mode,
    "connections": _whole(1, 1000),
    "per_connection": _whole(1, 1_000_000),
    "seconds": _whole(1, 86_400),
    "rate": _rate,
    "size": _whole(1, 2**31),
    "weight": _whole(1, 1000),
    "pipelining": _switch,
    "sign": _switch,
    "ca": _word,
    "name": _word,
}


def _options(parts: SplitResult) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key not in _OPTIONS:
            raise RelayError(
                f"MAILER_RELAYS: {_shown(parts)} has an unknown option {key!r}. Known: {', '.join(_OPTIONS)}."
            )
        try:
            options[key] = _OPTIONS[key](value)
        except ValueError as error:
            raise RelayError(f"MAILER_RELAYS: {_shown(parts)}: {key} must be {error}.") from None
    return options

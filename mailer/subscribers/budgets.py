"""How many confirmation mails may be asked for: by address, network, mail domain, and in all. Rules only.

Each bucket stands alone, so that nobody gets around one by changing another. Windows are fixed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailer.tools.address import Address

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_START = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests an hour. A wider network (/48) may ask for four times as much as one of its /64."""

    network: int
    domain: int
    total: int


@dataclass(frozen=True, slots=True)
class Bucket:
    key: str
    begins_at: datetime
    ends_at: datetime
    limit: int

    @property
    def kind(self) -> str:
        """What its key begins with; all of a kind have the same limit."""
        return "".join(self.key.partition(":")[:2])


def buckets(
    address: Address, networks: tuple[str, ...], limits: Limits, hashed: Callable[[str], str], now: datetime
) -> list[Bucket]:
    """What a request must find unspent: it spends one of each, or none at all.

    The order is the same for every request, so that two of them never wait for each other's rows.
    networks: from narrow to wide. hashed: turns an address into what may be stored.
    """
    widths = [("network", limits.network), ("wide-network", limits.network * 4)]
    person = hashed(address.key)
    return [
        *(
            _bucket(f"{kind}:{network}", _HOUR, limit, now)
            for network, (kind, limit) in zip(networks, widths, strict=False)
        ),
        _bucket(f"address:{person}", _DAY, 1, now),
        _bucket(f"address-month:{person}", 30 * _DAY, 3, now),
        _bucket(f"domain:{hashed(address.domain)}", _HOUR, limits.domain, now),
        _bucket("total", _HOUR, limits.total, now),
    ]


def link_buckets(
    address: Address, networks: tuple[str, ...], limits: Limits, hashed: Callable[[str], str], now: datetime
) -> list[Bucket]:
    """What somebody must find unspent who asks for the links of an address: a budget of its own."""
    return [
        _bucket(f"link-network:{networks[0]}", _HOUR, limits.network, now),
        _bucket(f"link-address:{hashed(address.key)}", _DAY, 2, now),
        _bucket("link-total", _HOUR, limits.total, now),
    ]


def burst_buckets(origin: str, usual: int, now: datetime) -> tuple[Bucket, Bucket]:
    """How many may leave in an hour before it is a burst, and the alarm, which is raised once an hour."""
    return _bucket(f"leave:{origin}", _HOUR, usual, now), _bucket(f"leave-alarm:{origin}", _HOUR, 1, now)


def address_keys(address: Address, hashed: Callable[[str], str]) -> list[str]:
    """The keys of the buckets that are this address's alone."""
    person = hashed(address.key)
    return [f"address:{person}", f"address-month:{person}", f"link-address:{person}"]


def site_bucket(site: str, limit: int, hashed: Callable[[str], str], now: datetime) -> Bucket:
    """What a form on another site must find unspent. limit: requests an hour."""
    return _bucket(f"site:{hashed(site)}", _HOUR, limit, now)


def _bucket(key: str, length: timedelta, limit: int, now: datetime) -> Bucket:
    begins_at = _START + (now - _START) // length * length
    return Bucket(key, begins_at, begins_at + length, limit)

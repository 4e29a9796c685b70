"""Who is at the other end: a client's network, believed only where a proxy of ours says so."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Network = str
IpAddress = IPv4Address | IPv6Address


def trusted_networks(text: str) -> tuple[str, ...]:
    """The networks in a setting, checked. Raises ValueError with the word that is none."""
    return tuple(str(ip_network(word, strict=False)) for word in text.split())


def client_address(peer: str, forwarded_for: Iterable[str], trusted: Iterable[str]) -> IpAddress | None:
    """The nearest address that is no proxy of ours, read from right to left; None if it can't be read.

    peer: the other end of the connection. forwarded_for: the X-Forwarded-For header lines. Anybody can
    write that header, so each step to the left is believed only while the right one is a trusted proxy.
    """
    networks = [ip_network(network) for network in trusted]
    chain = [hop.strip() for line in forwarded_for for hop in line.split(",")]
    nearest: IpAddress | None = None
    for hop in (peer, *reversed(chain)):
        address = _read(hop)
        if address is None:
            return nearest
        nearest = address
        if not any(address in network for network in networks if network.version == address.version):
            return address
    return nearest


def _read(text: str) -> IpAddress | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def truncated(address: IpAddress | None) -> str:
    """As much of an address as may be kept as proof: /24 or /48; empty where there is none."""
    return _cut(address, 24 if address.version == 4 else 48) if address else ""


def budget_networks(address: IpAddress | None) -> tuple[str, ...]:
    """The networks whose budget a request spends, from narrow to wide: a household has a whole /64."""
    if address is None:
        return ("unknown",)
    return (_cut(address, 24),) if address.version == 4 else (_cut(address, 64), _cut(address, 48))


def _cut(address: IpAddress, bits: int) -> str:
    network = ip_network((address, bits), strict=False)
    return network.compressed if isinstance(network, IPv6Network) else str(network)

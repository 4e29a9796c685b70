"""Fetch one document from an address that a stranger may have written, without being led astray.

Only http and https to public addresses: the name is resolved once, and the connection goes to the address
that was checked, at every redirect anew, so no name can point inside between check and connection (SSRF, DNS
rebinding). Time, redirects, header and decompressed size are limited. No cookies, no credentials, no proxies
from the environment. Certificates are checked against the name.
"""

import asyncio
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urljoin

import httpx2

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Takes a host name and a port, returns addresses; raises OSError where there are none."""

_INSIDE = tuple(
    IPv6Network(text)
    for text in (
        "::/96",  # IPv4-compatible, RFC 4291 2.5.5.1
        "64:ff9b::/96",  # NAT64, RFC 6052: leads to any IPv4 address
        "64:ff9b:1::/48",  # local NAT64, RFC 8215
        "2001::/32",  # Teredo, RFC 4380
        "2002::/16",  # 6to4, RFC 3056
        "fec0::/10",  # site-local, RFC 3879
    )
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK = 64 * 1024


class FetchError(Exception):
    """Nothing usable came; the message says what happened and what to do."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document. url: where it was found, after redirects. content_type: as sent, "" if none."""

    url: str
    content: bytes
    content_type: str = ""
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class NotModified:
    """The server says that nothing changed since the etag or date that we showed it."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not ours, not our network's, not the cloud's own."""
    try:
        ip: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif any(ip in network for network in _INSIDE):
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the operating system finds them, in its order of preference."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@cache
def _tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=False)


@dataclass(frozen=True)
class Fetcher:
    """Fetches documents within limits. seconds: for the whole, redirects included. max_bytes: after decompression.

    allowed, ports: which addresses and ports may be connected to; tests serve on loopback, nobody else should.
    """

    agent: str = "mailer (newsletter service)"
    seconds: float = 30.0
    max_bytes: int = 10_000_000
    max_redirects: int = 5
    resolver: Resolver = system_resolver
    allowed: Callable[[str], bool] = is_public
    ports: frozenset[int] | None = frozenset({80, 443})
    tls: ssl.SSLContext = field(default_factory=_tls, repr=False)

    async def fetch(
        self, url: str, etag: str | None = None, last_modified: str | None = None, accept: str = "*/*"
    ) -> Fetched | NotModified:
        """One GET, conditional where a validator is given. Raises FetchError, and nothing else."""
        headers = {"User-Agent": self.agent, "Accept": accept, "Accept-Encoding": "gzip"}
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        try:
            async with (
                asyncio.timeout(self.seconds),
                httpx2.AsyncClient(
                    verify=self.tls, trust_env=False, follow_redirects=False, timeout=None
                ) as client,
            ):
                for _ in range(self.max_redirects + 1):
                    answer = await self._once(client, url, headers)
                    if not isinstance(answer, str):
                        return answer
                    url = answer
                    client.cookies.clear()
        except TimeoutError:
            raise FetchError(f"it took longer than {self.seconds:g} seconds; we try again later") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError, ValueError, zlib.error) as error:
            raise FetchError(_in_words(error)) from error
        raise FetchError(f"more than {self.max_redirects} redirects; look for the final address in a browser")

    async def _once(
        self, client: httpx2.AsyncClient, url: str, headers: dict[str, str]
    ) -> Fetched | NotModified | str:
        """The document, or the address that the server redirects to."""
        target = self._checked_url(url)
        host = target.raw_host.decode("ascii")
        port = target.port or (443 if target.scheme == "https" else 80)
        for number, address in enumerate(addresses := await self._addresses(host, port)):
            request = client.build_request(
                "GET",
                target.copy_with(host=address),
                headers={**headers, "Host": target.netloc.decode("ascii")},
                extensions={"sni_hostname": host},  # the certificate must be the name's, not the address's
            )
            try:
                response = await client.send(request, stream=True)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if number + 1 == len(addresses):
                    raise
                continue
            try:
                return await self._take(response, url)
            finally:
                await response.aclose()
        raise FetchError("the name has no address")  # pragma: no cover: _addresses never returns none

    def _checked_url(self, url: str) -> httpx2.URL:
        target = httpx2.URL(url)
        if target.scheme not in {"http", "https"} or not target.host:
            raise FetchError("only http:// and https:// addresses are fetched")
        if target.userinfo:
            raise FetchError("the address holds a name or a password; only public addresses are fetched")
        if self.ports is not None and target.port not in {None, *self.ports}:
            raise FetchError(f"port {target.port} is not fetched; only the ports 80 and 443 are")
        return target

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = await self.resolver(host, port)
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise FetchError(f"the name {host} isn't known; look for a typing error")
        if not all(self.allowed(address) for address in addresses):
            raise FetchError(f"{host} leads into a private network; only public addresses are fetched")
        return addresses

    async def _take(self, response: httpx2.Response, url: str) -> Fetched | NotModified | str:
        status, headers = response.status_code, response.headers
        if status in _REDIRECTS and "location" in headers:
            return urljoin(url, headers["location"])
        if status == 304:
            return NotModified()
        if status != 200:
            raise FetchError(_status_in_words(status))
        content = await self._body(response)
        kind = headers.get("content-type", "")
        return Fetched(url, content, kind, headers.get("etag"), headers.get("last-modified"))

    async def _body(self, response: httpx2.Response) -> bytes:
        """The body, decompressed as it comes, so that a bomb is dropped at the limit and not in memory."""
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", "gzip", "x-gzip", ""}:
            raise FetchError(f"the server packed it as {encoding}, which we didn't ask for")
        unpack = zlib.decompressobj(wbits=31) if "gzip" in encoding else None
        body = bytearray()
        async for raw in response.aiter_raw(_CHUNK):
            for piece in [raw] if unpack is None else _unpacked(unpack, raw):
                body += piece
                if len(body) > self.max_bytes:
                    raise FetchError(
                        f"it is larger than {self.max_bytes / 1_000_000:g} MB; ask its publisher for a shorter one"
                    )
        if unpack is not None and body and not unpack.eof:
            raise FetchError("it breaks off in the middle; we try again later")
        return bytes(body)


def _unpacked(unpack: "zlib._Decompress", raw: bytes) -> Iterator[bytes]:
    """What comes out of packed bytes, in pieces of bounded size."""
    while piece := unpack.decompress(raw, _CHUNK):
        yield piece
        raw = unpack.unconsumed_tail


def _status_in_words(status: int) -> str:
    known = {
        401: "it asks for a password (401); only public addresses are fetched",
        403: "the server refuses us (403); ask its publisher to let us in",
        404: "there is nothing at this address (404); look for the new one",
        410: "it is gone for good (410); remove it, or look for the new address",
        429: "the server asks us to come less often (429); we try again later",
    }
    again = "we try again later" if status >= 500 else "open it in a browser to see why"
    return known.get(status, f"the server answered {status}; {again}")


def _in_words(error: Exception) -> str:
    if isinstance(error, zlib.error):
        return "it is packed in a way that can't be read; we try again later"
    text = str(error).lower()
    if isinstance(error, ssl.SSLError) or "certificate" in text or "ssl" in text:
        return f"its certificate can't be trusted ({error}); tell its publisher"
    if isinstance(error, httpx2.RemoteProtocolError):
        return "the connection broke off in the middle; we try again later"
    if isinstance(error, (httpx2.ConnectError, OSError)):
        return "no connection to the server; we try again later"
    if isinstance(error, (httpx2.InvalidURL, ValueError)):
        return "this is not a web address; write it as https://example.org/feed"
    return f"it could not be fetched ({type(error).__name__}); we try again later"

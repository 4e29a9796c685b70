"""Fetching: never led inside, never more than asked for, and a message in words whatever goes wrong."""

import asyncio
import gzip
import ipaddress
import ssl
import tracemalloc
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mailer.tools.http_fetch import Fetched, Fetcher, FetchError, NotModified, is_public
from tests.tools.web import LOCAL, answer, redirect, web


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8"]
)
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1"),
        *(
            "::1",
            "::",
            "fe80::1",
            "fe80::1%eth0",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "fec0::1",
            "2001:db8::1",
        ),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1"),
        *("2002:7f00:1::", "2001:0:7f00:1::", "no address", ""),
    ],
)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


async def no_connection(host: str, port: int) -> list[str]:
    raise AssertionError("the name should not even have been looked up")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "file:///etc/passwd",
            "gopher://example.org/",
            "ftp://example.org/",
            "//example.org",
            "example.org",
            "",
        ),
        *(
            "http://example.org:22/",
            "https://example.org:8443/",
            "http://user:secret@example.org/",
            "http://",
        ),
        "http://[::1/",
    ],
)
async def test_only_plain_web_addresses_are_looked_up(url: str) -> None:
    with pytest.raises(FetchError):
        await Fetcher(resolver=no_connection).fetch(url)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost.", "127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0"),
        *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "169.254.169.254", "[fd00:ec2::254]"),
    ],
)
async def test_no_spelling_of_an_inside_address_is_connected_to(host: str) -> None:
    with pytest.raises(FetchError, match=r"private network|isn't known|not a web address"):
        await Fetcher().fetch(f"http://{host}/")


async def test_a_redirect_to_the_inside_is_refused() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.2"] if host == "feeds.example" else ["127.0.0.1"]

    async with web() as site:
        site.answers["/"] = redirect(f"http://inside.example:{site.port}/secret")
        guarded = replace(LOCAL, resolver=resolver, allowed=lambda address: address == "127.0.0.2")
        server = await asyncio.start_server(site.serve, "127.0.0.2", site.port)
        with pytest.raises(FetchError, match=r"inside\.example leads into a private network"):
            await guarded.fetch(site.url("/"))
        server.close()
    assert [path for path, _ in site.asked] == ["/"]


async def test_a_name_that_changes_its_address_is_looked_up_once_per_connection() -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def rebinding(host: str, port: int) -> Sequence[str]:
        return next(answers)

    async with web() as site:
        site.answers["/"] = answer(b"fine")
        fetcher = replace(LOCAL, resolver=rebinding, allowed=lambda address: address == "127.0.0.1")
        assert isinstance(await fetcher.fetch(site.url("/")), Fetched)
        with pytest.raises(FetchError, match="private network"):
            await fetcher.fetch(site.url("/"))


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    async def both(host: str, port: int) -> Sequence[str]:
        return ["93.184.215.14", "10.0.0.1"]

    with pytest.raises(FetchError, match="private network"):
        await Fetcher(resolver=both).fetch("http://example.org/")


async def test_redirects_are_followed_five_times_and_the_final_address_is_told() -> None:
    async with web() as site:
        for number in range(5):
            site.answers[f"/{number}"] = redirect(f"/{number + 1}")
        site.answers["/5"] = answer(b"here")
        found = await LOCAL.fetch(site.url("/0"))
        assert isinstance(found, Fetched)
        assert (found.content, found.url) == (b"here", site.url("/5"))
        site.answers["/5"] = redirect("/0")
        with pytest.raises(FetchError, match="more than 5 redirects"):
            await LOCAL.fetch(site.url("/0"))


async def test_the_server_sees_its_own_name_and_no_credentials() -> None:
    async with web() as site:
        site.answers["/"] = answer(b"x", Set_Cookie="a=b")
        await LOCAL.fetch(site.url("/"))
    headers = site.asked[0][1]
    assert headers["host"] == f"feeds.example:{site.port}"
    assert not {"cookie", "authorization"} & headers.keys()


async def test_what_has_not_changed_is_not_sent_again() -> None:
    async with web() as site:
        site.answers["/"] = answer(b"x", ETag='"1"', Last_Modified="Mon, 23 Nov 2026 09:00:00 GMT")
        found = await LOCAL.fetch(site.url("/"))
        assert isinstance(found, Fetched)
        site.answers["/"] = b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"
        assert await LOCAL.fetch(site.url("/"), found.etag, found.last_modified) == NotModified()
    assert site.asked[1][1]["if-none-match"] == '"1"'
    assert site.asked[1][1]["if-modified-since"] == "Mon, 23 Nov 2026 09:00:00 GMT"


async def test_a_bomb_is_dropped_at_the_limit_and_not_unpacked_in_memory() -> None:
    packer = zlib.compressobj(9, wbits=31)
    million = bytes(1_000_000)
    bomb = b"".join(packer.compress(million) for _ in range(400)) + packer.flush()
    async with web() as site:
        site.answers["/"] = answer(bomb, Content_Encoding="gzip")
        tracemalloc.start()
        with pytest.raises(FetchError, match="larger than 10 MB"):
            await LOCAL.fetch(site.url("/"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 40_000_000


async def test_packed_content_is_unpacked_whole() -> None:
    text = b"".join(b"%d " % number for number in range(200_000))
    async with web() as site:
        site.answers["/"] = answer(gzip.compress(text), Content_Encoding="gzip")
        found = await LOCAL.fetch(site.url("/"))
        assert isinstance(found, Fetched)
        assert found.content == text
        site.answers["/"] = answer(gzip.compress(text)[:-2000], Content_Encoding="gzip")
        with pytest.raises(FetchError, match="breaks off"):
            await LOCAL.fetch(site.url("/"))
        site.answers["/"] = answer(b"nonsense", Content_Encoding="gzip")
        with pytest.raises(FetchError, match="packed"):
            await LOCAL.fetch(site.url("/"))


async def test_a_stream_without_end_a_slow_one_and_a_huge_header_are_left() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(bytes(100_000))
            await writer.drain()

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with web() as site:
        site.answers |= {"/endless": endless, "/drip": drip}
        site.answers["/header"] = b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n"
        with pytest.raises(FetchError, match="larger"):
            await LOCAL.fetch(site.url("/endless"))
        with pytest.raises(FetchError, match="longer than"):
            await replace(LOCAL, seconds=0.2).fetch(site.url("/drip"))
        with pytest.raises(FetchError):
            await LOCAL.fetch(site.url("/header"))


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (answer(b"", "404 Not Found"), "nothing at this address"),
        (answer(b"", "410 Gone"), "gone for good"),
        (answer(b"", "503 Service Unavailable"), "503; we try again later"),
        (answer(b"", "401 Unauthorized"), "password"),
        (answer(b"x", Content_Encoding="br"), "packed it as br"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nhalf", "broke off"),
        (b"no http at all\r\n\r\n", "broke off"),
        (answer(b"", "302 Found", Location="file:///etc/passwd"), "only http"),
    ],
)
async def test_whatever_goes_wrong_is_said_in_words(reply: bytes, words: str) -> None:
    async with web() as site:
        site.answers["/"] = reply
        with pytest.raises(FetchError, match=words):
            await LOCAL.fetch(site.url("/"))


async def test_a_server_that_is_down_and_a_name_that_is_unknown_are_said_in_words() -> None:
    async with web() as site:
        url = site.url("/")
    with pytest.raises(FetchError, match="no connection"):
        await LOCAL.fetch(url)
    with pytest.raises(FetchError, match="isn't known; look for a typing error"):
        await Fetcher().fetch("https://nowhere.invalid/")


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "both.pem").write_bytes(secret + made.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


async def test_the_certificate_must_be_that_of_the_name_not_of_the_address(tmp_path: Path) -> None:
    async with web(certificate(tmp_path, "feeds.example")) as site:
        site.answers["/"] = answer(b"safe")
        trusting = replace(LOCAL, tls=ssl.create_default_context(cafile=str(tmp_path / "cert.pem")))
        found = await trusting.fetch(f"https://feeds.example:{site.port}/")
        assert isinstance(found, Fetched)
        with pytest.raises(FetchError, match="certificate"):
            await trusting.fetch(f"https://other.example:{site.port}/")
        with pytest.raises(FetchError, match="certificate"):
            await LOCAL.fetch(f"https://feeds.example:{site.port}/")


def test_the_ranges_are_those_of_the_registries() -> None:
    """Nothing that Python itself calls private may pass, however it is wrapped."""
    for text in ("127.0.0.1", "10.0.0.1", "169.254.1.1", "100.64.0.1"):
        inside = int(ipaddress.IPv4Address(text))
        for prefix in ("::ffff:0:0", "64:ff9b::", "::"):
            assert not is_public(str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) + inside)))

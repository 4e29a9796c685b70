"""How a connection comes to be: TLS, login, EHLO, and every way in which it does not."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiosmtplib
import aiosmtplib.errors
import pytest
from aiosmtpd.smtp import SMTP as RealServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailer.delivery import courier
from mailer.delivery.courier import RelayDown, connect, relay_down
from mailer.delivery.outcome import Accepted
from mailer.delivery.pipeline import Pipeline
from mailer.delivery.relay import Relay, parse_relays
from mailer.delivery.watchdog import Timeouts, Watchdog
from tests.delivery.scripted import GOOD, HANG_UP, SILENCE, Outbox, ScriptedRelay, make_letters, until

OFFERS = ("PIPELINING", "STARTTLS", "AUTH PLAIN LOGIN")


def certificate(folder: Path, name: str = "127.0.0.1", days: int = 1) -> tuple[Path, ssl.SSLContext]:
    """A certificate of our own for this name, and the server side that shows it; days: until it ends."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
    now = datetime.now(UTC)
    try:
        alternative: x509.GeneralName = x509.IPAddress(ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "relay.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + built.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return file, context


async def reach(script: ScriptedRelay, outbox: Outbox | None = None, **options: Any) -> Pipeline:
    timeouts = options.pop("timeouts", Timeouts())
    return await connect(
        script.relay(**options),
        outbox or Outbox([]),
        local_hostname="mailer.example.org",
        watchdog=Watchdog(timeouts),
    )


async def sent_over(script: ScriptedRelay, **options: Any) -> None:
    """Two letters arrive through a connection that these options open."""
    async with script.running():
        outbox = Outbox(make_letters(2))
        pipeline = await reach(script, outbox, **options)
        assert all(isinstance(outcome, Accepted) for outcome in await outbox.all_settled(2))
        assert (await pipeline.close()).clean
    assert len(script.taken) == 2


async def refused(script: ScriptedRelay, **options: Any) -> RelayDown:
    async with script.running():
        with pytest.raises(RelayDown) as error:
            await reach(script, **options)
    return error.value


# TLS: S10


async def test_starttls_says_ehlo_again_and_believes_only_what_comes_then(tmp_path: Path) -> None:
    ca, tls = certificate(tmp_path)
    script = ScriptedRelay(offers=OFFERS, tls=tls)
    await sent_over(script, tls="starttls", ca=str(ca))
    assert script.verbs()[:4] == ["EHLO", "STARTTLS", "EHLO", "MAIL"]


async def test_tls_from_the_start(tmp_path: Path) -> None:
    ca, tls = certificate(tmp_path)
    script = ScriptedRelay(tls=tls, implicit_tls=True)
    await sent_over(script, tls="implicit", ca=str(ca))
    assert "STARTTLS" not in script.verbs()


@pytest.mark.parametrize("offered", [True, False])
async def test_on_loopback_tls_is_used_where_offered_whatever_the_certificate(
    tmp_path: Path, offered: bool
) -> None:
    _, tls = certificate(tmp_path, days=-1)
    script = ScriptedRelay(offers=OFFERS if offered else ("PIPELINING",), tls=tls)
    await sent_over(script, tls="opportunistic")
    assert ("STARTTLS" in script.verbs()) is offered


async def test_no_letter_leaves_when_starttls_is_stripped() -> None:
    script = ScriptedRelay(offers=("PIPELINING", "AUTH PLAIN"))
    error = await refused(script, tls="starttls", user="u", password="hush")
    assert not error.temporary
    assert "STARTTLS" in error.reason
    assert script.verbs() == ["EHLO"]


@pytest.mark.parametrize("reply", [b"454 4.7.0 Not now\r\n", b"501 5.5.4 No\r\n", HANG_UP])
async def test_no_letter_leaves_when_starttls_is_refused(tmp_path: Path, reply: bytes) -> None:
    ca, tls = certificate(tmp_path)
    script = ScriptedRelay(lambda h: reply if h.verb == b"STARTTLS" else None, OFFERS, tls=tls)
    error = await refused(script, tls="starttls", ca=str(ca), user="u", password="hush")
    assert error.temporary is not reply.startswith(b"5")
    assert "AUTH" not in script.verbs()


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("bad", ["name", "expired", "unknown"])
async def test_no_letter_leaves_when_the_certificate_is_bad(tmp_path: Path, bad: str, implicit: bool) -> None:
    ca, tls = certificate(
        tmp_path, "mail.example.net" if bad == "name" else "127.0.0.1", -1 if bad == "expired" else 1
    )
    script = ScriptedRelay(offers=OFFERS, tls=tls, implicit_tls=implicit)
    error = await refused(
        script, tls="implicit" if implicit else "starttls", ca=None if bad == "unknown" else str(ca)
    )
    assert not error.temporary
    assert "its certificate can't be trusted" in error.reason
    assert "MAIL" not in script.verbs()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_tls_is_refused(tmp_path: Path) -> None:
    ca, tls = certificate(tmp_path)
    tls.minimum_version = ssl.TLSVersion.TLSv1
    tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    script = ScriptedRelay(offers=OFFERS, tls=tls)
    error = await refused(script, tls="starttls", ca=str(ca))
    assert "MAIL" not in script.verbs()
    assert error.reason


async def test_a_reply_injected_before_tls_is_never_believed(tmp_path: Path) -> None:
    """In the same segment as the 220, so that a careless client would read it as the answer to its new EHLO."""
    ca, tls = certificate(tmp_path)
    injected = GOOD[b"STARTTLS"] + b"250-evil.example\r\n250-AUTH LOGIN\r\n250 SIZE 1\r\n"
    script = ScriptedRelay(lambda h: injected if h.verb == b"STARTTLS" else None, OFFERS, tls=tls)
    async with script.running():
        try:
            pipeline = await reach(script, tls="starttls", ca=str(ca))
        except RelayDown:
            return
        assert not pipeline.capabilities.size
        await pipeline.close()


async def test_a_missing_file_of_certificates_is_named() -> None:
    error = await refused(ScriptedRelay(), tls="starttls", ca="/nowhere/ca.pem")
    assert "/nowhere/ca.pem" in error.reason
    assert not error.temporary


# Login


async def test_it_logs_in_before_the_first_letter() -> None:
    script = ScriptedRelay(lambda h: b"235 2.7.0 Welcome\r\n" if h.verb == b"AUTH" else None, OFFERS[::2])
    await sent_over(script, user="u", password="hush")
    assert script.verbs()[:3] == ["EHLO", "AUTH", "MAIL"]


@pytest.mark.parametrize(
    ("reply", "temporary"), [(b"535 5.7.8 Bad\r\n", False), (b"454 4.7.0 Not now\r\n", True)]
)
async def test_a_refused_login_is_said_in_words_and_without_the_password(
    reply: bytes, temporary: bool
) -> None:
    script = ScriptedRelay(lambda h: reply if h.verb == b"AUTH" else None, OFFERS[::2])
    error = await refused(script, user="u", password="hush")
    assert error.temporary is temporary
    assert "refused our user name or password" in error.reason
    assert "hush" not in error.reason
    assert "MAIL" not in script.verbs()


async def test_a_relay_that_offers_no_login_is_an_operators_matter() -> None:
    error = await refused(ScriptedRelay(), user="u", password="hush")
    assert not error.temporary


# Relays that are not there, or strange


async def test_a_relay_that_is_down_may_be_tried_again() -> None:
    script = ScriptedRelay()
    async with script.running():
        pass
    with pytest.raises(RelayDown) as error:
        await reach(script)
    assert error.value.temporary


@pytest.mark.parametrize(
    ("greeting", "temporary"),
    [
        (b"554 5.7.1 No service for you\r\n", False),
        (b"421 4.3.2 Too busy\r\n", True),
        (HANG_UP, True),
        (b"SSH-2.0-OpenSSH_9.7\r\n", True),
        (b"220-" + b"x" * 100_000, True),
        (b"220-more\r\n" * 20_000, True),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_bad_greeting_is_no_connection(greeting: bytes, temporary: bool) -> None:
    error = await refused(ScriptedRelay(greeting=greeting))
    assert error.temporary is temporary
    assert error.reason.isprintable()


@pytest.mark.parametrize("verb", [None, b"EHLO"])
async def test_a_relay_that_says_nothing_is_left(verb: bytes | None) -> None:
    script = ScriptedRelay(lambda h: SILENCE if h.verb == verb else None)
    if verb is None:
        script.greeting = SILENCE
    error = await refused(script, timeouts=Timeouts(greeting=0.01))
    assert error.temporary


async def test_a_relay_that_knows_only_helo_gets_plain_order() -> None:
    script = ScriptedRelay(lambda h: b"502 5.5.2 What?\r\n" if h.verb == b"EHLO" else None)
    await sent_over(script)
    assert script.verbs()[:4] == ["EHLO", "HELO", "MAIL", "RCPT"]


async def test_a_cancelled_attempt_leaves_no_connection_behind() -> None:
    script = ScriptedRelay(greeting=SILENCE)
    async with script.running():
        attempt = asyncio.create_task(reach(script))
        await until(lambda: script.sessions)
        for _ in range(20):  # Python 3.11's wait_for can swallow a cancellation that meets its result
            await asyncio.sleep(0)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        await until(lambda: script.sessions[0].transport.is_closing())


# Every exception of the library


def exceptions_of_aiosmtplib() -> list[type[Exception]]:
    return [getattr(aiosmtplib.errors, name) for name in aiosmtplib.errors.__all__]


@pytest.mark.parametrize("kind", exceptions_of_aiosmtplib())
def test_no_exception_of_aiosmtplib_is_forgotten(kind: type[Exception]) -> None:
    assert kind in courier._TEMPORARY
    arguments: dict[type[Exception], tuple[Any, ...]] = {
        aiosmtplib.SMTPSenderRefused: (550, "no\r\nno", "s"),
        aiosmtplib.SMTPRecipientRefused: (550, "no\r\nno", "r"),
        aiosmtplib.SMTPRecipientsRefused: ([],),
    }
    coded = issubclass(kind, aiosmtplib.SMTPResponseException)
    error = kind(*arguments.get(kind, (550, "no\r\nno") if coded else ("no\r\nno",)))
    down = relay_down(Relay("a.example", 25, "none", name="a"), error)
    assert down.reason.startswith("a: ")
    assert down.reason.isprintable()
    assert not (coded and down.temporary)


# Real servers


@asynccontextmanager
async def real_server(handler: object, **options: Any) -> AsyncIterator[int]:
    """aiosmtpd, on a free port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: RealServer(handler, loop=loop, **options), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


class Inbox:
    """A handler of aiosmtpd that keeps what it gets."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[str], bytes]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taken.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return "250 2.0.0 kept"


async def test_letters_reach_a_real_server_unchanged() -> None:
    inbox, letters = Inbox(), make_letters(5)
    outbox = Outbox(letters[:])
    async with real_server(inbox) as port:
        (relay,) = parse_relays(f"smtp://127.0.0.1:{port}")
        pipeline = await connect(relay, outbox, local_hostname="mailer.example.org", watchdog=Watchdog())
        assert await outbox.all_settled(5) == [Accepted("2.0.0 kept")] * 5
        assert (await pipeline.close()).clean
    assert inbox.taken == [
        (letter.sender, [letter.recipient], b"".join(letter.content)) for letter in letters
    ]
    assert message_from_bytes(inbox.taken[0][2], policy=policy.default)["Subject"] == "letter 1"


@pytest.mark.parametrize("loop_kind", ["asyncio", "uvloop"])
@pytest.mark.parametrize("tls", ["none", "starttls"])
def test_both_loops_send_alike(tmp_path: Path, loop_kind: str, tls: str) -> None:
    ca, context = certificate(tmp_path)

    async def main() -> None:
        await sent_over(ScriptedRelay(offers=OFFERS[:2], tls=context), tls=tls, ca=str(ca))

    factory = pytest.importorskip("uvloop").new_event_loop if loop_kind == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())

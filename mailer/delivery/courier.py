"""Opens connections to a relay. The only file that knows aiosmtplib: it connects, negotiates TLS, logs in and
learns what the relay offers; then the transport is handed to our own pipeline."""

import asyncio
import ssl
from functools import lru_cache
from typing import cast

import aiosmtplib

from mailer.delivery.commands import Capabilities
from mailer.delivery.outcome import clean
from mailer.delivery.pipeline import Pipeline, Source
from mailer.delivery.relay import Relay
from mailer.delivery.watchdog import Watchdog


class RelayDown(Exception):
    """No connection. reason: one line for people. temporary: False where only a person can cure it
    (password, certificate, TLS not offered)."""

    def __init__(self, reason: str, temporary: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.temporary = temporary


async def connect(
    relay: Relay, source: Source, *, local_hostname: str, watchdog: Watchdog, pipelining: bool = True
) -> Pipeline:
    """A connection that is ready for letters and takes the first ones from `source` at once. Raises RelayDown.

    local_hostname: our name in EHLO, fully qualified (RFC 5321 §4.1.1.1). pipelining: False after a
    connection to this relay ended with `Ending.broke_pipelining`.
    """
    try:
        smtp = aiosmtplib.SMTP(
            hostname=relay.host,
            port=relay.port,
            username=relay.user,
            password=relay.password,
            local_hostname=local_hostname,
            use_tls=relay.tls == "implicit",
            start_tls={"starttls": True, "opportunistic": None}.get(relay.tls, False),
            tls_context=None if relay.tls == "none" else _tls_context(relay.ca, relay.tls != "opportunistic"),
            timeout=watchdog.timeouts.greeting,
        )
        await _negotiate(smtp)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise relay_down(relay, error) from error
    can = Capabilities.read(smtp.esmtp_extensions, relay.size)
    pipeline = Pipeline(source, relay, can, watchdog, pipelining)
    transport = cast(asyncio.Transport, smtp.transport)
    smtp.protocol = smtp.transport = None  # from here on the connection is ours alone
    transport.set_protocol(pipeline)
    pipeline.connection_made(transport)
    return pipeline


async def _negotiate(smtp: aiosmtplib.SMTP) -> None:
    """Connect, STARTTLS, AUTH, and know what was offered after the last of them (RFC 3207 §4.2)."""
    try:
        await smtp.connect()
        if smtp.is_ehlo_or_helo_needed:
            try:
                await smtp.ehlo()
            except aiosmtplib.SMTPHeloError:  # RFC 5321 §3.2: older relays know HELO only
                await smtp.helo()
        if smtp.transport is None or smtp.transport.is_closing():
            raise aiosmtplib.SMTPServerDisconnected("The relay closed the connection")
    except BaseException:
        smtp.close()
        raise


@lru_cache
def _tls_context(ca: str | None, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8314 §4.1, RFC 8996
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


# What each exception of aiosmtplib means: will trying again later help? None: its reply code says so.
_TEMPORARY: dict[type[Exception], bool | None] = {
    aiosmtplib.SMTPException: False,  # STARTTLS or AUTH isn't offered
    aiosmtplib.SMTPNotSupported: False,
    aiosmtplib.SMTPServerDisconnected: True,
    aiosmtplib.SMTPConnectError: True,
    aiosmtplib.SMTPTimeoutError: True,
    aiosmtplib.SMTPConnectTimeoutError: True,
    aiosmtplib.SMTPReadTimeoutError: True,
    aiosmtplib.SMTPResponseException: None,
    aiosmtplib.SMTPConnectResponseError: None,
    aiosmtplib.SMTPHeloError: None,
    aiosmtplib.SMTPDataError: None,
    aiosmtplib.SMTPAuthenticationError: None,
    aiosmtplib.SMTPSenderRefused: None,
    aiosmtplib.SMTPRecipientRefused: None,
    aiosmtplib.SMTPRecipientsRefused: False,
    OSError: True,
    ValueError: False,
}


def relay_down(relay: Relay, error: Exception) -> RelayDown:
    """What an exception of aiosmtplib, of a socket or of TLS means to us."""
    for cause in (error, error.__cause__):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return RelayDown(
                f"{relay.name}: its certificate can't be trusted ({cause.verify_message}). Check the host "
                "name in MAILER_RELAYS, or name the file of your own authority with ?ca=….",
                temporary=False,
            )
        if isinstance(cause, ssl.SSLError):
            return RelayDown(f"{relay.name}: no TLS connection ({cause.reason}).", temporary=False)
        if isinstance(cause, FileNotFoundError) and relay.ca:
            return RelayDown(f"{relay.name}: the file {relay.ca} of ?ca= isn't there.", temporary=False)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        said = f"{error.code} {clean(error.message)}"
        if isinstance(error, aiosmtplib.SMTPAuthenticationError):
            said = f"it refused our user name or password ({said})"
        return RelayDown(f"{relay.name}: {said}", temporary=error.code < 500)
    temporary = next(_TEMPORARY[kind] for kind in type(error).__mro__ if kind in _TEMPORARY)
    return RelayDown(f"{relay.name}: {clean(str(error)) or type(error).__name__}", bool(temporary))

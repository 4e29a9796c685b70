"""Opens connections to a relay. The only file that knows aiosmtplib: it negotiates, then our pipeline takes over."""

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

    local_hostname: our name in EHLO. pipelining: False after a connection to this relay ended with
    `Ending.broke_pipelining`.
    """
    raise NotImplementedError

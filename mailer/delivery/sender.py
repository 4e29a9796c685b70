"""Sends what is due: asks the ledger for letters, composes them, and hands them to the relays."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from mailer.database import Database
from mailer.delivery.mailings import Counts
from mailer.settings import Settings
from mailer.tools.clock import Clock


class CannotSend(RuntimeError):
    """Nothing may or can leave; the message says why and what to do. The queue is kept."""


class Sender:
    """One per process, on one loop: `async with Sender(settings, database, clock) as sender`."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self.settings = settings
        self.database = database
        self.clock = clock

    async def __aenter__(self) -> Self:
        """Raises CannotSend where no relay is set, or one isn't on loopback and settings are missing."""
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the letters on the wire and write their outcomes."""
        raise NotImplementedError

    async def send_batch(self, batch_id: int) -> None:
        """Send what is due of one batch (a job of the engine). Safe to call twice. Raises CannotSend."""
        raise NotImplementedError

    async def work_off(
        self, mailing_id: int | None = None, progress: Callable[[Counts], None] | None = None
    ) -> Counts:
        """Send everything that is due, then return what became of it. Raises CannotSend."""
        raise NotImplementedError

    def request_stop(self) -> None:
        """Finish the letters on the wire and leave the rest due; send_batch and work_off return soon."""
        raise NotImplementedError

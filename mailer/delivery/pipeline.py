"""Letters in, outcomes out, over one connection to a relay: SMTP as a state machine of callbacks."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from mailer.delivery.envelope import Letter
from mailer.delivery.outcome import Outcome


class Source(Protocol):
    """Where a connection gets its letters, and where it says what became of them. Both are called on the loop."""

    def next_letter(self) -> Letter | None:
        """The next letter to send; None: nothing just now (call `Pipeline.wake` when there is)."""

    def settle(self, letter: Letter, outcome: Outcome) -> None:
        """Called exactly once for each letter that `next_letter` gave, whatever happens to the connection."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection ended. clean: by our QUIT. broke_pipelining: connect to this relay without it next time."""

    reason: str
    clean: bool = False
    broke_pipelining: bool = False


class Pipeline(asyncio.Protocol):
    """One connection. It asks `source` for the next letter by itself as long as there are any."""

    closed: asyncio.Future[Ending]

    @property
    def in_flight(self) -> int:
        """Letters taken from the source and not yet settled: 0, 1 or 2."""
        raise NotImplementedError

    def wake(self) -> None:
        """The source has letters again."""
        raise NotImplementedError

    async def close(self) -> Ending:
        """Finish the letters on the wire, QUIT, and wait for the end."""
        raise NotImplementedError

    def abort(self) -> None:
        """Cut the connection now; letters are settled before `closed` is done."""
        raise NotImplementedError

"""One timer for all connections of a loop: it breaks off those that wait longer than RFC 5321 allows."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for each step (RFC 5321 §4.5.3.2). The reply to the final dot gets the longest:
    breaking off there is how mail is doubled."""

    greeting: float = 300
    mail: float = 300
    rcpt: float = 300
    data: float = 120
    block: float = 180
    dot: float = 600
    quit: float = 10


class Watched(Protocol):
    """What the watchdog looks at."""

    def moved(self) -> object:
        """A value that changes whenever the connection gets on."""

    def patience(self, timeouts: Timeouts) -> float | None:
        """Seconds that it may now wait; None: it waits for nothing."""

    def time_out(self) -> None:
        """It has waited too long."""


class Watchdog:
    """Looks at every connection once a `tick`. The hot path only counts; no letter has a timer of its own.

    now: seconds on a clock that never goes back.
    """

    def __init__(
        self, timeouts: Timeouts | None = None, *, tick: float = 1.0, now: Callable[[], float] | None = None
    ) -> None:
        self.timeouts = timeouts or Timeouts()
        self._tick = tick
        self._now = now
        self._since: dict[Watched, tuple[object, float]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def _time(self) -> float:
        return self._now() if self._now else asyncio.get_running_loop().time()

    def watch(self, connection: Watched) -> None:
        self._since[connection] = (connection.moved(), self._time())
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._tick, self._look_again)

    def forget(self, connection: Watched) -> None:
        self._since.pop(connection, None)
        if not self._since and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_again(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._tick, self._look_again)
        self.look()

    def look(self) -> None:
        """Time out every connection that has not moved for longer than it may."""
        now = self._time()
        for connection, (seen, since) in list(self._since.items()):
            moved, patience = connection.moved(), connection.patience(self.timeouts)
            if moved != seen or patience is None:
                self._since[connection] = (moved, now)
            elif now - since >= patience:
                connection.time_out()

"""How fast, and to whom not just now: rates, holds per provider, and the breaker. Pure: the time is passed in.

Seconds are those of a clock that never goes back.
"""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from mailer.delivery.outcome import Accepted, Deferred, Outcome, Rejected

HOLD_SECONDS = 600.0
"""Gmail on 4.7.28: stop for at least ten minutes, begin again with one connection, then one more at a time."""
LONGEST_HOLD = 4 * 3600.0
FREE_AFTER = 50
"""A provider that took so many letters again has no limit any more."""

BREAKER_WINDOW = 100
BREAKER_LEAST = 20
BREAKER_SHARE = 0.2
"""Of the last hundred letters a fifth, and at least twenty, refused for what we are: stop, and ask a person."""

_POLICY_DEFERRAL = re.compile(r"4\.7\.\d{1,3}\b", re.ASCII)
_GROUPS = {
    "gmail.com": "google",
    "googlemail.com": "google",
    "outlook.com": "microsoft",
    "hotmail.com": "microsoft",
    "live.com": "microsoft",
    "msn.com": "microsoft",
    "yahoo.com": "yahoo",
    "ymail.com": "yahoo",
    "aol.com": "yahoo",
    "icloud.com": "apple",
    "me.com": "apple",
    "mac.com": "apple",
}


def provider(address: str) -> str:
    """Whose servers take mail for this address, as far as its domain tells."""
    domain = address.rpartition("@")[2].lower()
    return _GROUPS.get(domain, domain)


class Rate:
    """At most so many letters in any second, evenly: a few at a time, fifty times a second."""

    def __init__(self, a_second: float) -> None:
        self._left = 0
        self.next_at = 0.0
        self.set(a_second)

    def set(self, a_second: float) -> None:
        self._at_once = max(1, int(a_second / 50))
        self._pause = self._at_once / a_second

    def take(self, now: float) -> bool:
        """Whether a letter may leave now; if not, `next_at` says when."""
        if self._left == 0:
            if now < self.next_at:
                return False
            self._left = self._at_once
            self.next_at = now + self._pause
        self._left -= 1
        return True


@dataclass(slots=True)
class _Hold:
    until: float
    seconds: float
    allowed: int = 1
    on_the_wire: int = 0
    words: str = ""


@dataclass(slots=True)
class Holds:
    """Providers that asked us to slow down. Their readers are never blamed, and nobody else waits for them."""

    held: dict[str, _Hold] = field(default_factory=dict)

    def waits(self, address: str, now: float) -> tuple[float, str] | None:
        """Seconds for which a letter to this address has to wait, and why; None: it may go (and is counted)."""
        hold = self.held.get(provider(address))
        if hold is None:
            return None
        if now < hold.until:
            return hold.until - now, hold.words
        if hold.on_the_wire >= hold.allowed:
            return min(60.0, hold.seconds / 10), hold.words
        hold.on_the_wire += 1
        return None

    def note(self, address: str, outcome: Outcome, now: float) -> bool:
        """Learn from an outcome. True: this provider is held from now on."""
        name = provider(address)
        hold = self.held.get(name)
        if hold is not None:
            hold.on_the_wire = max(0, hold.on_the_wire - 1)
        if isinstance(outcome, Accepted):
            if hold is not None and now >= hold.until:
                hold.allowed += 1
                if hold.allowed > FREE_AFTER:
                    del self.held[name]
            return False
        if not isinstance(outcome, Deferred) or not asks_to_slow_down(outcome):
            return False
        if hold is not None and now < hold.until:
            return False  # one of those that were on the wire when the hold began
        seconds = HOLD_SECONDS if hold is None else min(hold.seconds * 2, LONGEST_HOLD)
        self.held[name] = _Hold(now + seconds, seconds, words=f"{name} asked us to wait: {outcome.reply}")
        return True


def asks_to_slow_down(outcome: Deferred) -> bool:
    """4.7.x: the provider minds who or how much we are, not the reader (greylisting is told apart before)."""
    return outcome.blame == "sender" and _POLICY_DEFERRAL.match(outcome.reply) is not None


@dataclass(slots=True)
class Breaker:
    """Notices that letters are refused for what we are: then more of them only does harm."""

    _last: deque[bool] = field(default_factory=lambda: deque(maxlen=BREAKER_WINDOW))
    _refused: int = 0

    def note(self, outcome: Outcome) -> bool:
        """True: stop."""
        refused = isinstance(outcome, Rejected) and outcome.blame == "sender" and outcome.code > 0
        if len(self._last) == BREAKER_WINDOW and self._last[0]:
            self._refused -= 1
        self._last.append(refused)
        self._refused += refused
        return refused and self._refused >= max(BREAKER_LEAST, BREAKER_SHARE * len(self._last))

    def reset(self) -> None:
        self._last.clear()
        self._refused = 0


class Shares:
    """Which of several relays may take the next letter. Equal weights: each takes what it can.

    Different weights are kept, among those that are connected, but for LEAD letters per unit of weight.
    """

    LEAD = 10

    def __init__(self, weights: dict[str, int]) -> None:
        self._weights = weights
        self.even = len(set(weights.values())) <= 1
        self._taken = dict.fromkeys(weights, 0.0)

    def take(self, name: str, connected: Iterable[str]) -> bool:
        """Whether it is this relay's turn; if so, the letter is counted."""
        if self.even:
            return True
        least = min((self._taken[other] for other in connected), default=0.0)
        if self._taken[name] > least + self.LEAD:
            return False
        self._taken[name] += 1 / self._weights[name]
        return True

    def join(self, name: str, connected: Iterable[str]) -> None:
        """A relay that was away does not make up for it."""
        self._taken[name] = max([self._taken[name], *(self._taken[other] for other in connected)])

"""The letters on hand: claimed and waiting, on the wire, or settled and not yet written down.

Kept in memory by one worker; it does no I/O. Urgent letters leave first.
"""

import math
import random
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from mailer.delivery import retry
from mailer.delivery.compose import Claimed, Composer, Printed
from mailer.delivery.envelope import Letter, Stream
from mailer.delivery.ledger import Result
from mailer.delivery.outcome import Accepted, Deferred, Outcome, Rejected, Unknown
from mailer.delivery.reconcile import UnknownPolicy
from mailer.delivery.slots import Unfit


@dataclass(slots=True)
class Job:
    """A batch that somebody waits for. on_hand: its letters here; drained: nothing of it is due any more."""

    batch: int
    stream: Stream
    on_hand: int = 0
    claimed: int = 0
    drained: bool = False


@dataclass(slots=True)
class _Held:
    row: Claimed
    edition: Printed | Unfit
    worker: int
    since: float
    relay: str = ""
    outcome: Outcome | None = None


@dataclass
class Desk:
    """wanting: called when no more than `low` letters wait. time: seconds, the loop's clock. date: the Date field
    of letters that leave now. alive_until: later than that our letters may be another worker's. oldest: when the
    first of the unwritten outcomes came."""

    composer: Composer
    policy: str
    wanting: Callable[[], None] = lambda: None
    time: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random
    date: str = ""
    open: bool = False
    alive_until: float = 0.0
    low: int = 0
    oldest: float = 0.0
    jobs: dict[int, Job] = field(default_factory=dict)
    settled: int = 0
    _urgent: deque[_Held] = field(default_factory=deque)
    _digests: deque[_Held] = field(default_factory=deque)
    _held: dict[int, _Held] = field(default_factory=dict)
    _done: list[_Held] = field(default_factory=list)
    _local: list[tuple[_Held, str]] = field(default_factory=list)

    # In

    def job(self, batch: int, stream: Stream) -> Job:
        """The job of this batch; wants another look if it was there already."""
        job = self.jobs.setdefault(batch, Job(batch, stream))
        job.drained = False
        return job

    def put(
        self, rows: Iterable[Claimed], editions: dict[int, Printed | Unfit], worker: int, since: float
    ) -> None:
        """Take claimed letters in. since: when, on the loop's clock."""
        for row in rows:
            held = _Held(row, editions[row.edition], worker, since)
            job = self.jobs[row.batch]
            job.on_hand += 1
            job.claimed += 1
            self._held[row.number] = held
            (self._urgent if job.stream is Stream.TRANSACTIONAL else self._digests).append(held)

    # Out, to the wire

    @property
    def waiting(self) -> int:
        return len(self._urgent) + len(self._digests)

    @property
    def on_hand(self) -> int:
        return len(self._held)

    @property
    def numbers(self) -> list[int]:
        """The letters on hand, by their rows in the ledger."""
        return list(self._held)

    def next_letter(self, relay: str) -> Letter | None:
        """Compose the next letter; one that can't be composed is rejected here and now."""
        # A process that was frozen must not go on as if nothing had happened.
        while self.open and self.time() < self.alive_until:
            queue = self._urgent or self._digests
            if len(queue) <= self.low:
                self.wanting()
                if not queue:
                    return None
            held = queue.popleft()
            held.relay = relay
            try:
                if isinstance(held.edition, Unfit):
                    raise held.edition
                return self.composer.compose(held.edition, held.row, self.date)
            except Unfit as unfit:
                self._note(held, Rejected(0, f"not sent: {unfit}", "sender"))
        return None

    def settle(self, number: int, outcome: Outcome) -> None:
        self._note(self._held[number], outcome)

    def _note(self, held: _Held, outcome: Outcome) -> None:
        held.outcome = outcome
        if not self._done:
            self.oldest = self.time()
        self._done.append(held)
        self.settled += 1

    # Out, to the ledger

    @property
    def unwritten(self) -> int:
        return len(self._done)

    def results(self, now: datetime) -> list[Result]:
        """What is to be written; it stays here until `written` says that it was."""
        return [self._result(held, now) for held in self._done]

    def written(self, results: list[Result]) -> None:
        for held, result in zip(self._done, results, strict=False):
            job = self.jobs[held.row.batch]
            job.on_hand -= 1
            if result.status == "deferred":
                job.drained = False
            del self._held[held.row.number]
        del self._done[: len(results)]

    def take_waiting(self, before: float = math.inf) -> list[int]:
        """Letters that wait since before that time: they never left, and are off our hands, to be released."""
        numbers = []
        for queue in (self._urgent, self._digests):
            while queue and queue[0].since < before:
                row = queue.popleft().row
                numbers.append(row.number)
                self.jobs[row.batch].on_hand -= 1
                self.jobs[row.batch].drained = False
                del self._held[row.number]
        return numbers

    def _result(self, held: _Held, now: datetime) -> Result:
        outcome, row = held.outcome, held.row
        match outcome:
            case Accepted(reply=reply):
                return Result(row.number, held.worker, "accepted", None, held.relay, 250, reply, None)
            case Rejected(code=code, reply=reply, blame=blame):
                return Result(row.number, held.worker, "rejected", None, held.relay, code, reply, blame)
            case Unknown(reply=reply) if self.policy == UnknownPolicy.LEAVE:
                return Result(row.number, held.worker, "unknown", None, held.relay, 0, reply, None)
            case Unknown(reply=reply):
                code, blame = 0, "relay"
            case Deferred(code=code, reply=reply, blame=blame):
                pass
            case _:
                raise AssertionError("a letter on the list of done ones has an outcome")
        rule = retry.soon if blame == "relay" else retry.next_try
        due_at = rule(row.attempts, now, self.jitter())
        if due_at is None:
            reply = f"given up after {row.attempts} attempts; the last answer was: {reply}"
            return Result(row.number, held.worker, "rejected", None, held.relay, code, reply, blame)
        return Result(row.number, held.worker, "deferred", due_at, held.relay, code, reply, blame)

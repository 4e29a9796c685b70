"""The letters on hand: claimed and waiting, on the wire, or settled and not yet written down.

Kept in memory by one worker; it does no I/O. Urgent letters leave first.
"""

import math
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailer.delivery import retry
from mailer.delivery.compose import Claimed, Composer, Printed
from mailer.delivery.envelope import Letter, Stream
from mailer.delivery.ledger import Result
from mailer.delivery.outcome import Accepted, Deferred, Outcome, Rejected, Unknown
from mailer.delivery.pace import Breaker, Holds
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
    signed: Letter | None
    worker: int
    since: float
    relay: str | None = None
    outcome: Outcome | None = None
    put_off: float = 0.0  # seconds, for a letter whose provider is held


@dataclass
class Desk:
    """wanting: called when no more than `low` letters wait. time: seconds, the loop's clock. date: the Date field
    of letters that leave now. alive_until: later than that our letters may be another worker's. oldest: when the
    first of the unwritten outcomes came. tripped: the words of the refusal that was one too many."""

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
    holds: Holds = field(default_factory=Holds)
    breaker: Breaker = field(default_factory=Breaker)
    tripped: str = ""
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
        self,
        rows: Iterable[Claimed],
        editions: Mapping[int, Printed | Unfit],
        signed: Mapping[int, Letter],
        worker: int,
        since: float,
    ) -> None:
        """Take claimed letters in. signed: for relays that want our signature. since: when, on the loop's clock."""
        urgent = Stream.TRANSACTIONAL
        for row in rows:
            held = _Held(row, editions[row.edition], signed.get(row.number), worker, since)
            job = self.jobs[row.batch]
            job.on_hand += 1
            job.claimed += 1
            self._held[row.number] = held
            (self._urgent if job.stream is urgent else self._digests).append(held)

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

    def next_letter(self, relay: str, sign: bool = False) -> Letter | None:
        """Compose the next letter; one that can't be composed is rejected here and now."""
        # A process that was frozen must not go on as if nothing had happened.
        while self.open and self.time() < self.alive_until:
            queue = self._urgent or self._digests
            if len(queue) <= self.low:
                self.wanting()
                if not queue:
                    return None
            held = queue.popleft()
            if self.holds.held and (wait := self.holds.waits(held.row.address, self.time())):
                held.put_off, words = wait
                self._note(held, Deferred(0, words, "sender"))
                continue
            held.relay = relay
            if sign and held.signed is not None:
                return held.signed
            try:
                if isinstance(held.edition, Unfit):
                    raise held.edition
                return self.composer.compose(held.edition, held.row, self.date)
            except Unfit as unfit:
                self._note(held, Rejected(0, f"not sent: {unfit}", "sender"))
        return None

    def settle(self, number: int, outcome: Outcome) -> None:
        held = self._held[number]
        self._note(held, outcome)
        if self.breaker.note(outcome) and not self.tripped:
            self.tripped = getattr(outcome, "reply", "")
            self.wanting()
        if self.holds.held or isinstance(outcome, Deferred):
            self.holds.note(held.row.address, outcome, self.time())

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
        """An outcome as it is written down: a letter that may go again gets its time."""
        number, relay = held.row.number, held.relay
        match held.outcome:
            case Accepted(reply=reply):
                return Result(number, reply, held.worker, "accepted", None, relay, 250, None)
            case Rejected(code=code, reply=reply, blame=blame):
                return Result(number, reply, held.worker, "rejected", None, relay, code, blame)
            case Unknown(reply=reply) if self.policy == UnknownPolicy.LEAVE:
                return Result(number, reply, held.worker, "unknown", None, relay, 0, None)
            case Unknown(reply=reply):
                return self._again(held, Deferred(0, reply, "relay"), now)
            case Deferred() as deferred if held.put_off:
                later = now + timedelta(seconds=held.put_off * (1 + self.jitter() / 10))
                return Result(
                    number, deferred.reply, held.worker, "deferred", later, relay, 0, None, counted=False
                )
            case Deferred() as deferred:
                return self._again(held, deferred, now)
            case None:
                raise AssertionError("a letter that is done has an outcome")

    def _again(self, held: _Held, outcome: Deferred, now: datetime) -> Result:
        number, attempts = held.row.number, held.row.attempts
        rule = retry.soon if outcome.blame == "relay" else retry.next_try
        due_at = rule(attempts, now, self.jitter())
        if due_at is not None:
            status, reply = "deferred", outcome.reply
        else:
            status, reply = (
                "rejected",
                f"given up after {attempts} attempts; the last answer: {outcome.reply}",
            )
        return Result(number, reply, held.worker, status, due_at, held.relay, outcome.code, outcome.blame)

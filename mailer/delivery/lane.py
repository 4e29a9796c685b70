"""The connections to one relay: opened when letters wait, closed when idle, given time when the relay is down."""

import asyncio
import random

import structlog

from mailer.delivery import courier
from mailer.delivery.desk import Desk
from mailer.delivery.envelope import Letter
from mailer.delivery.outcome import Accepted, Outcome
from mailer.delivery.pace import Rate, Shares
from mailer.delivery.pipeline import Pipeline
from mailer.delivery.relay import Relay
from mailer.delivery.watchdog import Watchdog

LONGEST_PAUSE = 60.0
"""Seconds between two attempts to reach a relay that is down."""
HANGS_AFTER_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Lane:
    """It is the `Source` of its pipelines, and takes letters from the desk as fast as the relay takes them."""

    def __init__(
        self,
        relay: Relay,
        desk: Desk,
        shares: Shares,
        siblings: "list[Lane]",
        *,
        local_hostname: str,
        watchdog: Watchdog,
    ) -> None:
        self.relay = relay
        self.failures = 0
        self.trouble = ""
        self.for_people = False
        self._desk = desk
        self._shares = shares
        self._siblings = siblings
        self._rate = Rate(relay.rate) if relay.rate else None
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._hostname = local_hostname
        self._watchdog = watchdog
        self._pipelines: set[Pipeline] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._limit = relay.connections
        self._not_before = 0.0
        self._moved = 0.0  # when a letter was settled, or the first connection opened
        self._pipelining = True

    # What pipelines call

    def next_letter(self) -> Letter | None:
        if not self._desk.waiting:
            self._desk.wanting()
            return None
        if self._rate is not None and not self._rate.take(self._loop.time()):
            self._wake_at(self._rate.next_at)
            return None
        if not (self._shares.even or self._shares.take(self.relay.name, self._connected())):
            return None
        return self._desk.next_letter(self.relay.name, self.relay.sign)

    def _connected(self) -> list[str]:
        """Relays whose share counts just now: one that hangs must not make the others wait."""
        now = self._loop.time()
        return [
            lane.relay.name
            for lane in self._siblings
            if lane._pipelines and now - lane._moved < HANGS_AFTER_SECONDS
        ]

    def _wake_at(self, moment: float) -> None:
        """Once, however many connections wait for it."""
        if self._timer is None:
            self._timer = self._loop.call_at(moment, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        self.wake()

    def settle(self, letter: Letter, outcome: Outcome) -> None:
        if self.failures and isinstance(outcome, Accepted):
            self.failures, self.trouble = 0, ""
        now = self._loop.time()
        if now - self._moved >= HANGS_AFTER_SECONDS:
            self._shares.join(self.relay.name, self._connected())
        self._moved = now
        self._desk.settle(letter.number, outcome)

    # What the sender calls

    @property
    def connections(self) -> int:
        return len(self._pipelines) + len(self._opening)

    @property
    def usable(self) -> bool:
        """Connected, or worth another attempt."""
        return bool(self._pipelines or self._opening) or self._loop.time() >= self._not_before

    @property
    def wanted(self) -> int:
        """Letters that all its connections together could take at once."""
        return self._limit if self.usable else 0

    def share_with(self, workers: int) -> None:
        """The relay's limits are for all workers together: each takes its part."""
        self._limit = max(1, self.relay.connections // workers)
        if self._rate is not None and self.relay.rate:
            self._rate.set(self.relay.rate / workers)
        for pipeline in list(self._pipelines)[self._limit :]:
            self._retire(pipeline)

    def wake(self) -> None:
        """Letters wait: every connection takes some, and more are opened where there are more letters."""
        for pipeline in list(self._pipelines):
            pipeline.wake()
        if self._loop.time() < self._not_before:
            return
        wanted = min(self._limit, len(self._pipelines) + self._desk.waiting)
        if self.failures:
            wanted = min(wanted, max(len(self._pipelines), 1))  # a relay that was down is tried with one
        for _ in range(wanted - self.connections):
            task = asyncio.create_task(self._serve())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _serve(self) -> None:
        task = asyncio.current_task()
        try:
            pipeline = await courier.connect(
                self.relay,
                self,
                local_hostname=self._hostname,
                watchdog=self._watchdog,
                pipelining=self._pipelining,
            )
        except courier.RelayDown as down:
            self._fail(down.reason, for_people=not down.temporary)
            return
        if not self._pipelines:
            self._shares.join(self.relay.name, self._connected())
            self._moved = self._loop.time()
        self._pipelines.add(pipeline)
        pipeline.closed.add_done_callback(lambda _: self._closed(pipeline))
        if task is not None:
            self._opening.discard(task)
        self._desk.wanting()

    def _closed(self, pipeline: Pipeline) -> None:
        self._pipelines.discard(pipeline)
        ending = pipeline.closed.result()
        if ending.broke_pipelining:
            log.warning("the relay breaks under pipelining; going on without", relay=self.relay.name)
            self._pipelining = False
        if ending.clean or ending.accepted or ending.broke_pipelining:
            self.failures, self.trouble = 0, ""
        else:
            self._fail(ending.reason)
        self._desk.wanting()

    def _fail(self, reason: str, for_people: bool = False) -> None:
        """Wait a little longer after each failure; what only a person can cure isn't hurried at all."""
        self.failures += 1
        self.trouble, self.for_people = reason, for_people
        pause = LONGEST_PAUSE if for_people else min(0.25 * 2 ** min(self.failures, 10), LONGEST_PAUSE)
        self._not_before = self._loop.time() + pause * random.uniform(0.8, 1.2)
        log.warning("relay out of reach", relay=self.relay.name, reason=reason, failures=self.failures)
        self._desk.wanting()

    async def close(self) -> None:
        """Finish the letters on the wire and say QUIT."""
        for task in list(self._opening):
            task.cancel()
        await asyncio.gather(*self._opening, *(p.close() for p in self._pipelines), return_exceptions=True)

    def close_idle(self) -> None:
        """There is nothing to send for now; relays don't like silent connections."""
        for pipeline in list(self._pipelines):
            self._retire(pipeline)

    def _retire(self, pipeline: Pipeline) -> None:
        """Let it finish its letters and go."""
        task = asyncio.create_task(_close(pipeline))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def abort(self, reason: str) -> None:
        """Cut all connections; their letters are settled when this returns."""
        for task in list(self._opening):
            task.cancel()
        for pipeline in list(self._pipelines):
            pipeline.abort(reason)
            await pipeline.closed


async def _close(pipeline: Pipeline) -> None:
    await pipeline.close()

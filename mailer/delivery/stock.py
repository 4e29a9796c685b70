"""Keeps a few letters on the desk: claims what leaves in a moment, urgent ones first, and gives back what can't."""

import math

from mailer.database import Database
from mailer.delivery.compose import date_line
from mailer.delivery.desk import Desk, Job
from mailer.delivery.editions import Editions, Signing
from mailer.delivery.envelope import Stream
from mailer.delivery.lane import Lane
from mailer.delivery.ledger import Ledger, trouble
from mailer.delivery.reconcile import unfinished_batches
from mailer.tools.clock import Clock

MOMENT = 0.12
"""Seconds in which what is claimed shall have left. With the time that outcomes wait to be written it keeps what a
crash leaves in doubt below what leaves in a quarter of a second."""
LARGEST = 10_000
STALE_SECONDS = 1.0
"""A letter that could not leave for so long goes back, so that pausing doesn't have to wait for it."""
BATCHES = 500
"""So many batches are looked at in one claim."""


class LeaseLost(Exception):
    """We are no worker any more: somebody found our lease over."""


class Stock:
    """What waits on the desk. `fill` is called at each turn of the wheel, `give_back` before its end."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        desk: Desk,
        editions: Editions,
        signing: Signing | None,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._desk = desk
        self._editions = editions
        self._signing = signing
        self._clock = clock
        self._rate = 0.0
        self._measured = (0.0, 0)
        self._looked = 0.0
        self._strays = False  # letters may be handed to us that are not on the desk

    async def fill(self, lanes: list[Lane], now: float) -> None:
        """Claim until there is enough for a moment. Raises LedgerDown, LeaseLost, Restored."""
        await self.give_back(before=now - STALE_SECONDS)
        await self._look_for_urgent(now)
        stock = min(max(self._leaving(now), sum(lane.wanted for lane in lanes)), LARGEST)
        self._desk.low = stock // 2
        while self._desk.waiting <= self._desk.low:
            if not await self._claim(stock - self._desk.waiting, now):
                return

    async def give_back(self, before: float = math.inf) -> None:
        """Letters that never left are due again; before: only those that came before this time."""
        if numbers := self._desk.take_waiting(before):
            self._strays = True
            await self._ledger.release(numbers)
            self._strays = False

    def drop(self) -> None:
        """What waits is off the desk, though the database still says that it is ours."""
        self._strays = True
        self._desk.take_waiting()

    async def find_strays(self) -> None:
        """The database went away in the middle of a claim or a release: what it says is ours and isn't here, is due."""
        if self._strays:
            await self._ledger.release_strays(self._desk.numbers)
            self._strays = False

    def _leaving(self, now: float) -> int:
        """How many letters leave in a moment, by what has left lately."""
        since, settled = self._measured
        if now - since >= 0.1:
            rate = (self._desk.settled - settled) / (now - since)
            self._rate = (self._rate + rate) / 2 if self._rate and self._desk.on_hand else rate
            self._measured = (now, self._desk.settled)
        return int(self._rate * MOMENT)

    async def _look_for_urgent(self, now: float) -> None:
        """Confirmations overtake digests, also when all jobs of the engine are digests."""
        if not self._desk.jobs or now - self._looked < STALE_SECONDS:
            return
        self._looked = now
        with trouble():
            async with self._database.reading() as db:
                urgent = await unfinished_batches(db, self._clock(), stream=Stream.TRANSACTIONAL, limit=100)
        for batch, _ in urgent:
            self._desk.job(batch, Stream.TRANSACTIONAL)

    def _next_jobs(self) -> list[Job]:
        """Those to claim from: of one stream, the urgent one first."""
        jobs = [job for job in self._desk.jobs.values() if not job.drained]
        jobs.sort(key=lambda job: (job.stream, job.batch))
        return [job for job in jobs[:BATCHES] if job.stream is jobs[0].stream]

    async def _claim(self, limit: int, now: float) -> bool:
        """True: nothing more is due in the batches that we looked at, so look at others."""
        jobs = self._next_jobs()
        if not jobs:
            return False
        moment = self._clock()
        self._desk.date = date_line(moment)
        self._strays = True  # until they are on the desk
        rows = await self._ledger.claim([job.batch for job in jobs], limit, moment)
        if rows:
            editions = await self._editions.printed({row.edition for row in rows})
            signed = await self._signing.letters(rows, editions, moment) if self._signing else {}
            self._desk.put(rows, editions, signed, self._ledger.worker, now)
        elif not await self._ledger.renew():  # nothing to claim may also mean that our lease is over
            raise LeaseLost
        self._strays = False
        if len(rows) == limit:
            return False
        for job in jobs:
            job.drained = True
        return True

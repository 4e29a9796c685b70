"""The wheel of a sender: outcomes to the ledger, lease renewed, letters claimed, again and again, in one task."""

import asyncio
from contextlib import suppress

import structlog

from mailer.delivery.desk import Desk
from mailer.delivery.envelope import Stream
from mailer.delivery.epoch import Restored
from mailer.delivery.lane import Lane
from mailer.delivery.lease import LEASE
from mailer.delivery.ledger import Ledger, LedgerDown, LedgerFull
from mailer.delivery.stock import LeaseLost, Stock
from mailer.tools.clock import Clock

GROUP = 500
"""So many outcomes are written without waiting for more."""
GROUP_SECONDS = 0.12
"""So long at most an outcome waits for others."""
RENEW_SECONDS = 4.0
STOP_SECONDS = LEASE.total_seconds() * 0.75
"""So long after the last renewal a worker stops: well before its lease ends and others take over."""
IDLE_SECONDS = 5.0
GRACE_SECONDS = 20.0
"""When stopping, a relay has so long to answer for the letters on the wire."""
TRIES = 4
"""After so many failures in a row of every relay, whoever waits is told."""

log = structlog.get_logger(__name__)


class CannotSend(RuntimeError):
    """Nothing may or can leave; the message says why and what to do. The queue is kept."""


class Withheld(CannotSend):
    """The database was restored from a backup: a person has to look before anything is sent."""


Waiter = asyncio.Future[CannotSend | None]


class Wheel:
    """Turns until `stop`, and until everything that left this process is written down."""

    def __init__(
        self, desk: Desk, ledger: Ledger, stock: Stock, clock: Clock, grace: float = GRACE_SECONDS
    ) -> None:
        self.lanes: list[Lane] = []
        self.look = asyncio.Event()
        self.stopping = False
        self._desk = desk
        self._ledger = ledger
        self._stock = stock
        self._clock = clock
        self._grace = grace
        self._waiters: dict[int, Waiter] = {}
        self._renewed = self._busy_at = 0.0
        self._closing: asyncio.Task[None] | None = None
        self._stop_at = 0.0

    # What the sender calls

    def wait_for(self, batch: int, stream: Stream) -> "Waiter":
        """Done when nothing of the batch is due or on hand here; its result says why, where nothing can leave."""
        waiter = self._waiters.setdefault(batch, asyncio.get_running_loop().create_future())
        self._desk.job(batch, stream)
        self.look.set()
        return asyncio.shield(waiter)

    def stop(self) -> None:
        self.stopping = True
        self._desk.open = False
        self.look.set()

    async def enrol(self) -> None:
        """Become a worker, and begin to hand letters out. Raises Restored."""
        began = self.time()
        self._renew_until(began, await self._ledger.enrol(self._clock()))

    async def run(self) -> None:
        """Returns after `stop`; every waiter is told before it ends, however it ends."""
        try:
            while not self._over():
                try:
                    await self._turn()
                except Restored as restored:
                    log.error("the database was restored from a backup")
                    self._tell(CannotSend(str(restored)))
                    self.stop()
                except LedgerFull as full:
                    await self._stop_full(str(full))
                    return
                except LedgerDown as down:
                    log.warning("the database is out of reach", reason=str(down))
                    await asyncio.sleep(0.5)
                await self._rest()
            await self._leave()
        except BaseException as error:
            if not isinstance(error, asyncio.CancelledError):
                self._tell(CannotSend(f"Sending stopped on an error of ours: {error!r}"))
            await self._cut("the sender stopped")
            with suppress(LedgerDown):
                await self._write(self.time(), at_once=True)
            raise
        finally:
            self._tell(None)

    # One turn

    @property
    def alive(self) -> bool:
        """Our lease runs, so far as we know."""
        return self.time() < self._desk.alive_until

    def time(self) -> float:
        return asyncio.get_running_loop().time()

    async def _rest(self) -> None:
        """Until somebody wants us, or an outcome has waited long enough."""
        busy = self._desk.on_hand or self._desk.jobs or self._closing
        with suppress(TimeoutError):
            await asyncio.wait_for(self.look.wait(), GROUP_SECONDS / 2 if busy else 1.0)
        self.look.clear()

    async def _turn(self) -> None:
        now = self.time()
        if self.stopping:
            await self._wind_down(now)
        if now - self._renewed > STOP_SECONDS:
            await self._lapse()
        await self._write(now)
        if now - self._renewed > RENEW_SECONDS and self._desk.alive_until:
            await self._renew(now)
        await self._stock.find_strays()
        if not self.stopping:
            if self._desk.tripped:
                await self._break()
            await self._stock_up(now)
        self._finish_jobs()
        self._close_idle(now)

    async def _write(self, now: float, at_once: bool = False) -> None:
        desk = self._desk
        if not desk.unwritten:
            return
        idle = desk.on_hand == desk.unwritten  # nothing more can come: why wait?
        if idle or at_once or self.stopping or desk.unwritten >= GROUP or now - desk.oldest >= GROUP_SECONDS:
            moment = self._clock()
            results = desk.results(moment)
            await self._ledger.settle(results, moment)
            desk.written(results)

    async def _renew(self, now: float) -> None:
        if workers := await self._ledger.renew():
            self._renew_until(now, workers)
        else:
            await self._lapse()

    def _renew_until(self, began: float, workers: int) -> None:
        for lane in self.lanes:
            lane.share_with(workers)
        self._renewed = began
        self._desk.alive_until = began + STOP_SECONDS
        self._desk.open = not self.stopping

    async def _lapse(self) -> None:
        """Our lease is over, or will be before we can renew it: stop at once, then begin as a new worker."""
        if self._desk.open:
            log.error("the lease could not be renewed in time; letters on the wire become unknown")
            self._desk.open = False
            await self._cut("our lease ended")
            self._stock.drop()
        try:
            await self._write(self.time(), at_once=True)
            await self._stock.find_strays()  # as the worker that we were: these have never left
            await self.enrol()
        except LedgerDown:
            self._tell(
                CannotSend("The database is out of reach for too long. Sending goes on when it is back.")
            )
            raise

    async def _break(self) -> None:
        """Too many letters were refused for what we are: pause these mailings, and ask a person."""
        words = f"Too many letters are refused, the last one with: {self._desk.tripped}"
        log.error("sending was paused", reason=words)
        batches = list(self._desk.jobs)
        await self._write(self.time(), at_once=True)
        await self._stock.give_back()
        await self._ledger.pause(batches, words)
        self._desk.tripped = ""
        self._desk.breaker.reset()
        self._tell(
            CannotSend(f"{words}. Nothing more is sent until the cause is found and the mailing is resumed.")
        )

    async def _stock_up(self, now: float) -> None:
        if not any(lane.usable for lane in self.lanes):
            await self._stock.give_back()
            if all(lane.for_people or lane.failures >= TRIES for lane in self.lanes):
                reasons = "; ".join(lane.trouble for lane in self.lanes)
                self._tell(CannotSend(f"No relay takes mail: {reasons}. Nothing is lost; it goes later."))
            return
        try:
            await self._stock.fill(self.lanes, now)
        except LeaseLost:
            await self._lapse()
        if self._desk.waiting:
            for lane in self.lanes:
                lane.wake()

    # Ends

    def _finish_jobs(self) -> None:
        for batch in [b for b, job in self._desk.jobs.items() if job.drained and not job.on_hand]:
            del self._desk.jobs[batch]
            if (waiter := self._waiters.pop(batch, None)) and not waiter.done():
                waiter.set_result(None)

    def _tell(self, trouble: CannotSend | None) -> None:
        """Everyone who waits is told, and nothing more is claimed for them."""
        for job in self._desk.jobs.values():
            job.drained = True
        for waiter in self._waiters.values():
            if not waiter.done():
                waiter.set_result(trouble)
        self._waiters.clear()

    def _close_idle(self, now: float) -> None:
        if self._desk.on_hand or self._desk.jobs:
            self._busy_at = now
        elif now - self._busy_at > IDLE_SECONDS:
            for lane in self.lanes:
                lane.close_idle()

    async def _wind_down(self, now: float) -> None:
        """Stopping: what never left goes back; what is on the wire is finished, within reason. No database here."""
        if self._closing is None:
            self._stop_at = now + self._grace
            self._stock.drop()
            self._closing = asyncio.create_task(self._close())
        elif now > self._stop_at:
            await self._cut("the relay did not answer, and we have to stop")

    async def _stop_full(self, reason: str) -> None:
        """Nothing can be written: finish what is on the wire and end. What stays handed is found by the lease."""
        log.error("the database takes nothing more", reason=reason)
        self.stop()
        self._tell(CannotSend(f"The database can't be written: {reason}. Make room and start again."))
        with suppress(TimeoutError):
            await asyncio.wait_for(self._close(), self._grace)
        await self._cut("the database takes nothing more")
        with suppress(LedgerDown):  # perhaps there is room for this much
            await self._write(self.time(), at_once=True)

    async def _cut(self, reason: str) -> None:
        """Cut every connection; then each letter on the wire has its outcome."""
        await asyncio.gather(*(lane.abort(reason) for lane in self.lanes))

    async def _close(self) -> None:
        await asyncio.gather(*(lane.close() for lane in self.lanes))
        self.look.set()

    def _over(self) -> bool:
        closed = self._closing is not None and self._closing.done()
        late = self._closing is not None and self.time() > self._stop_at + self._grace
        return self.stopping and closed and (not self._desk.on_hand or late)

    async def _leave(self) -> None:
        try:
            if not self._desk.on_hand:  # else what is not written is found by the end of the lease
                await self._ledger.leave()
        except LedgerDown as down:
            log.warning("the database is out of reach; the lease runs out by itself", reason=str(down))

"""Sends what is due: the front of the sending side, one per process."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

from mailer.database import Database
from mailer.delivery.compose import Composer, Press
from mailer.delivery.desk import Desk
from mailer.delivery.dkim import Signer, read_keys
from mailer.delivery.editions import Editions, Signing
from mailer.delivery.envelope import Stream
from mailer.delivery.epoch import EpochFile, Restored
from mailer.delivery.lane import Lane
from mailer.delivery.ledger import Ledger, LedgerDown, trouble
from mailer.delivery.mailings import any_handed, stream_of
from mailer.delivery.pace import Shares
from mailer.delivery.reconcile import close_batches, take_back, unfinished_batches
from mailer.delivery.relay import Relay, RelayError, parse_relays
from mailer.delivery.standing import Counts, count_batches
from mailer.delivery.stock import Stock
from mailer.delivery.watchdog import Watchdog
from mailer.delivery.wheel import GRACE_SECONDS, CannotSend, Waiter, Wheel, Withheld
from mailer.settings import Settings
from mailer.tools.clock import Clock

AT_ONCE = 1000
"""Batches that `work_off` keeps in work. Many: a batch may hold two letters only."""
LOOK_SECONDS = 0.25
"""How often progress is told, and work of other workers looked at."""
PATIENCE_SECONDS = 30.0
"""So long `work_off` bears with a database that is out of reach."""

T = TypeVar("T")


def allowed_relays(settings: Settings) -> tuple[Relay, ...]:
    """The relays of the settings. Raises CannotSend where there are none, or mail isn't fit to leave this machine."""
    try:
        relays = parse_relays(settings.relays)
    except RelayError as error:
        raise CannotSend(str(error)) from None
    if not relays:
        raise CannotSend(
            "No relay is set. Set MAILER_RELAYS to the SMTP server that takes your mail: "
            "smtp://user:password@host:587"
        )
    outside = [relay.name for relay in relays if not relay.loopback]
    if outside and (missing := settings.missing_for_outside()):
        raise CannotSend("\n".join([f"Mail can't go out through {', '.join(outside)} yet:", *missing]))
    return relays


def signing_for(relays: Sequence[Relay], settings: Settings, composer: Composer) -> Signing | None:
    """What signs letters, where a relay leaves that to us. Raises CannotSend, or ValueError for a key that must not."""
    wanting = [relay.name for relay in relays if relay.sign]
    if not wanting:
        return None
    if not settings.dkim_keys.strip():
        raise CannotSend(
            f"{', '.join(wanting)} wants our signature (?sign=on), and there is no key. Set MAILER_DKIM_KEYS to "
            "selector=/path/of/the/private/key.pem, or leave ?sign= out where the relay signs."
        )
    return Signing(Signer(settings.mail_domain, read_keys(settings.dkim_keys)), composer)


class Sender:
    """One per process, on one loop: `async with Sender(settings, database, clock) as sender`.

    grace: seconds that a relay has, when we stop, to answer for the letters on the wire.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        watchdog: Watchdog | None = None,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._grace = grace
        self._settings = settings
        self._database = database
        self._clock = clock
        self._watchdog = watchdog or Watchdog()

    async def __aenter__(self) -> Self:
        """Raises CannotSend: no relay is set, or one isn't on loopback and settings are missing; the database was
        restored from a backup, or can't be reached."""
        relays = allowed_relays(self._settings)
        try:
            composer = Composer(self._settings)
            press = Press(self._settings)
            signing = signing_for(relays, self._settings, composer)
        except ValueError as error:
            raise CannotSend(str(error)) from None
        desk = Desk(composer, self._settings.unknown_policy)
        ledger = Ledger(self._database, EpochFile(self._settings.data_dir))
        stock = Stock(self._database, ledger, desk, Editions(ledger, press), signing, self._clock)
        self._wheel = Wheel(desk, ledger, stock, self._clock, self._grace)
        desk.wanting = self._wheel.look.set
        shares = Shares({relay.name: relay.weight for relay in relays})
        for relay in relays:
            lane = Lane(
                relay,
                desk,
                shares,
                self._wheel.lanes,
                local_hostname=self._settings.mail_domain,
                watchdog=self._watchdog,
            )
            self._wheel.lanes.append(lane)
        try:
            await self._wheel.enrol()
        except Restored as restored:
            raise Withheld(str(restored)) from None
        except LedgerDown as down:
            raise CannotSend(str(down)) from None
        self._turning = asyncio.create_task(self._wheel.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the letters on the wire and write their outcomes."""
        self.request_stop()
        await self._turning

    def request_stop(self) -> None:
        """Finish the letters on the wire and leave the rest due; send_batch and work_off return soon."""
        self._wheel.stop()

    @property
    def _stopped(self) -> bool:
        return self._wheel.stopping or self._turning.done()

    async def send_batch(self, batch_id: int) -> None:
        """Send what is due of one batch (a job of the engine). Safe to call twice. Raises CannotSend."""
        stream = await self._patiently(lambda: self._stream_of(batch_id))
        if stream is None or self._stopped:
            return
        if why := await self._wheel.wait_for(batch_id, stream):
            raise why

    async def work_off(
        self, mailing_id: int | None = None, progress: Callable[[Counts], None] | None = None
    ) -> Counts:
        """Send all that is due, of one mailing or of all, also what other workers lose meanwhile; then count it.

        A letter that was deferred stays so until its time comes. Raises CannotSend.
        """
        waits: dict[Waiter, int] = {}
        touched: set[int] = set()
        tell_at = look_at = 0.0
        await self._patiently(self._tidy)
        while not self._stopped:
            if len(waits) < AT_ONCE and (not waits or self._wheel.time() >= look_at):
                look_at = self._wheel.time() + LOOK_SECONDS
                due, elsewhere = await self._patiently(lambda: self._look(mailing_id))
                waited_for = set(waits.values())
                for batch, stream in due:
                    if batch not in waited_for:
                        waits[self._wheel.wait_for(batch, stream)] = batch
                touched.update(waits.values())
                if not waits and not elsewhere:
                    break
            await self._some(waits)
            if progress is not None and self._wheel.time() >= tell_at:
                began = self._wheel.time()
                progress(await self._patiently(lambda: self._count(touched)))
                tell_at = self._wheel.time() + max(LOOK_SECONDS, 20 * (self._wheel.time() - began))
        return await self._patiently(lambda: self._count(touched))

    async def _stream_of(self, batch_id: int) -> Stream | None:
        async with self._database.reading() as db:
            return await stream_of(db, batch_id)

    async def _tidy(self) -> None:
        async with self._database.transaction() as db:
            await close_batches(db)

    async def _look(self, mailing_id: int | None) -> tuple[list[tuple[int, Stream]], bool]:
        """What is due, and whether anyone still has letters in hand."""
        async with self._database.transaction() as db:
            if self._wheel.alive:  # else we would take back from ourselves what never left
                await take_back(db, self._clock(), self._settings.unknown_policy)
            due = await unfinished_batches(db, self._clock(), mailing_id, limit=2 * AT_ONCE)
            return due, await any_handed(db, mailing_id)

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """A database that is being restarted is asked again for a while."""
        give_up = self._wheel.time() + PATIENCE_SECONDS
        while True:
            try:
                with trouble():
                    return await ask()
            except LedgerDown as down:
                if self._wheel.time() > give_up or self._stopped:
                    raise CannotSend(f"The database is out of reach: {down}") from None
                await asyncio.sleep(LOOK_SECONDS)

    async def _some(self, waits: dict[Waiter, int]) -> None:
        """Until a batch is done, or a quarter of a second has passed."""
        if not waits:
            await asyncio.sleep(LOOK_SECONDS)
            return
        done, _ = await asyncio.wait(waits, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for waiter in done:
            del waits[waiter]
            if why := waiter.result():
                raise why

    async def _count(self, batches: set[int]) -> Counts:
        async with self._database.reading() as db:
            return await count_batches(db, batches)

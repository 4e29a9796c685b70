"""Forgets what has been kept long enough. The worker calls `sweep` once a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.database import Database
from mailer.delivery import blank_old
from mailer.settings import Settings
from mailer.subscribers import rights_store as store
from mailer.subscribers.privacy import PersonalData, Reason, forget, suppress
from mailer.subscribers.proof import take_turn
from mailer.subscribers.store import forget_budgets

_GROUP = 200
"""People forgotten in one transaction: short enough that nobody who signs up waits."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What happened before these instants has been kept long enough."""

    never_confirmed: datetime
    held: datetime
    letters: datetime
    proof: datetime


@dataclass(slots=True)
class Swept:
    """How many people and rows one sweep has forgotten."""

    never_confirmed: int = 0
    held: int = 0
    left: int = 0
    letters: int = 0
    budgets: int = 0
    address_changes: int = 0


def limits(settings: Settings, now: datetime) -> Limits:
    return Limits(
        never_confirmed=now - timedelta(days=settings.keep_unconfirmed_days),
        held=now - timedelta(days=settings.keep_held_days),
        letters=now - timedelta(days=settings.keep_letters_days),
        proof=now - timedelta(days=settings.keep_proof_days),
    )


async def sweep(
    database: Database, settings: Settings, rooms: Sequence[PersonalData], now: datetime
) -> Swept:
    """Forget whoever and whatever is past its time."""
    sweeper = _Sweeper(database, settings, rooms, now)
    swept = Swept()
    while count := await sweeper.never_confirmed():
        swept.never_confirmed += count
    while count := await sweeper.held():
        swept.held += count
    while count := await sweeper.left():
        swept.left += count
    swept.letters = await blank_old(database, sweeper.limits.letters)
    async with database.transaction() as db:
        swept.budgets = await forget_budgets(db, now)
        swept.address_changes = await store.forget_address_changes(db, now)
    await database.scrub()
    return swept


class _Sweeper:
    """Each call forgets one group, in a transaction of its own, and says how many; 0 when nobody is left."""

    def __init__(
        self, database: Database, settings: Settings, rooms: Sequence[PersonalData], now: datetime
    ) -> None:
        self.database = database
        self.keyring = settings.keyring
        self.rooms = rooms
        self.now = now
        self.limits = limits(settings, now)

    async def never_confirmed(self) -> int:
        async with self.database.transaction() as db:
            await take_turn(db)
            people = await store.never_confirmed(db, self.limits.never_confirmed, _GROUP)
            return await self._forget_unconfirmed(db, people)

    async def held(self) -> int:
        async with self.database.transaction() as db:
            await take_turn(db)
            return await self._forget_unconfirmed(db, await store.held_too_long(db, self.limits.held, _GROUP))

    async def _forget_unconfirmed(self, db: AsyncConnection, people: list[tuple[int, str, bool]]) -> int:
        # That somebody said "that wasn't me" must outlive their address, or we would ask them again.
        refused = [address for _, address, has_refused in people if has_refused]
        await suppress(db, self.keyring, refused, Reason.REFUSED, self.now)
        await forget(db, self.rooms, [number for number, *_ in people], self.now)
        return len(people)

    async def left(self) -> int:
        async with self.database.transaction() as db:
            await take_turn(db)
            people = await store.left_before(db, self.limits.proof, self.limits.never_confirmed, _GROUP)
            await suppress(db, self.keyring, [address for _, address in people], Reason.EXPIRED, self.now)
            await forget(db, self.rooms, [number for number, _ in people], self.now)
        return len(people)

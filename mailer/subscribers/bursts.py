"""Many leave at once, from one network or of one mail domain: somebody should look, and may take it back.

A mail scanner that presses buttons, a stolen mailbox archive, an attack: each ends subscriptions of people
who didn't ask for it. The alarm stops nothing: whoever wants to leave leaves.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.settings import Settings
from mailer.subscribers import burst_store, store
from mailer.subscribers.budgets import burst_buckets
from mailer.subscribers.burst_store import Leave
from mailer.subscribers.consent import Act
from mailer.tools.address import Address


@dataclass(frozen=True, slots=True)
class Burst:
    """More than the operator's number left within one hour. origin: a network, or a mail domain after an @."""

    origin: str
    hour: datetime
    count: int


async def note_leave(
    db: AsyncConnection, settings: Settings, address: str, network: str, now: datetime
) -> list[str]:
    """Count somebody who just left; returns each network and domain with too many this hour, once an hour."""
    raised = []
    for origin in _origins(network, address):
        hashed = settings.keyring.keyed_hash(origin)
        usual, alarm = burst_buckets(hashed, settings.unsubscribes_alarm, now)
        if not await store.take(db, [usual]) and await store.take(db, [alarm]):
            raised.append(origin)
    return raised


async def bursts(db: AsyncConnection, settings: Settings, since: datetime) -> list[Burst]:
    """All bursts since, from the record of consent; the latest first."""
    return find_bursts(await burst_store.leaves(db, since), settings.unsubscribes_alarm)


def find_bursts(leaves: Iterable[Leave], usual: int) -> list[Burst]:
    """usual: so many an hour are no burst."""
    counted = Counter(
        (one.at.replace(minute=0, second=0, microsecond=0), origin)
        for one in leaves
        for origin in _origins(one.network, one.address)
    )
    found = [Burst(origin, hour, count) for (hour, origin), count in counted.items() if count > usual]
    return sorted(found, key=lambda burst: (burst.hour, burst.count), reverse=True)


async def left_from(db: AsyncConnection, origin: str, since: datetime) -> list[Leave]:
    """Who left since, from this network or (with an @ before it) of this domain, and hasn't come back."""
    return [
        one
        for one in await burst_store.leaves(db, since)
        if one.still_gone and origin in _origins(one.network, one.address)
    ]


async def take_back(db: AsyncConnection, leaves: Iterable[Leave], actor: str, now: datetime) -> int:
    """Make them readers again, as they were; returns how many. Who has come or gone since is left alone."""
    done = 0
    for one in leaves:
        if await store.resume(db, one.subscriber_id, one.at):
            details = {"act": one.act}
            await store.add_consent(db, one.subscriber_id, Act.RESUMED, actor, now, details=details)
            done += 1
    return done


def _origins(network: str, address: str) -> list[str]:
    return [origin for origin in (network, f"@{Address(address).domain}") if origin]

"""A reader asks for their links again, and moves to another address.

A digest gets forwarded, so its links can't move anybody: a fresh one goes to the old mailbox, the new
mailbox says yes, and the old one is told.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.delivery import Envelope, put, save_edition
from mailer.settings import Settings
from mailer.subscribers import address_store, rights_store, store
from mailer.subscribers.address_store import MAILING, Change
from mailer.subscribers.budgets import Limits, buckets, link_buckets
from mailer.subscribers.consent import Act
from mailer.subscribers.letters import letter
from mailer.subscribers.privacy import hashed
from mailer.subscribers.status import Status
from mailer.tools.address import Address
from mailer.tools.network import IpAddress, budget_networks

FRESH = timedelta(days=1)
"""How long a link works by which a reader can say a new address."""


class ChangeState(StrEnum):
    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"  # or deleted, or theirs who are no readers any more
    TAKEN = "taken"  # the new address has a subscription of its own


async def send_links(
    db: AsyncConnection,
    settings: Settings,
    address: Address,
    language: str,
    client: IpAddress | None,
    now: datetime,
) -> int | None:
    """A letter with their links, if this is a reader. Returns a batch, also an empty one; None: budgets are spent.

    Neither the answer nor the statements tell who is a reader here.
    """
    given = (address, budget_networks(client), _limits(settings), settings.keyring.keyed_hash, now)
    if not await store.take(db, link_buckets(*given)):
        return None
    edition = await save_edition(db, letter(settings, language, "links"))
    return await address_store.send_links(db, address.key, edition, language, now, now + FRESH)


async def say_address(
    db: AsyncConnection,
    settings: Settings,
    fresh: Change,
    address: Address,
    client: IpAddress | None,
    now: datetime,
) -> int | None:
    """Ask the new mailbox; returns the batch of the letter, or None where none goes out.

    To a known address none goes, nor to one that never wants to be asked again; the visitor isn't told.
    """
    given = (address, budget_networks(client), _limits(settings), settings.keyring.keyed_hash, now)
    if not await store.take(db, buckets(*given)):
        return None
    never = await rights_store.suppressed(db, [hashed(settings.keyring, address.key)])
    if "refused" in never.values() or await store.find(db, address.key) is not None:
        return None
    expires_at = now + timedelta(days=settings.confirm_days)
    number = await address_store.add(db, fresh.subscriber_id, address, fresh.language, now, expires_at)
    edition = await save_edition(db, letter(settings, fresh.language, "move"))
    envelope = Envelope(edition, fresh.subscriber_id, address.text, number)
    return await put(db, [envelope], now, mailing_name=MAILING)


async def move(
    db: AsyncConnection, settings: Settings, number: int, network: str, now: datetime
) -> tuple[ChangeState, int | None]:
    """OPEN: it was open, and the reader has the new address now. And the batch of the letter to the old one."""
    change = await address_store.get(db, number)
    state = await change_state(db, change, now)
    if change is None or change.address is None or state is not ChangeState.OPEN:
        return state, None
    reader = await store.get(db, change.subscriber_id)
    if reader is None or not await address_store.use(db, number, now):
        return ChangeState.USED, None
    new = Address(change.address)
    if not await address_store.move(db, reader.id, new):
        return ChangeState.TAKEN, None
    details = {"address": new.masked, "before": Address(reader.address).masked}
    await store.add_consent(db, reader.id, Act.CHANGED, "reader", now, network=network, details=details)
    edition = await save_edition(db, letter(settings, change.language, "moved"))
    envelope = Envelope(edition, reader.id, reader.address)
    return state, await put(db, [envelope], now, mailing_name=MAILING)


async def change_state(db: AsyncConnection, change: Change | None, now: datetime) -> ChangeState:
    """What a link about a new address can do at `now`."""
    if change is None or change.expires_at <= now:
        return ChangeState.EXPIRED
    if change.used_at is not None:
        return ChangeState.USED
    reader = await store.get(db, change.subscriber_id)
    if reader is None or reader.status is not Status.CONFIRMED:
        return ChangeState.EXPIRED
    if change.address is not None and await store.find(db, Address(change.address).key) is not None:
        return ChangeState.TAKEN
    return ChangeState.OPEN


def _limits(settings: Settings) -> Limits:
    return Limits(settings.signups_per_network, settings.signups_per_domain, settings.signups_in_all)

"""A person's rights: to have a copy of everything about them, and to be forgotten.

Other rooms hold things about people too; each offers its own part, and whoever calls hands the list down.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.subscribers import records, rights_store
from mailer.subscribers.proof import erase_records, take_turn
from mailer.subscribers.status import Subscriber
from mailer.tools.address import Address
from mailer.tools.tokens import Keyring, Purpose

TABLES = frozenset({"subscriber", "signup", "address_change", "consent", "suppression", "budget"})
"""Where this room keeps something about people. Of the last two: a keyed hash only."""


class PersonalData(Protocol):
    """What a room knows about people; a module with these names fits. TABLES: where it stands."""

    @property
    def NAME(self) -> str: ...
    @property
    def TABLES(self) -> frozenset[str]: ...

    async def export(self, db: AsyncConnection, recipient: int) -> Any:
        """All of it about this person, fit for JSON but for instants."""

    async def erase(self, db: AsyncConnection, people: Sequence[int], now: datetime) -> None:
        """Forget these people; what stays must lead to nobody."""


class Reason(StrEnum):
    """Why an address must not come back by an import."""

    ERASED = "erased"
    OPTED_OUT = "opted out"  # the old list said so
    REFUSED = "refused"  # "that wasn't me": isn't asked again either
    EXPIRED = "expired"  # left, and the proof was kept long enough


async def export(db: AsyncConnection, rooms: Sequence[PersonalData], address: str) -> dict[str, Any] | None:
    """Everything about the person with this address; None where there is nobody. Raises AddressError."""
    person = await records.find(db, address)
    if person is None:
        return None
    own = await records.show(db, address) or {}
    return own | {room.NAME: await room.export(db, person.id) for room in rooms}


async def erase(
    db: AsyncConnection, keyring: Keyring, rooms: Sequence[PersonalData], person: Subscriber, now: datetime
) -> None:
    """Forget this person everywhere. A keyed hash stays, so that no import brings them back; signing up does."""
    await suppress(db, keyring, [person.address], Reason.ERASED, now)
    await forget(db, rooms, [person.id], now)


async def forget(
    db: AsyncConnection, rooms: Sequence[PersonalData], people: Sequence[int], now: datetime
) -> None:
    """Delete these people and everything about them, here and in the other rooms. Their numbers are not reused."""
    await take_turn(db)
    people = await rights_store.lock_people(db, people)  # who confirms at this moment does so before or after
    if not people:
        return
    for room in rooms:
        await room.erase(db, people, now)
    await erase_records(db, people, now)
    await rights_store.delete_people(db, people)


async def suppress(
    db: AsyncConnection, keyring: Keyring, addresses: Sequence[str], reason: Reason, now: datetime
) -> None:
    """Remember, without the addresses, that no import may bring them (back)."""
    hashes = [hashed(keyring, Address(address).key) for address in addresses]
    await rights_store.add_suppressions(db, hashes, reason, now)


def hashed(keyring: Keyring, address_key: str) -> str:
    return keyring.keyed_hash(address_key, Purpose.SUPPRESSION)

"""An admin lifts a refusal: "that wasn't me" was a slip, and now they ask for the newsletter themselves."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.subscribers import rights_store, store
from mailer.subscribers.budgets import address_keys
from mailer.subscribers.consent import Act
from mailer.subscribers.privacy import hashed
from mailer.tools.address import parse
from mailer.tools.tokens import Keyring


async def allow(db: AsyncConnection, keyring: Keyring, address: str, actor: str, now: datetime) -> bool:
    """This address may be asked again, today already. False where nobody had refused. Raises AddressError.

    The links of the letter that was refused stay dead.
    """
    asked = parse(address)
    person = await store.find(db, asked.key)
    was_refused = await rights_store.lift_refusal(
        db, hashed(keyring, asked.key), person.id if person else None, now
    )
    await rights_store.free_budgets(db, address_keys(asked, keyring.keyed_hash))
    if was_refused and person is not None:
        await store.add_consent(db, person.id, Act.ALLOWED, actor, now)
    return was_refused

"""The two links of a confirmation mail: "yes" and "that wasn't me". Both act once, on a person's button."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import choices, delivery
from mailer.subscribers import store
from mailer.subscribers.consent import Act, Wording, in_codes
from mailer.subscribers.status import SignupState, signup_state


async def confirm(
    db: AsyncConnection, number: int, shown: Wording, network: str, now: datetime
) -> SignupState:
    """OPEN: it was open, and the subscriber is confirmed now. Anything else: why nothing changed.

    shown: the consent text that stood beside the button. network: truncated, for the record.
    """
    signup = await store.get_signup(db, number)
    if signup is None or not await store.use_signup(db, number, now):
        return signup_state(signup, now)
    await store.accept(db, signup.subscriber_id, signup.audience_id, now)
    await store.add_consent(
        db,
        signup.subscriber_id,
        Act.CONFIRMED,
        "reader",
        now,
        wording_id=await store.keep_wording(db, shown, now),
        signup_id=number,
        network=network,
        details={
            **in_codes(signup.wish, await choices.read(db)),
            "mail": await delivery.letter_about(db, signup.subscriber_id, number),
        },
    )
    return SignupState.OPEN


async def refuse(db: AsyncConnection, number: int, network: str, now: datetime) -> SignupState:
    """OPEN: it was open; from now on this address is asked no more. Anything else: why nothing changed."""
    signup = await store.get_signup(db, number)
    if signup is None or not await store.refuse_signup(db, number, now):
        return signup_state(signup, now)
    await store.add_consent(
        db, signup.subscriber_id, Act.REFUSED, "reader", now, signup_id=number, network=network
    )
    return SignupState.OPEN

"""A visitor asks to join: everything that follows, in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.choices import Choices
from mailer.delivery import Envelope, put, save_edition
from mailer.settings import Settings
from mailer.subscribers import store
from mailer.subscribers.budgets import Bucket, Limits, buckets
from mailer.subscribers.consent import Act, current_wording, in_codes
from mailer.subscribers.letters import confirmation
from mailer.subscribers.privacy import hashed
from mailer.subscribers.status import Signup, Status
from mailer.subscribers.wish import Wish
from mailer.tools.address import Address, parse
from mailer.tools.network import IpAddress, budget_networks, truncated


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody sent. form: address of the page that they filled in; client: where from, if known."""

    address: Address
    wish: Wish
    language: str
    form: str
    client: IpAddress | None


async def sign_up(
    db: AsyncConnection, settings: Settings, offered: Choices, request: Request, now: datetime
) -> int | None:
    """Put a confirmation letter into the ledger; returns its batch, or None where no letter goes out.

    Whether one goes is never told to the visitor: it would tell who is a reader here.
    """
    if not await store.take(db, _buckets(settings, request, now)):
        return None
    person = await store.meet(db, request.address, now)
    if await store.has_refused(db, person.id, hashed(settings.keyring, request.address.key)):
        return None
    wording_id = await store.keep_wording(db, current_wording(settings, request.language), now)
    signup_id = await store.add_signup(
        db,
        subscriber_id=person.id,
        audience_id=await store.keep_wish(db, request.wish),
        wording_id=wording_id,
        language=request.language,
        form=request.form[:200],
        network=truncated(request.client),
        asked_at=now,
        expires_at=now + timedelta(days=settings.confirm_days),
    )
    await store.add_consent(
        db,
        person.id,
        Act.ASKED,
        "reader",
        now,
        wording_id=wording_id,
        signup_id=signup_id,
        network=truncated(request.client),
        details=in_codes(request.wish, offered),
    )
    letter = confirmation(settings, request.language, is_reader=person.status is Status.CONFIRMED)
    edition = await save_edition(db, letter)
    return await put(db, Envelope(edition, person.id, person.address, signup_id), now)


def same_again(old: Signup, client: IpAddress | None) -> Request:
    """The request of a sign-up whose link has expired, to be sent once more; the same budgets hold."""
    return Request(parse(old.address), old.wish, old.language, old.form, client)


def _buckets(settings: Settings, request: Request, now: datetime) -> list[Bucket]:
    limits = Limits(settings.signups_per_network, settings.signups_per_domain, settings.signups_in_all)
    networks = budget_networks(request.client)
    return buckets(request.address, networks, limits, settings.keyring.keyed_hash, now)

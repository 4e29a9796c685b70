"""Visitors ask to join: everything that follows, in one transaction, for one or for many who come together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.choices import Choices
from mailer.delivery import Envelope, put, save_editions
from mailer.settings import Settings
from mailer.subscribers import signup_store as store
from mailer.subscribers.budgets import Bucket, Limits, buckets
from mailer.subscribers.consent import Act, current_wording, in_codes
from mailer.subscribers.letters import confirmation
from mailer.subscribers.privacy import hashed
from mailer.subscribers.status import Signup, Status, Subscriber
from mailer.subscribers.store import keep_wish, keep_wording
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
    db: AsyncConnection, settings: Settings, offered: Choices, requests: Sequence[Request], now: datetime
) -> int | None:
    """Put confirmation letters into the ledger; returns their batch, or None where no letter goes out.

    Whether one goes is never told to the visitor: it would tell who is a reader here. requests: for
    different addresses; who came first is served first.
    """
    granted = await store.take(db, [_buckets(settings, one, now) for one in requests])
    served = {one.address.key: one for one, enough in zip(requests, granted, strict=True) if enough}
    if not served:
        return None
    people = await store.meet(db, [one.address for one in served.values()], now)
    hashes = {hashed(settings.keyring, key): person.id for key, person in people.items()}
    refused = await store.refused(db, hashes)
    asked = [(people[key], one) for key, one in served.items() if people[key].id not in refused]
    if not asked:
        return None
    numbers = await _record(db, settings, offered, asked, now)
    return await _send(db, settings, [(person, one, numbers[person.id]) for person, one in asked], now)


async def _record(
    db: AsyncConnection,
    settings: Settings,
    offered: Choices,
    asked: Sequence[tuple[Subscriber, Request]],
    now: datetime,
) -> dict[int, int]:
    """Keep what they asked for, and with which words before them: subscriber → number of the sign-up."""
    languages = dict.fromkeys(one.language for _, one in asked)
    words = {name: await keep_wording(db, current_wording(settings, name), now) for name in languages}
    wishes = {wish: await keep_wish(db, wish) for wish in dict.fromkeys(one.wish for _, one in asked)}
    same = [
        {
            "subscriber_id": person.id,
            "wording_id": words[one.language],
            "network": truncated(one.client),
        }
        for person, one in asked
    ]
    own = [
        {
            "audience_id": wishes[one.wish],
            "language": one.language,
            "form": one.form[:200],
            "asked_at": now,
            "expires_at": now + timedelta(days=settings.confirm_days),
        }
        for _, one in asked
    ]
    numbers = await store.add_signups(db, [both | more for both, more in zip(same, own, strict=True)])
    records = [
        {
            **both,
            "signup_id": numbers[person.id],
            "act": Act.ASKED,
            "actor": "reader",
            "at": now,
            "details": in_codes(one.wish, offered),
            "salt": token_hex(16),
        }
        for both, (person, one) in zip(same, asked, strict=True)
    ]
    await store.add_records(db, records)
    return numbers


async def _send(
    db: AsyncConnection, settings: Settings, asked: Sequence[tuple[Subscriber, Request, int]], now: datetime
) -> int:
    """One letter each. A reader who is confirmed already is told that confirming replaces their choice."""
    letters = [
        confirmation(settings, one.language, is_reader=person.status is Status.CONFIRMED)
        for person, one, _ in asked
    ]
    envelopes = [
        Envelope(edition, person.id, person.address, number)
        for edition, (person, _, number) in zip(await save_editions(db, letters), asked, strict=True)
    ]
    return await put(db, envelopes, now)


def same_again(old: Signup, client: IpAddress | None) -> Request:
    """The request of a sign-up whose link has expired, to be sent once more; the same budgets hold."""
    return Request(parse(old.address), old.wish, old.language, old.form, client)


def _buckets(settings: Settings, request: Request, now: datetime) -> list[Bucket]:
    limits = Limits(settings.signups_per_network, settings.signups_per_domain, settings.signups_in_all)
    networks = budget_networks(request.client)
    return buckets(request.address, networks, limits, settings.keyring.keyed_hash, now)

"""Imported people whose turn has come: readers get their digests from now on, others are asked once.

Those who paused go on in the same way.

The worker calls `release` every hour.
"""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import choices
from mailer.choices import Choices
from mailer.database import Database
from mailer.delivery import Envelope, put, save_edition
from mailer.settings import Settings
from mailer.subscribers import import_store, store
from mailer.subscribers.consent import Act, current_wording, in_codes
from mailer.subscribers.letters import confirmation

_GROUP = 50
"""Letters put into the ledger in one transaction."""


async def release(database: Database, settings: Settings, now: datetime) -> tuple[int, int]:
    """(new readers, letters that ask for confirmation). The letters stand in the ledger, due now."""
    async with database.transaction() as db:
        readers = await import_store.confirm_held(db, now)
        await store.end_pauses(db, now)
    async with database.reading() as db:
        offered = await choices.read(db)
    asked = 0
    while True:
        async with database.transaction() as db:
            people = await import_store.to_be_asked(db, now, _GROUP)
            for person in people:
                await _ask(db, settings, offered, person, now)
            await import_store.mark_asked(db, [person.id for person in people])
        if not people:
            return readers, asked
        asked += len(people)


async def _ask(
    db: AsyncConnection, settings: Settings, offered: Choices, person: import_store.Held, now: datetime
) -> None:
    """Like a sign-up, but for who asked: it is we, by the right that the import names."""
    wish = await store.audience_of(db, person.audience_id)
    language = wish.languages[0]
    actor = f"import:{person.import_id}"
    wording_id = await store.keep_wording(db, current_wording(settings, language), now)
    signup_id = await store.add_signup(
        db,
        subscriber_id=person.id,
        audience_id=person.audience_id,
        wording_id=wording_id,
        language=language,
        form=actor,
        network="",
        asked_at=now,
        expires_at=now + timedelta(days=settings.confirm_days),
    )
    details = in_codes(wish, offered)
    await store.add_consent(
        db, person.id, Act.ASKED, actor, now, wording_id=wording_id, signup_id=signup_id, details=details
    )
    edition = await save_edition(db, confirmation(settings, language, is_reader=False, is_on_old_list=True))
    await put(db, [Envelope(edition, person.id, person.address, signup_id)], now)

"""A reader changes what they get, or pauses."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import choices
from mailer.subscribers import store
from mailer.subscribers.consent import Act, in_codes
from mailer.subscribers.status import Status
from mailer.subscribers.wish import Wish


async def change(
    db: AsyncConnection, number: int, wish: Wish, now: datetime, *, actor: str = "reader", network: str = ""
) -> bool:
    """True: the reader has this choice now. False: they are no confirmed reader; nothing changed."""
    person = await store.get(db, number)
    if person is None or person.status is not Status.CONFIRMED:
        return False
    audience_id = await store.keep_wish(db, wish)
    if person.audience_id == audience_id:
        return True
    if not await store.choose(db, number, audience_id):
        return False
    details = in_codes(wish, await choices.read(db))
    await store.add_consent(db, number, Act.CHANGED, actor, now, network=network, details=details)
    return True


async def pause(
    db: AsyncConnection, number: int, until: datetime | None, now: datetime, *, network: str = ""
) -> bool:
    """No digest before `until`, and none of its news is lost; None: go on now. False: nothing changed."""
    if not await store.pause(db, number, until):
        return False
    details = {"paused_until": until.isoformat() if until else None}
    await store.add_consent(db, number, Act.CHANGED, "reader", now, network=network, details=details)
    return True

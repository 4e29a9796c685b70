"""Why an item goes to one reader, or doesn't: the rule of `choose`, asked item by item."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import choices, news
from mailer.digests import store
from mailer.digests.choose import Reason, judge
from mailer.digests.schedule import Period, last_due, next_due
from mailer.news import Item
from mailer.settings import Settings
from mailer.subscribers import Audience


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the next digest holds for a reader.

    due: the period for which it will be planned, None where their frequency is no longer offered.
    waits: a letter of theirs is in a worker's hands, so planning passes them over until it is done.
    items: every item that ever arrived, newest first, and why it goes or doesn't.
    """

    due: Period | None
    low: int
    high: int
    waits: bool
    items: tuple[tuple[Item, Reason], ...]


async def explain(
    db: AsyncConnection, settings: Settings, recipient: int, audience: Audience, now: datetime
) -> Explanation:
    """What a confirmed reader with this choice would get if their next digest were planned now."""
    offered = await choices.read(db)
    due = None
    for schedule in offered.schedules:
        if schedule.frequency == audience.frequency:
            zone = ZoneInfo(settings.timezone)
            due = last_due(schedule, now, zone)
            run = await store.find_run(db, due)
            if run is not None and (run.planned_at is not None or recipient <= run.planned_upto):
                due = next_due(schedule, now, zone)
    start = await store.last_run(db, audience.frequency)
    beginning = await store.beginning_of(db, audience.frequency, recipient, start)
    if beginning is None:
        raise LookupError(f"reader {recipient} isn't confirmed for {audience.frequency} digests")
    low, waits = beginning
    high = await news.last_arrival(db)
    items = await news.arrived(db, 0, high)
    judged = tuple((item, judge(item, audience, low, high)[0]) for item in items)
    return Explanation(due, low, high, waits, judged)

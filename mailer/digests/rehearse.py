"""What `publish` would do now, without doing it: nothing is written, nothing is sent."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from mailer import choices, news
from mailer.database import Database
from mailer.digests import store
from mailer.digests.desk import Desk
from mailer.digests.schedule import Period, last_due
from mailer.settings import Settings

EVERYBODY = 2**62


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A run that is due. considered: readers; editions: (subject, items, readers), the largest first."""

    period: Period
    considered: int
    editions: tuple[tuple[str, int, int], ...]

    @property
    def letters(self) -> int:
        return sum(readers for _, _, readers in self.editions)


async def rehearse(
    database: Database, settings: Settings, now: datetime, *, frequency: str | None = None
) -> list[Rehearsed]:
    """Each run that is due and not planned to its end, as it would be planned now."""
    async with database.reading() as db:
        offered = await choices.read(db)
        rehearsed = []
        for schedule in offered.schedules:
            period = last_due(schedule, now, ZoneInfo(settings.timezone))
            run = await store.find_run(db, period)
            if frequency not in (None, schedule.frequency) or (run is not None and run.planned_at):
                continue
            high = run.high if run else await news.last_arrival(db)
            after = run.planned_upto if run else 0
            start = await store.last_run(db, period.frequency)
            expected = await store.groups(db, store.beginnings(period.frequency, after, EVERYBODY, start))
            desk = Desk(settings, offered, period, high)
            found = await desk.choose(db, [(number, low) for number, low, _ in expected])
            editions: Counter[tuple[str, int]] = Counter()
            for number, low, readers in expected:
                audience, chosen = found[number, low]
                if chosen:
                    editions[desk.subject(audience, chosen), len(chosen)] += readers
            rehearsed.append(
                Rehearsed(
                    period,
                    sum(readers for _, _, readers in expected),
                    tuple((subject, items, readers) for (subject, items), readers in editions.most_common()),
                )
            )
    return rehearsed

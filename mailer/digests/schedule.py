"""When a frequency is due: the operator's local hours as instants, through gaps and folds of the clock.

Pure. A local hour that a gap skips is taken after the gap; one that happens twice, the first time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from mailer.choices import Schedule


@dataclass(frozen=True, slots=True)
class Period:
    """One turn of a schedule. name: "2026-11-23", "2026-W48" or "2026-11"; due_at: aware, UTC."""

    frequency: str
    name: str
    due_at: datetime


def last_due(schedule: Schedule, now: datetime, zone: ZoneInfo) -> Period:
    """The latest period whose moment has come."""
    if schedule.frequency == "immediate":
        return _this_minute(now)
    return max(
        (period for period in _around(schedule, now, zone) if period.due_at <= now),
        key=lambda period: (period.due_at, period.name),
    )


def next_due(schedule: Schedule, now: datetime, zone: ZoneInfo) -> Period:
    """The first period whose moment is still to come."""
    if schedule.frequency == "immediate":
        return _this_minute(now + timedelta(minutes=1))
    return min(
        (period for period in _around(schedule, now, zone) if period.due_at > now),
        key=lambda period: (period.due_at, period.name),
    )


def expiry(schedule: Schedule, now: datetime, zone: ZoneInfo) -> datetime:
    """When a digest planned now is old news: as the next one falls due, which takes its items over."""
    if schedule.frequency == "immediate":
        return now + timedelta(days=1)
    return next_due(schedule, now, zone).due_at


def _this_minute(now: datetime) -> Period:
    due_at = now.astimezone(UTC).replace(second=0, microsecond=0)
    return Period("immediate", due_at.strftime("%Y-%m-%dT%H:%M"), due_at)


def _around(schedule: Schedule, now: datetime, zone: ZoneInfo) -> Iterator[Period]:
    today = now.astimezone(zone).date()
    for offset in range(-63, 64):
        day = today + timedelta(days=offset)
        name = _name(schedule, day)
        if name is not None:
            local = datetime(day.year, day.month, day.day, schedule.hour, tzinfo=zone)
            yield Period(schedule.frequency, name, local.astimezone(UTC))


def _name(schedule: Schedule, day: date) -> str | None:
    """The period that falls due on this day, if one does."""
    match schedule.frequency:
        case "daily":
            return day.isoformat()
        case "weekly":
            year, week, weekday = day.isocalendar()
            return f"{year}-W{week:02}" if weekday - 1 == schedule.weekday else None
        case _:
            return f"{day:%Y-%m}" if day.day == schedule.day else None

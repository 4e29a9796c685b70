"""When a run is due, in every time zone, through gaps and folds."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.choices import Schedule
from mailer.digests.schedule import expiry, last_due, next_due

BRUSSELS = ZoneInfo("Europe/Brussels")
WEEKLY = Schedule("weekly", 8, weekday=0)
MONTHLY = Schedule("monthly", 8, day=1)

zones = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
instants = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
schedules = st.one_of(
    st.builds(Schedule, st.just("daily"), st.integers(0, 23)),
    st.builds(Schedule, st.just("weekly"), st.integers(0, 23), weekday=st.integers(0, 6)),
    st.builds(Schedule, st.just("monthly"), st.integers(0, 23), day=st.integers(1, 28)),
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "name"),
    [
        ("2026-11-23T06:59:59+00:00", "2026-W47"),  # 7:59 in Brussels
        ("2026-11-23T07:00:00+00:00", "2026-W48"),
        ("2026-11-29T23:00:00+00:00", "2026-W48"),
        ("2027-01-04T06:00:00+00:00", "2026-W53"),
    ],
)
def test_a_week_begins_at_the_local_hour(now: str, name: str) -> None:
    assert last_due(WEEKLY, at(now), BRUSSELS).name == name


def test_a_month_is_due_on_its_day() -> None:
    assert last_due(MONTHLY, at("2026-11-30T23:00:00+00:00"), BRUSSELS).name == "2026-11"
    assert next_due(MONTHLY, at("2026-11-30T23:00:00+00:00"), BRUSSELS).due_at == at("2026-12-01T07:00+00:00")


def test_an_hour_that_the_clock_skips_is_taken_after_the_gap() -> None:
    due = last_due(Schedule("daily", 2), at("2026-03-29T12:00:00+00:00"), BRUSSELS)
    assert (due.name, due.due_at) == ("2026-03-29", at("2026-03-29T01:00:00+00:00"))  # 3:00 local


def test_an_hour_that_comes_twice_is_taken_the_first_time() -> None:
    due = last_due(Schedule("daily", 2), at("2026-10-25T12:00:00+00:00"), BRUSSELS)
    assert due.due_at == at("2026-10-25T00:00:00+00:00")


@given(schedules, zones, instants)
def test_now_lies_between_the_last_due_moment_and_the_next(
    schedule: Schedule, zone: ZoneInfo, now: datetime
) -> None:
    last, following = last_due(schedule, now, zone), next_due(schedule, now, zone)
    assert last.due_at <= now < following.due_at
    assert last.name != following.name


@given(schedules, zones, instants)
def test_each_period_is_due_exactly_once(schedule: Schedule, zone: ZoneInfo, now: datetime) -> None:
    """From one due moment to the next nothing else falls due, and the next bears the next name."""
    following = next_due(schedule, now, zone)
    assert last_due(schedule, following.due_at, zone) == following
    assert last_due(schedule, following.due_at - timedelta(seconds=1), zone) == last_due(schedule, now, zone)


def test_an_immediate_run_is_one_of_its_minute() -> None:
    due = last_due(Schedule("immediate", 8), at("2026-11-23T09:10:11+00:00"), BRUSSELS)
    assert (due.name, due.due_at) == ("2026-11-23T09:10", at("2026-11-23T09:10:00+00:00"))


def test_a_digest_expires_when_the_next_falls_due() -> None:
    now = at("2026-11-25T09:00:00+00:00")
    assert expiry(WEEKLY, now, BRUSSELS) == at("2026-11-30T07:00:00+00:00")
    assert expiry(Schedule("immediate", 8), now, BRUSSELS) == now + timedelta(days=1)

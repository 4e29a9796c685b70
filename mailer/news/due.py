"""When a feed is asked again."""

from datetime import datetime, timedelta

USUAL = timedelta(minutes=30)
LONGEST = timedelta(days=1)


def next_poll(now: datetime, failures: int, jitter: float) -> datetime:
    """Half an hour from now, doubled with each failure in a row, at most a day.

    jitter: 0 to 1; spreads it over a tenth more, so that we don't ask everybody in the same second.
    """
    pause = min(USUAL * (1 << min(failures, 10)), LONGEST)
    return now + pause * (1 + 0.1 * jitter)

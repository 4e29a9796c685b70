"""When a letter that did not get through goes again. Pure: attempts and the time are passed in."""

from datetime import datetime, timedelta

FIRST = timedelta(minutes=30)
"""RFC 5321 §4.5.4.1: at least 30 minutes between two attempts."""
LONGEST = timedelta(hours=8)
GIVE_UP = timedelta(days=4)
"""RFC 5321 §4.5.4.1: give up after four or five days."""
AT_ONCE = 3
"""So often a letter goes again without waiting, where the relay and not the recipient was the cause."""


def next_try(attempts: int, now: datetime, jitter: float) -> datetime | None:
    """When to try again after `attempts` failed ones, or None: four days of trying are enough.

    jitter: 0 to 1; spreads letters that were deferred together over half as long again.
    """
    if waited(attempts) >= GIVE_UP:
        return None
    return now + _pause(attempts) * (1 + jitter / 2)


def soon(attempts: int, now: datetime, jitter: float) -> datetime | None:
    """The same where nothing is known against the recipient: the connection broke, or the relay was closing.

    A letter that breaks connections must not do so for ever, so after a few attempts it waits like others.
    """
    return now if attempts < AT_ONCE else next_try(attempts, now, jitter)


def _pause(attempts: int) -> timedelta:
    doubled: timedelta = FIRST * (1 << min(attempts - 1, 10))
    return min(doubled, LONGEST)


def waited(attempts: int) -> timedelta:
    """How long a letter has been tried for at least, by its number of attempts."""
    return sum((_pause(n) for n in range(1, attempts)), timedelta())

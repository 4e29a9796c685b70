"""When a deferred letter goes again."""

from datetime import timedelta
from itertools import pairwise

from mailer.delivery.retry import AT_ONCE, next_try, soon
from tests.conftest import NOW


def waits(jitter: float) -> list[timedelta]:
    """The pauses of a letter that is deferred every time, until it is given up."""
    pauses = []
    attempts = 1
    while (due := next_try(attempts, NOW, jitter)) is not None:
        pauses.append(due - NOW)
        attempts += 1
    return pauses


def test_it_waits_half_an_hour_at_least_and_longer_each_time() -> None:
    pauses = waits(0.0)
    assert pauses[0] == timedelta(minutes=30)
    assert all(earlier <= later for earlier, later in pairwise(pauses))
    assert max(pauses) == timedelta(hours=8)


def test_it_gives_up_after_four_to_five_days() -> None:
    assert timedelta(days=4) <= sum(waits(0.0), timedelta()) <= timedelta(days=5)


def test_jitter_spreads_and_never_shortens() -> None:
    assert next_try(1, NOW, 0.0) == NOW + timedelta(minutes=30)
    assert next_try(1, NOW, 1.0) == NOW + timedelta(minutes=45)


def test_where_the_connection_broke_it_goes_at_once_but_not_for_ever() -> None:
    assert soon(1, NOW, 0.0) == NOW
    assert soon(AT_ONCE, NOW, 0.0) == next_try(AT_ONCE, NOW, 0.0)
    assert soon(100, NOW, 0.0) is None

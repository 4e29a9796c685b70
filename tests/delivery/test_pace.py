"""Rates, holds, shares and the breaker: what they let through, by a clock that is passed in."""

import pytest

from mailer.delivery.outcome import Accepted, Deferred, Outcome, Rejected
from mailer.delivery.pace import HOLD_SECONDS, Breaker, Holds, Rate, Shares, provider

OK = Accepted("2.0.0 taken")
POLICY = Rejected(550, "5.7.1 we don't take mail from you", "sender")
UNKNOWN_USER = Rejected(550, "5.1.1 no such user")
SLOWER = Deferred(421, "4.7.28 Gmail has detected an unusual rate", "sender")


@pytest.mark.parametrize("rate", [1, 3, 14, 50, 400, 5000])
def test_no_second_has_more_letters_than_the_rate_and_none_is_wasted(rate: int) -> None:
    meter = Rate(rate)
    left: list[float] = []
    for tick in range(0, 4_000):  # a busy sender asks each millisecond until it is told to wait
        while meter.take(tick / 1000):
            left.append(tick / 1000)
    assert (
        max(sum(start <= moment < start + 1 for moment in left) for start in left[:: max(1, rate // 10)])
        <= rate
    )
    assert len(left) >= 4 * rate * 0.85


def test_a_held_provider_waits_ten_minutes_and_then_goes_one_by_one() -> None:
    holds = Holds()
    assert holds.note("a@gmail.com", SLOWER, 0.0)
    assert not holds.note("b@gmail.com", SLOWER, 1.0)  # it was on the wire already
    wait = holds.waits("c@googlemail.com", 5.0)
    assert wait is not None
    assert wait[0] == HOLD_SECONDS - 5
    assert "4.7.28" in wait[1]
    assert holds.waits("c@example.org", 5.0) is None  # nobody else waits
    after = HOLD_SECONDS + 1
    assert holds.waits("c@gmail.com", after) is None  # the first one goes
    assert holds.waits("d@gmail.com", after) is not None
    holds.note("c@gmail.com", OK, after)
    assert [holds.waits("e@gmail.com", after) is None for _ in range(3)] == [True, True, False]
    for _ in range(60):
        holds.note("e@gmail.com", OK, after)
    assert not holds.held


def test_a_provider_that_is_still_angry_is_held_for_longer() -> None:
    holds = Holds()
    holds.note("a@gmail.com", SLOWER, 0.0)
    after = HOLD_SECONDS + 1
    assert holds.waits("a@gmail.com", after) is None
    assert holds.note("a@gmail.com", SLOWER, after)
    wait = holds.waits("a@gmail.com", after)
    assert wait is not None
    assert wait[0] == 2 * HOLD_SECONDS


@pytest.mark.parametrize(
    "outcome",
    [UNKNOWN_USER, POLICY, Deferred(450, "4.2.1 mailbox busy"), Deferred(450, "4.7.1 greylisted"), Deferred(0, "", "relay")],
)  # fmt: skip
def test_only_a_policy_deferral_holds_a_provider(outcome: Outcome) -> None:
    holds = Holds()
    assert not holds.note("a@gmail.com", outcome, 0.0)
    assert not holds.held


def test_domains_of_one_provider_are_held_together() -> None:
    assert provider("a@Hotmail.com") == provider("b@outlook.com") != provider("c@gmail.com")
    assert provider("a@example.org") == "example.org"


def test_the_breaker_opens_at_the_twentieth_policy_refusal_of_a_hundred() -> None:
    breaker = Breaker()
    assert [breaker.note(POLICY) for _ in range(20)] == [False] * 19 + [True]


def test_the_breaker_does_not_mind_wrong_addresses_or_a_few_refusals() -> None:
    breaker = Breaker()
    assert not any(breaker.note(UNKNOWN_USER) for _ in range(500))
    assert not any(breaker.note(POLICY if number % 6 == 0 else OK) for number in range(500))


def test_different_weights_are_kept_whoever_asks_oftener() -> None:
    shares = Shares({"big": 3, "small": 1})
    taken = {"big": 0, "small": 0}
    for turn in range(4000):
        name = "small" if turn % 4 else "big"  # the small one asks three times as often
        taken[name] += shares.take(name, ["big", "small"])
    assert taken["big"] == pytest.approx(3 * taken["small"], rel=0.1)


def test_a_relay_that_was_away_does_not_make_up_for_it() -> None:
    shares = Shares({"a": 2, "b": 1})
    for _ in range(1000):
        assert shares.take("a", ["a"])
    shares.join("b", ["a"])
    assert shares.take("a", ["a", "b"])
    assert sum(shares.take("b", ["a", "b"]) for _ in range(1000)) < 50


def test_equal_relays_take_what_they_can() -> None:
    shares = Shares({"a": 1, "b": 1})
    assert all(shares.take("a", ["a", "b"]) for _ in range(1000))

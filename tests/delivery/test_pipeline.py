"""One connection, from its first letter to its end, against servers that answer as they are told."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from mailer.delivery.courier import connect
from mailer.delivery.outcome import Accepted, Deferred, Rejected, Unknown
from mailer.delivery.pipeline import REFUSALS, Pipeline
from mailer.delivery.watchdog import Timeouts, Watchdog
from tests.delivery.scripted import (
    GOOD,
    HANG_UP,
    SILENCE,
    Answer,
    Heard,
    Outbox,
    ScriptedRelay,
    make_letter,
    make_letters,
    until,
)

PLAIN = ("SIZE 20000000",)


@asynccontextmanager
async def sending(
    outbox: Outbox,
    script: ScriptedRelay,
    watchdog: Watchdog | None = None,
    pipelining: bool = True,
    **options: Any,
) -> AsyncIterator[Pipeline]:
    async with script.running():
        pipeline = await connect(
            script.relay(**options),
            outbox,
            local_hostname="mailer.example.org",
            watchdog=watchdog or Watchdog(),
            pipelining=pipelining,
        )
        try:
            yield pipeline
        finally:
            pipeline.abort()
            await pipeline.closed


def _over(pipeline: Pipeline, outbox: Outbox, letters: int) -> bool:
    """Whether this many letters have been settled, or the connection has ended."""
    return pipeline.closed.done() or len(outbox.settled) == letters


def when(verb: bytes, count: int, reply: bytes) -> Answer:
    """This reply to the `count`-th of this verb; the usual one to all else."""
    return lambda heard: reply if (heard.verb, heard.count) == (verb, count) else None


def kinds(outcomes: list[Any]) -> list[str]:
    return [type(outcome).__name__ for outcome in outcomes]


# The usual way


async def test_a_content_leaves_together_with_the_next_envelope_and_data_ends_each_group() -> None:
    outbox, script = Outbox(make_letters(4)), ScriptedRelay()
    async with sending(outbox, script):
        outcomes = await outbox.all_settled(4)
    assert outcomes == [Accepted("2.0.0 Ok: queued as 4T1")] * 4
    ehlo, *groups = script.groups
    assert ehlo.startswith(b"EHLO mailer.example.org")
    assert len(groups) == 5  # one round trip a letter, and one for the first envelope
    assert all(group.endswith(b"\r\nDATA\r\n") for group in groups[:-1])
    assert groups[1].index(b"\r\n.\r\nMAIL FROM:<bounce+2@example.org>") > groups[1].index(b"Hello reader 1")
    assert script.early == []


async def test_the_octets_that_arrive_are_those_of_the_letters() -> None:
    letters = make_letters(3)
    outbox, script = Outbox(letters), ScriptedRelay()
    async with sending(outbox, script):
        await outbox.all_settled(3)
    assert script.taken == [b"".join(letter.content) for letter in letters]
    sizes = [heard.said.partition(b" SIZE=")[2] for heard in script.heard if heard.verb == b"MAIL"]
    assert sizes == [b"%d" % len(content) for content in script.taken]


@pytest.mark.parametrize("way", ["not offered", "switched off", "known to break"])
async def test_without_pipelining_each_command_waits_for_its_reply(way: str) -> None:
    script = ScriptedRelay(offers=PLAIN) if way == "not offered" else ScriptedRelay()
    outbox = Outbox(make_letters(2))
    async with script.running():
        pipeline = await connect(
            script.relay(pipelining=way != "switched off"),
            outbox,
            local_hostname="mailer.example.org",
            watchdog=Watchdog(),
            pipelining=way != "known to break",
        )
        assert kinds(await outbox.all_settled(2)) == ["Accepted"] * 2
        assert (await pipeline.close()).clean
    assert script.verbs() == ["EHLO", *["MAIL", "RCPT", "DATA", "CONTENT"] * 2, "QUIT"]
    assert len(script.groups) == len(script.heard)


async def test_it_sleeps_when_there_is_nothing_and_wakes_for_new_letters() -> None:
    outbox, script = Outbox([]), ScriptedRelay()
    async with sending(outbox, script) as pipeline:
        assert pipeline.in_flight == 0
        outbox.letters = make_letters(2)
        pipeline.wake()
        pipeline.wake()
        await outbox.all_settled(2)
        outbox.letters = [make_letter(3)]
        pipeline.wake()
        assert kinds(await outbox.all_settled(3)) == ["Accepted"] * 3


async def test_waking_it_while_it_settles_a_letter_takes_no_letter_twice() -> None:
    class Waking(Outbox):
        def settle(self, letter: Any, outcome: Any) -> None:
            super().settle(letter, outcome)
            pipeline.wake()

    letters = make_letters(6)
    letters[2].recipient = "not an address"
    outbox, script = Waking([]), ScriptedRelay()
    async with sending(outbox, script) as pipeline:
        outbox.letters = letters
        pipeline.wake()
        outcomes = kinds(await outbox.all_settled(6))
    assert outcomes == ["Accepted", "Accepted", "Rejected", "Accepted", "Accepted", "Accepted"]


async def test_close_finishes_the_letters_on_the_wire_says_quit_and_leaves_the_rest() -> None:
    outbox, script = Outbox(make_letters(50)), ScriptedRelay()
    async with sending(outbox, script) as pipeline:
        await outbox.all_settled(3)
        ending = await pipeline.close()
    assert ending.clean
    assert ending.accepted == outbox.given == len(outbox.settled) < 50
    assert set(kinds(list(outbox.outcomes.values()))) == {"Accepted"}
    assert script.verbs()[-1] == "QUIT"


async def test_cutting_the_connection_leaves_one_letter_unknown_and_gives_the_other_back() -> None:
    outbox, script = Outbox(make_letters(9)), ScriptedRelay(when(b"CONTENT", 3, SILENCE))
    async with sending(outbox, script) as pipeline:
        await outbox.all_settled(2)
        await until(lambda: script.counts[b"CONTENT"] == 3)
        assert pipeline.in_flight == 2
        pipeline.abort()
        await pipeline.closed
    assert outbox.outcomes[3] == Unknown("we cut the connection")
    assert outbox.outcomes[4] == Deferred(0, "we cut the connection", "relay")
    assert len(outbox.settled) == outbox.given == 4


# Refusals: RFC 2920 §3.1


REFUSING = {
    "MAIL": (b"MAIL", b"550 5.7.1 Not from you\r\n", Rejected(550, "5.7.1 Not from you", "sender")),
    "RCPT": (b"RCPT", b"550 5.1.1 No such user\r\n", Rejected(550, "5.1.1 No such user", "recipient")),
    "later": (b"RCPT", b"450 4.2.1 Later\r\n", Deferred(450, "4.2.1 Later", "recipient")),
    "DATA": (b"DATA", b"451 4.3.0 Try later\r\n", Deferred(451, "4.3.0 Try later", "sender")),
    "CONTENT": (b"CONTENT", b"554 5.6.0 Not this\r\n", Rejected(554, "5.6.0 Not this", "sender")),
}


@pytest.mark.parametrize("place", [1, 2, 3])
@pytest.mark.parametrize("after", ["503", "354"])
@pytest.mark.parametrize("offers", [("PIPELINING",), PLAIN])
@pytest.mark.parametrize("refused", REFUSING)
async def test_a_refused_letter_touches_no_other(
    refused: str, offers: tuple[str, ...], after: str, place: int
) -> None:
    verb, reply, outcome = REFUSING[refused]
    order = [b"MAIL", b"RCPT", b"DATA", b"CONTENT"]

    def answer(heard: Heard) -> bytes | None:
        if heard.verb == verb and heard.count == place:
            return reply
        if (
            refusal := [h for h in script.heard if h.verb == verb and h.count == place]
        ) and b"RSET" not in script.counts:
            later = order.index(heard.verb) > order.index(verb) if heard.verb in order else False
            if (
                later
                and heard.count == refusal[0].count
                and heard.verb in {b"RCPT", b"DATA"}
                and after == "503"
            ):
                return b"503 5.5.1 Bad sequence\r\n"
            if later and heard.verb == b"CONTENT" and heard.said == b"":
                return b"554 5.5.1 No valid recipients\r\n"
        return None

    script = ScriptedRelay(answer, offers)
    outbox = Outbox(make_letters(4))
    async with sending(outbox, script):
        outcomes = await outbox.all_settled(4)
    assert outcomes[place - 1] == outcome
    assert kinds(outcomes[: place - 1] + outcomes[place:]) == ["Accepted"] * 3
    assert len(script.taken) == 3
    assert b"" not in script.taken


async def test_every_mixture_of_refusals_settles_each_letter_once() -> None:
    """Replies drawn at random, also broken ones: what the server took is accepted or unknown, and nothing else is."""
    wild = [b"250 2.0.0 Ok\r\n", b"354 Go on\r\n", b"421 4.3.2 Closing\r\n", b"noise\r\n", HANG_UP]
    refusals = [b"450 4.2.0 Later\r\n", b"550 5.1.1 No\r\n", b"503 5.5.1 What\r\n", b"250-So\r\n250 fine\r\n"]
    for seed in range(150):
        dice = random.Random(seed)

        def answer(heard: Heard, dice: random.Random = dice) -> bytes | None:
            if heard.verb not in {b"MAIL", b"RCPT", b"DATA", b"CONTENT"} or dice.random() < 0.7:
                return None
            if dice.random() < 0.2:
                return dice.choice(wild)
            return dice.choice(refusals if heard.verb != b"DATA" else refusals[:3])

        script = ScriptedRelay(answer, PLAIN if seed % 3 == 0 else ("PIPELINING",))
        outbox = Outbox(make_letters(12))
        async with sending(outbox, script) as pipeline:
            await until(partial(_over, pipeline, outbox, 12))
            await pipeline.close()
        assert sorted(outbox.settled) == list(range(1, outbox.given + 1)), seed
        taken = {int(content.split(b"\r\n")[0].split()[-1]) for content in script.taken if content}
        by_kind = {
            kind: {n for n, o in outbox.outcomes.items() if isinstance(o, kind)}
            for kind in (Accepted, Unknown)
        }
        assert by_kind[Accepted] <= taken <= by_kind[Accepted] | by_kind[Unknown], seed
        assert len(by_kind[Unknown]) <= 1, seed


async def test_a_relay_that_wants_a_login_keeps_no_letter() -> None:
    outbox = Outbox(make_letters(5))
    script = ScriptedRelay(lambda h: b"530 5.7.0 Authentication required\r\n" if h.verb == b"MAIL" else None)
    async with sending(outbox, script) as pipeline:
        ending = await pipeline.closed
    assert ending.reason == "530 5.7.0 Authentication required"
    assert outbox.given == 1
    assert outbox.outcomes[1] == Deferred(530, "5.7.0 Authentication required", "relay")


async def test_a_relay_that_breaks_under_pipelining_gets_the_same_letter_in_plain_order() -> None:
    def answer(heard: Heard) -> bytes | None:
        together = any(b"MAIL" in group and b"RCPT" in group for group in script.groups[-1:])
        return b"503 5.5.1 Bad sequence of commands\r\n" if together and heard.verb != b"RSET" else None

    outbox, script = Outbox(make_letters(3)), ScriptedRelay(answer)
    async with sending(outbox, script) as pipeline:
        assert kinds(await outbox.all_settled(3)) == ["Accepted"] * 3
        assert (await pipeline.close()).broke_pipelining


# The end of a connection


@pytest.mark.parametrize("offers", [("PIPELINING",), PLAIN])
@pytest.mark.parametrize("verb", [b"MAIL", b"RCPT", b"DATA", b"CONTENT"])
async def test_421_at_any_point_defers_all_that_is_not_acknowledged(
    verb: bytes, offers: tuple[str, ...]
) -> None:
    outbox = Outbox(make_letters(9))
    script = ScriptedRelay(when(verb, 3, b"421 4.3.2 Shutting\x07 down\r\n" + HANG_UP), offers)
    async with sending(outbox, script) as pipeline:
        ending = await pipeline.closed
    assert ending.reason == "421 4.3.2 Shutting  down"
    assert not ending.clean
    outcomes = [outbox.outcomes[number] for number in sorted(outbox.outcomes)]
    assert outcomes[:2] == [Accepted("2.0.0 Ok: queued as 4T1")] * 2
    assert set(outcomes[2:]) == {Deferred(421, "4.3.2 Shutting  down", "relay")}
    assert len(outcomes) == outbox.given < 9


@pytest.mark.parametrize(
    ("verb", "became"),
    [
        (b"MAIL", ["Accepted", "Accepted", "Deferred"]),
        (b"RCPT", ["Accepted", "Accepted", "Deferred"]),
        (b"DATA", ["Accepted", "Accepted", "Deferred"]),
        (b"CONTENT", ["Accepted", "Accepted", "Unknown", "Deferred"]),
    ],
)
async def test_a_broken_connection_leaves_only_a_finished_content_unknown(
    verb: bytes, became: list[str]
) -> None:
    outbox, script = Outbox(make_letters(9)), ScriptedRelay(when(verb, 3, HANG_UP))
    async with sending(outbox, script) as pipeline:
        ending = await pipeline.closed
    assert ending.reason.startswith("the relay closed the connection")
    assert kinds([outbox.outcomes[n] for n in sorted(outbox.outcomes)]) == became
    given_back = outbox.outcomes[len(became)]
    assert verb == b"CONTENT" or (isinstance(given_back, Deferred) and given_back.blame == "relay")


async def test_a_relay_that_closes_silently_after_20_letters_costs_no_letter() -> None:
    waiting = make_letters(50)
    for connections in range(1, 4):
        outbox = Outbox(waiting)
        script = ScriptedRelay(when(b"CONTENT", 20, GOOD[b"CONTENT"] + HANG_UP))
        async with sending(outbox, script) as pipeline:
            await until(partial(_over, pipeline, outbox, len(waiting)))
        accepted = [n for n, outcome in outbox.outcomes.items() if isinstance(outcome, Accepted)]
        assert len(accepted) == (20 if connections < 3 else 10)
        back = [outcome for outcome in outbox.outcomes.values() if not isinstance(outcome, Accepted)]
        assert all(isinstance(o, Deferred) and (o.code, o.blame) == (0, "relay") for o in back)
        waiting = [letter for letter in waiting if letter.number not in accepted]
    assert waiting == []


@pytest.mark.parametrize(
    ("offers", "options"),
    [(("PIPELINING",), {"per_connection": 3}), (("PIPELINING", "LIMITS RCPTMAX=9 MAILMAX=3"), {})],
)
async def test_it_quits_after_as_many_letters_as_a_connection_may_carry(
    offers: tuple[str, ...], options: dict[str, Any]
) -> None:
    outbox, script = Outbox(make_letters(9)), ScriptedRelay(offers=offers)
    async with sending(outbox, script, **options) as pipeline:
        ending = await pipeline.closed
    assert (ending.accepted, ending.clean, outbox.given) == (3, True, 3)
    assert script.verbs()[-1] == "QUIT"


async def test_it_quits_after_many_refusals() -> None:
    outbox = Outbox(make_letters(50))
    script = ScriptedRelay(lambda h: b"550 5.1.1 No such user\r\n" if h.verb == b"RCPT" else None)
    async with sending(outbox, script) as pipeline:
        assert (await pipeline.closed).clean
    assert len(outbox.settled) == REFUSALS


# Relays that misbehave


async def test_replies_of_many_long_lines_in_small_pieces_stay_in_step() -> None:
    long = b"250-" + b"x" * 8000 + b"\r\n" + b"250-more\r\n" * 50 + b"250 2.1.0 Ok\r\n"
    outbox = Outbox(make_letters(3))
    script = ScriptedRelay(lambda h: long if h.verb in {b"MAIL", b"RCPT", b"CONTENT"} else None)
    async with sending(outbox, script):
        outcomes = await outbox.all_settled(3)
    assert kinds(outcomes) == ["Accepted"] * 3
    assert isinstance(outcomes[0], Accepted)
    assert len(outcomes[0].reply) == 500


@pytest.mark.parametrize(
    "reply",
    [
        b"\xff\xfe\x00\r\n",
        b"250",
        b"25O Ok\r\n",
        b"999 9.9.9 What\r\n",
        b"250_Ok\r\n",
        b"x" * 100_000,
        b"250-" + b"x" * 9000 + b"\r\n",
        b"250-more\r\n" * 100_000,
        b"250 Ok\r\n" * 10,
        b"250 Ok\r\n" * 100_000,
        b"354 Go on\r\n",
    ],
    ids=lambda reply: f"{reply[:12]!r}x{len(reply)}",
)
async def test_garbage_floods_and_extra_replies_end_the_connection(reply: bytes) -> None:
    outbox = Outbox(make_letters(9))
    clock = Clock()
    watchdog = Watchdog(now=clock)
    script = ScriptedRelay(when(b"MAIL", 3, reply))
    async with sending(outbox, script, watchdog) as pipeline:
        await until(lambda: script.counts[b"MAIL"] == 3 and len(outbox.settled) >= 2)
        if reply == b"250":  # a reply that never ends is a matter of time
            clock.seconds += 301
            watchdog.look()
        ending = await pipeline.closed
    assert not ending.clean
    assert ending.broke_pipelining
    assert kinds([outbox.outcomes[1], outbox.outcomes[2]]) == ["Accepted"] * 2
    assert len(outbox.settled) == outbox.given < 9
    assert not [o for n, o in outbox.outcomes.items() if n > 3 and isinstance(o, Accepted | Rejected)]


async def test_a_word_out_of_nowhere_ends_an_idle_connection() -> None:
    outbox, script = Outbox([]), ScriptedRelay()
    async with sending(outbox, script) as pipeline:
        script.sessions[0].say(b"250 Hello?\r\n")
        assert (await pipeline.closed).reason == "the relay spoke without being asked"


# Large letters, slow relays


def large_letter(number: int) -> Any:
    return make_letter(
        number, content=[b"Subject: letter %d\r\n\r\n" % number, (b"y" * 70 + b"\r\n") * 200_000]
    )


async def test_a_large_letter_waits_while_the_relay_does_not_read() -> None:
    def answer(heard: Heard) -> bytes | None:
        if (heard.verb, heard.count) == (b"DATA", 2):
            script.sessions[0].transport.pause_reading()
        return None

    letters = [make_letter(1), large_letter(2), make_letter(3)]
    outbox, script = Outbox(letters[:]), ScriptedRelay(answer, receive_buffer=65536)
    async with sending(outbox, script) as pipeline:
        await outbox.all_settled(1)
        await until(lambda: pipeline.patience(Timeouts()) == Timeouts().block)
        assert pipeline._transport.get_write_buffer_size() < 300_000
        pipeline.wake()  # nothing may come between the slices
        script.sessions[0].transport.resume_reading()
        assert kinds(await outbox.all_settled(3)) == ["Accepted"] * 3
    assert script.taken == [b"".join(letter.content) for letter in letters]


@pytest.mark.parametrize(
    ("reply", "became"),
    [
        (b"552 5.3.4 Too big\r\n", Rejected(552, "5.3.4 Too big", "sender")),
        (b"250 Fine\r\n", Deferred(0, "the relay accepted the letter before it had it all", "relay")),
        (HANG_UP, None),
    ],
)
async def test_an_answer_in_the_middle_of_a_letter_ends_the_connection(reply: bytes, became: Any) -> None:
    def answer(heard: Heard) -> bytes | None:
        if heard.verb == b"DATA":
            script.sessions[0].transport.pause_reading()
        return None

    outbox, script = Outbox([large_letter(1), make_letter(2)]), ScriptedRelay(answer, receive_buffer=65536)
    async with sending(outbox, script) as pipeline:
        await until(lambda: pipeline.patience(Timeouts()) == Timeouts().block)
        script.sessions[0].say(reply)
        ending = await pipeline.closed
    assert not ending.clean
    # The final dot was never written, so nobody can have taken the letter
    assert outbox.outcomes == {1: became or Deferred(0, ending.reason, "relay")}


# Time: RFC 5321 §4.5.3.2


class Clock:
    """Seconds that pass when a test says so."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("verb", "seconds", "became"),
    [
        (b"MAIL", 300, "Deferred"),
        (b"RCPT", 300, "Deferred"),
        (b"DATA", 120, "Deferred"),
        (b"CONTENT", 600, "Unknown"),
    ],
)
async def test_a_silent_relay_is_left_after_the_time_that_the_standard_grants(
    verb: bytes, seconds: int, became: str
) -> None:
    clock = Clock()
    watchdog = Watchdog(now=clock)
    outbox, script = Outbox([make_letter(1)]), ScriptedRelay(when(verb, 1, SILENCE), offers=PLAIN)
    async with sending(outbox, script, watchdog) as pipeline:
        await until(lambda: script.counts[verb] == 1)
        watchdog.look()
        clock.seconds = seconds - 1
        watchdog.look()
        assert outbox.settled == []
        clock.seconds = seconds
        watchdog.look()
        assert (await pipeline.closed).reason == f"the relay left us waiting too long ({verb.decode()})"
    assert kinds(await outbox.all_settled(1)) == [became]


async def test_an_answer_to_the_dot_after_nine_minutes_still_counts() -> None:
    clock = Clock()
    watchdog = Watchdog(now=clock)
    outbox, script = Outbox([make_letter(1)]), ScriptedRelay(when(b"CONTENT", 1, SILENCE))
    async with sending(outbox, script, watchdog):
        await until(lambda: script.counts[b"CONTENT"] == 1)
        watchdog.look()
        clock.seconds += 9 * 60
        watchdog.look()
        script.sessions[0].say(b"250 2.0.0 At last\r\n")
        assert await outbox.all_settled(1) == [Accepted("2.0.0 At last")]
    assert script.counts[b"CONTENT"] == 1


async def test_a_relay_that_drips_a_reply_without_ending_it_is_left_too() -> None:
    clock = Clock()
    watchdog = Watchdog(now=clock)
    outbox, script = Outbox([make_letter(1)]), ScriptedRelay(when(b"MAIL", 1, SILENCE), offers=PLAIN)
    async with sending(outbox, script, watchdog) as pipeline:
        await until(lambda: script.counts[b"MAIL"] == 1)
        for _ in range(4):
            watchdog.look()
            clock.seconds += 100
            script.sessions[0].say(b"250-and\r\n")
        watchdog.look()
        await pipeline.closed
    assert kinds(await outbox.all_settled(1)) == ["Deferred"]


async def test_an_idle_connection_waits_for_nothing_and_one_timer_serves_all() -> None:
    clock = Clock()
    watchdog = Watchdog(now=clock)
    async with sending(Outbox([]), ScriptedRelay(), watchdog) as one:
        timer = watchdog._timer
        async with sending(Outbox([]), ScriptedRelay(), watchdog) as two:
            clock.seconds += 100_000
            watchdog.look()
            assert not one.closed.done()
            assert not two.closed.done()
            assert watchdog._timer is timer
    assert watchdog._timer is None


def test_the_patience_of_each_step_is_the_standards() -> None:
    limits = Timeouts()
    assert (limits.greeting, limits.mail, limits.rcpt, limits.data) == (300, 300, 300, 120)
    assert (limits.block, limits.dot) == (180, 600)

"""Letters in, outcomes out, over one connection to a relay: SMTP as a state machine of callbacks.

Where the relay offers PIPELINING, a letter's `MAIL RCPT DATA` leaves together with the content of the
letter before it (RFC 2920 §3.1 lets content begin a group, and wants DATA to end it): one round trip a
letter, and never more than one letter whose content went out without a reply. Replies are matched to
commands by their count alone. There is no task, future or timer per letter.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, cast

from mailer.delivery.commands import Capabilities, address_commands
from mailer.delivery.envelope import Letter
from mailer.delivery.outcome import Deferred, Outcome, Rejected, Step, Unknown, clean, judge
from mailer.delivery.relay import Relay
from mailer.delivery.replies import ReplyReader
from mailer.delivery.watchdog import Timeouts, Watchdog

SLICE = 128 * 1024
"""Octets written at once; a larger letter waits between slices until the relay has taken them."""
REFUSALS = 10
"""So many refused letters, and we start a new connection: relays slow down and hang up on such clients."""


# Python 3.11 takes 0.2 µs to look an enum's member up, and a letter asks for a dozen
_MAIL, _RCPT, _DATA, _CONTENT = Step.MAIL, Step.RCPT, Step.DATA, Step.CONTENT
_LONE_DOT, _QUIT = Step.LONE_DOT, Step.QUIT
_GROUP = _MAIL, _RCPT, _DATA


class Source(Protocol):
    """Where a connection gets its letters, and where it says what became of them. Both are called on the loop."""

    def next_letter(self) -> Letter | None:
        """The next letter to send; None: nothing just now (call `Pipeline.wake` when there is)."""

    def settle(self, letter: Letter, outcome: Outcome) -> None:
        """Called exactly once for each letter that `next_letter` gave, whatever happens to the connection."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection ended. accepted: letters that the relay took. clean: we said QUIT, with nothing left on the
    wire. broke_pipelining: connect to this relay without it next time."""

    reason: str
    accepted: int
    clean: bool = False
    broke_pipelining: bool = False


class Pipeline(asyncio.Protocol):
    """One connection. It asks `source` for the next letter by itself as long as there are any.

    It ends by itself, with QUIT, when its relay's `per_connection` letters, `seconds` or REFUSALS are reached.
    """

    def __init__(
        self, source: Source, relay: Relay, can: Capabilities, watchdog: Watchdog, pipelining: bool = True
    ) -> None:
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[Ending] = loop.create_future()
        self.capabilities = can
        self._source = source
        self._watchdog = watchdog
        self._pipelining = pipelining and relay.pipelining and can.pipelining
        self._letters_left = min(relay.per_connection, can.mailmax or relay.per_connection)
        self._time = loop.time
        self._retire_at = loop.time() + relay.seconds
        self._reader = ReplyReader()
        self._expected: deque[Step] = deque()  # one for each command whose reply has not come
        self._script: deque[tuple[Step, bytes]] = deque()  # without PIPELINING: commands still to send
        self._current: Letter | None = None  # its envelope is on the wire
        self._refusal: Outcome | None = None  # what is already known to become of it
        self._doubtful: Letter | None = None  # its content is on the wire
        self._unsent: deque[bytes] = deque()  # slices of that content; the last one goes with the final dot
        self._again: Letter | None = None  # to be sent once more, in plain order
        self._out_of_step = self._broke_pipelining = self._needs_reset = False
        self._paused = self._inside = self._closing = self._clean = False
        self._replies = self._accepted = self._refused_letters = 0
        self._ended = ""

    # What others call

    @property
    def in_flight(self) -> int:
        """Letters taken from the source and not yet settled: 0, 1 or 2."""
        return sum(letter is not None for letter in (self._current, self._doubtful, self._again))

    def wake(self) -> None:
        """The source has letters again."""
        if not self._inside:  # else the callback that is running asks the source before it ends
            self._inside = True
            try:
                self._advance()
            finally:
                self._inside = False

    async def close(self) -> Ending:
        """Finish the letters on the wire, QUIT, and wait for the end."""
        self._closing = True
        self.wake()
        return await asyncio.shield(self.closed)

    def abort(self, reason: str = "we cut the connection") -> None:
        """Cut the connection now; letters are settled before `closed` is done."""
        if not self._ended:
            self._ended = reason
            self._transport.abort()

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._watchdog.watch(self)
        self.wake()

    def data_received(self, data: bytes) -> None:
        self._inside = True
        try:
            for code, words in self._reader.feed(data):
                if self._ended:
                    return
                self._take(code, words)
            if self._reader.garbage:
                self._lose_step(self._reader.garbage)
            elif self._current is None:
                self._advance()
        finally:
            self._inside = False

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._unsent:
            self._inside = True
            try:
                self._write_slices()
            finally:
                self._inside = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._watchdog.forget(self)
        self._ended = self._ended or f"the relay closed the connection{f' ({exc})' if exc else ''}"
        try:
            # RFC 5321 §4.2.5: only the reply to the final dot says who is responsible for the letter
            if self._unsent:
                self._settle_all(Deferred(0, self._ended, "relay"))
            else:
                self._settle_all(Deferred(0, self._ended, "relay"), doubtful=Unknown(self._ended))
        finally:
            if not self.closed.done():
                self.closed.set_result(
                    Ending(self._ended, self._accepted, self._clean, self._broke_pipelining)
                )

    # What the watchdog calls

    def moved(self) -> object:
        return self._replies, len(self._unsent), self._transport.get_write_buffer_size()

    def patience(self, timeouts: Timeouts) -> float | None:
        if self._paused or self._unsent:
            return timeouts.block
        if not self._expected:
            return None
        return {
            Step.MAIL: timeouts.mail,
            Step.RCPT: timeouts.rcpt,
            Step.DATA: timeouts.data,
            Step.CONTENT: timeouts.dot,
            Step.LONE_DOT: timeouts.dot,
            Step.RSET: timeouts.mail,
            Step.QUIT: timeouts.quit,
        }[self._expected[0]]

    def time_out(self) -> None:
        step = self._expected[0]
        # A relay that swallows what comes right behind a content never answers the next envelope
        self._broke_pipelining |= self._pipelining and step < Step.CONTENT
        self.abort(f"the relay left us waiting too long ({step.name})")

    # Replies

    def _take(self, code: int, words: bytes) -> None:
        if (
            code == 421
        ):  # RFC 5321 §3.8: the relay goes away, and has taken nothing that it didn't acknowledge
            reply = clean(words.decode("utf-8", "replace"))
            self._settle_all(Deferred(421, reply, "relay"))
            self.abort(f"421 {reply}")
            return
        if not self._expected:
            self._lose_step("the relay spoke without being asked")
            return
        self._replies += 1
        step = self._expected.popleft()
        if step is _CONTENT:
            self._take_content(code, words)
        elif step is _DATA:
            self._take_data(code, words)
        elif step is _QUIT:
            self._ended = "done"
            self._transport.close()
        elif step is _LONE_DOT:
            self._refused()
        elif code >= 300:
            self._take_refusal(step, code, words)
        elif self._script:
            self._send(*self._script.popleft())

    def _take_refusal(self, step: Step, code: int, words: bytes) -> None:
        """RSET, MAIL or RCPT was refused."""
        if code < 400 or step is Step.RSET:
            self._lose_step(f"the relay answered {step.name} with {code}")
            return
        self._note_refusal(step, code, words)
        if self._script:
            self._script.clear()
            self._refused()

    def _take_data(self, code: int, words: bytes) -> None:
        if code == 354 and self._refusal is None:
            self._send_content()
        elif code == 354:  # RFC 2920 §3.1: no recipient was good and the relay wants content: the lone dot
            self._send(Step.LONE_DOT, b".\r\n")
        elif code < 400:
            self._lose_step(f"the relay answered DATA with {code}")
        else:
            self._note_refusal(Step.DATA, code, words)
            self._refused()

    def _take_content(self, code: int, words: bytes) -> None:
        if 300 <= code < 400:
            self._expected.appendleft(Step.CONTENT)
            self._lose_step(f"the relay answered a letter with {code}")
            return
        letter, self._doubtful = self._doubtful, None
        outcome = judge(_CONTENT, code, words.decode("utf-8", "replace"))
        if self._unsent:  # it answers before the end: a refusal counts, and then nothing fits any more
            if code < 300:
                outcome = Deferred(0, "the relay accepted the letter before it had it all", "relay")
            self._unsent.clear()
            self.abort("the relay answered in the middle of a letter")
        if code < 300:
            self._accepted += 1
        else:
            self._refused_letters += 1
        self._source.settle(cast(Letter, letter), outcome)

    def _note_refusal(self, step: Step, code: int, words: bytes) -> None:
        """The first refusal counts: after it, the relay answers 503 to the rest of the group."""
        if self._refusal is None:
            self._refusal = judge(step, code, words.decode("utf-8", "replace"))
            self._out_of_step = self._pipelining and code == 503

    def _refused(self) -> None:
        """The last reply to the envelope of a refused letter is in."""
        letter, refusal = cast(Letter, self._current), cast(Outcome, self._refusal)
        self._current = self._refusal = None
        self._needs_reset = True
        if self._out_of_step:  # nothing was wrong before this 503: the relay broke under the group
            self._out_of_step = self._pipelining = False
            self._broke_pipelining = True
            self._again = letter
            return
        self._refused_letters += 1
        self._source.settle(letter, refusal)
        if isinstance(refusal, Deferred) and refusal.blame == "relay":
            self.abort(f"{refusal.code} {refusal.reply}")

    def _lose_step(self, reason: str) -> None:
        """Replies and commands no longer match: nothing that comes now can be believed."""
        self._broke_pipelining |= self._pipelining
        self.abort(reason)

    # Commands

    def _advance(self) -> None:
        """Open the next envelope; or say QUIT, where there shall be no more."""
        if self._ended or self._clean:
            return
        if group := self._open():
            self._transport.write(group)
        elif self._retires() and not (self.in_flight or self._expected):
            self._clean = True
            self._send(Step.QUIT, b"QUIT\r\n")

    def _retires(self) -> bool:
        return (
            self._closing
            or self._letters_left <= 0
            or self._refused_letters >= REFUSALS
            or self._time() >= self._retire_at
        )

    def _open(self) -> bytes:
        """The next letter's envelope, ready to be written; empty where none may be, or none is there."""
        if self._current is not None or self._unsent or not (self._pipelining or self._doubtful is None):
            return b""
        while letter := self._next_letter():
            commands = address_commands(letter, self.capabilities)
            if not isinstance(commands, Rejected):
                self._current = letter
                self._letters_left -= 1
                return self._begin(*commands)
            self._source.settle(letter, commands)
        return b""

    def _next_letter(self) -> Letter | None:
        if self._ended:
            return None
        letter, self._again = self._again, None
        return letter or (None if self._retires() else self._source.next_letter())

    def _begin(self, mail: bytes, rcpt: bytes) -> bytes:
        """What to write first: the whole group, or in plain order its first command."""
        if self._pipelining and not self._needs_reset:
            self._expected.extend(_GROUP)
            return mail + rcpt + b"DATA\r\n"
        steps = [(_MAIL, mail), (_RCPT, rcpt), (_DATA, b"DATA\r\n")]
        if self._needs_reset:
            self._needs_reset = False
            steps.insert(0, (Step.RSET, b"RSET\r\n"))
        if self._pipelining:
            self._expected.extend(step for step, _ in steps)
            return b"".join(command for _, command in steps)
        first, *rest = steps
        self._script.extend(rest)
        self._expected.append(first[0])
        return first[1]

    def _send(self, step: Step, command: bytes) -> None:
        self._expected.append(step)
        self._transport.write(command)

    def _send_content(self) -> None:
        """The letter's content and, in the same write, the next letter's envelope."""
        letter = self._doubtful = cast(Letter, self._current)
        self._current = None
        self._expected.append(_CONTENT)
        if letter.size > SLICE:
            self._unsent.extend(_slices(letter.content))
            self._write_slices()
        else:
            self._transport.write(b"".join((*letter.content, b".\r\n", self._open())))

    def _write_slices(self) -> None:
        while self._unsent and not (self._paused or self._ended):
            piece = self._unsent.popleft()
            self._transport.write(piece if self._unsent else piece + b".\r\n" + self._open())

    # The end

    def _settle_all(self, outcome: Outcome, doubtful: Outcome | None = None) -> None:
        letters = self._doubtful, self._current, self._again
        self._doubtful = self._current = self._again = None
        for letter, became in zip(letters, (doubtful or outcome, outcome, outcome), strict=True):
            if letter is not None:
                self._source.settle(letter, became)


def _slices(content: Iterable[bytes]) -> Iterator[bytes]:
    """The same octets, at most SLICE at a time."""
    whole = memoryview(b"".join(content))
    for start in range(0, len(whole), SLICE):
        yield bytes(whole[start : start + SLICE])

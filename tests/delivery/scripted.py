"""Servers that answer as a test tells them, a source that keeps outcomes, and letters to send. Real sockets throughout."""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from mailer.delivery.envelope import Letter
from mailer.delivery.outcome import Outcome
from mailer.delivery.relay import Relay

HANG_UP = b"(hang up)"
SILENCE = b"(say nothing any more)"

GOOD = {
    b"EHLO": b"",  # made from `offers`
    b"HELO": b"250 relay.example.net\r\n",
    b"STARTTLS": b"220 2.0.0 Ready\r\n",
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RCPT": b"250 2.1.5 Ok\r\n",
    b"DATA": b"354 Go ahead\r\n",
    b"CONTENT": b"250 2.0.0 Ok: queued as 4T1\r\n",
    b"RSET": b"250 2.0.0 Ok\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


@dataclass
class Heard:
    """What one command was: its verb in capitals (CONTENT for a letter's content), its line or content, and how
    many of this verb the server has had by now."""

    verb: bytes
    said: bytes
    count: int


Answer = Callable[[Heard], bytes | None]


@dataclass
class ScriptedRelay:
    """An SMTP server on loopback. `answer` gives the reply to what was heard, None for the usual one."""

    answer: Answer = lambda heard: None
    offers: tuple[str, ...] = ("PIPELINING", "SIZE 50000000", "ENHANCEDSTATUSCODES")
    greeting: bytes = b"220 relay.example.net ESMTP\r\n"
    implicit_tls: bool = False
    tls: ssl.SSLContext | None = None
    receive_buffer: int = 0  # octets that the system takes while we don't read; 0: as it likes
    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    groups: list[bytes] = field(default_factory=list)  # octets as they came in one piece
    early: list[bytes] = field(default_factory=list)  # octets that came behind DATA, before its reply
    taken: list[bytes] = field(default_factory=list)  # contents that we answered with 2xx
    sessions: list["_Session"] = field(default_factory=list)
    counts: Counter[bytes] = field(default_factory=Counter)

    def verbs(self) -> list[str]:
        return [one.verb.decode() for one in self.heard]

    def relay(self, **options: object) -> Relay:
        fixed: dict[str, object] = {"host": "127.0.0.1", "port": self.port, "tls": "none", "name": "scripted"}
        return Relay(**{**fixed, **options})  # type: ignore[arg-type]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ScriptedRelay"]:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.bind(("127.0.0.1", 0))
        if self.receive_buffer:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        self.port = listening.getsockname()[1]
        server = await asyncio.get_running_loop().create_server(
            lambda: _Session(self), sock=listening, ssl=self.tls if self.implicit_tls else None
        )
        try:
            yield self
        finally:
            server.close()
            for session in self.sessions:
                session.transport.abort()


class _Session(asyncio.Protocol):
    def __init__(self, relay: ScriptedRelay) -> None:
        self.relay = relay
        self.buffer = bytearray()
        self.searched = 0
        self.mute = False
        self.in_content = False
        self.upgrading: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.relay.sessions.append(self)
        self.say(self.relay.greeting)

    def data_received(self, data: bytes) -> None:
        self.relay.groups.append(data)
        self.buffer += data
        if self.upgrading is None:
            self.read_on()

    def read_on(self) -> None:
        while self.buffer and not self.transport.is_closing():
            mark = b"\r\n.\r\n" if self.in_content else b"\r\n"
            # A content may be nothing but its final dot; and a large one is searched once, not at each piece of it
            end = (
                0
                if self.in_content and self.buffer.startswith(b".\r\n")
                else self.buffer.find(mark, self.searched)
            )
            if end < 0:
                self.searched = max(0, len(self.buffer) - len(mark))
                return
            lone = self.in_content and end == 0
            said = b"" if lone else bytes(self.buffer[: end + 2 * self.in_content])
            del self.buffer[: 3 if lone else end + len(mark)]
            self.searched = 0
            self.hear(said)

    def hear(self, said: bytes) -> None:
        verb = b"CONTENT" if self.in_content else said.split(b" ")[0].upper()
        self.in_content = False
        self.relay.counts[verb] += 1
        heard = Heard(verb, said, self.relay.counts[verb])
        self.relay.heard.append(heard)
        if verb == b"DATA" and self.buffer:
            self.relay.early.append(bytes(self.buffer))
        if self.mute:
            return
        reply = self.relay.answer(heard)
        self.mute = reply == SILENCE
        if reply is None:
            reply = self.ehlo() if verb == b"EHLO" else GOOD.get(verb, b"500 5.5.2 What?\r\n")
        if verb == b"CONTENT" and reply.startswith(b"2"):
            self.relay.taken.append(said)
        self.in_content = verb == b"DATA" and reply.startswith(b"354")
        if verb == b"STARTTLS":
            self.transport.pause_reading()  # what comes next is for the TLS layer
        self.say(reply)
        if verb == b"QUIT" and reply != SILENCE:
            self.transport.close()
        if verb == b"STARTTLS" and not reply.startswith(b"220"):
            self.transport.resume_reading()
        elif verb == b"STARTTLS":
            self.upgrading = asyncio.get_running_loop().create_task(self.upgrade())

    def ehlo(self) -> bytes:
        *first, last = ("relay.example.net", *self.relay.offers)
        return b"".join(b"250-%s\r\n" % line.encode() for line in first) + b"250 %s\r\n" % last.encode()

    def say(self, reply: bytes) -> None:
        if reply.endswith(HANG_UP):
            self.transport.write(reply.removesuffix(HANG_UP))
            self.transport.close()
        elif reply != SILENCE:
            self.transport.write(reply)

    async def upgrade(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(
                self.transport, self, cast(ssl.SSLContext, self.relay.tls), server_side=True
            )
        except (OSError, ConnectionError):
            return  # the client didn't like our certificate
        self.transport = cast(asyncio.Transport, transport)
        self.upgrading = None  # what came with the end of the handshake waited until now
        self.read_on()


class Outbox:
    """A source with these letters; it keeps what became of each, and that each was settled once."""

    def __init__(self, letters: Iterable[Letter]) -> None:
        self.letters = list(letters)
        self.given = 0
        self.outcomes: dict[int, Outcome] = {}
        self.settled: list[int] = []
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def next_letter(self) -> Letter | None:
        if not self.letters:
            return None
        self.given += 1
        return self.letters.pop(0)

    def settle(self, letter: Letter, outcome: Outcome) -> None:
        self.settled.append(letter.number)
        self.outcomes[letter.number] = outcome
        for count, future in self._waiting:
            if len(self.settled) >= count and not future.done():
                future.set_result(None)

    async def all_settled(self, count: int) -> list[Outcome]:
        """The outcomes in the order of their letters, once `count` letters have one."""
        if len(self.settled) < count:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((count, future))
            await asyncio.wait_for(future, 20)
        assert len(self.settled) == len(self.outcomes), "a letter was settled twice"
        return [self.outcomes[number] for number in sorted(self.outcomes)]


def make_letter(number: int = 1, **values: object) -> Letter:
    pieces = [b"Subject: letter %d\r\n\r\n" % number, b"Hello ", b"reader %d" % number, b"\r\n"]
    content = cast(list[bytes], values.pop("content", pieces))
    fixed: dict[str, object] = {
        "number": number,
        "sender": f"bounce+{number}@example.org",
        "recipient": f"reader{number}@example.com",
        "content": content,
        "size": sum(map(len, content)),
    }
    return Letter(**{**fixed, **values})  # type: ignore[arg-type]


def make_letters(count: int) -> list[Letter]:
    return [make_letter(number) for number in range(1, count + 1)]


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until `condition` holds."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)

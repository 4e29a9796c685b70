"""A light SMTP server that takes everything, as fast as it can, and counts by recipient. For tests and load."""

import asyncio
import ssl
from collections import Counter
from types import TracebackType
from typing import Self, cast

_HELLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 0\r\n"


class Sink:
    """`async with Sink() as sink`.

    refuse: recipient → reply to RCPT. answer: reply to the final dot. letters_a_connection: after so many it hangs
    up without a word. hangs_up_on: at this recipient's RCPT it does so too. silent: it never says anything.
    tls: it speaks TLS from the start.
    """

    def __init__(self, *, keep: bool = False) -> None:
        self.taken: Counter[str] = Counter()
        self.letters: list[tuple[str, str, bytes]] = []  # sender, recipient, content: where `keep` says so
        self.refuse: dict[str, bytes] = {}
        self.answer = b"250 2.0.0 taken\r\n"
        self.letters_a_connection = 0
        self.hangs_up_on = ""
        self.silent = False
        self.tls: ssl.SSLContext | None = None
        self.keep = keep
        self.connections: set[asyncio.Transport] = set()
        self.most_connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?tls=none&name=sink"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), "127.0.0.1", self.port, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Go away as a crashed relay does."""
        self._server.close()
        for transport in list(self.connections):
            transport.abort()


class _Connection(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._buffer = b""
        self._in_data = False
        self._sender = self._recipient = ""
        self._letters = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._sink.connections.add(self._transport)
        self._sink.most_connections = max(self._sink.most_connections, len(self._sink.connections))
        if not self._sink.silent:
            self._transport.write(b"220 sink\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._sink.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        replies = []
        while True:
            end = b"\r\n.\r\n" if self._in_data else b"\r\n"
            found = self._buffer.find(end)
            if found < 0:
                break
            piece, self._buffer = self._buffer[:found], self._buffer[found + len(end) :]
            replies.append(self._content(piece) if self._in_data else self._command(piece))
        if replies and not self._transport.is_closing():
            self._transport.write(b"".join(replies))
        if self._sink.letters_a_connection and self._letters >= self._sink.letters_a_connection:
            self._transport.close()

    def _content(self, content: bytes) -> bytes:
        self._in_data = False
        self._letters += 1
        sink = self._sink
        if sink.answer.startswith(b"2"):
            sink.taken[self._recipient] += 1
            if sink.keep:
                sink.letters.append((self._sender, self._recipient, content + b"\r\n"))
        return sink.answer

    def _command(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"MAIL":
            self._sender, self._recipient = _address(line), ""
        elif verb == b"RCPT":
            recipient = _address(line)
            if (refusal := self._sink.refuse.get(recipient)) is not None:
                return refusal
            self._recipient = recipient
            if recipient == self._sink.hangs_up_on:
                self._transport.abort()
        elif verb == b"DATA":
            if not self._recipient:
                return b"503 5.5.1 no recipient\r\n"
            self._in_data = True
            return b"354 go on\r\n"
        elif verb == b"EHLO":
            return _HELLO
        elif verb == b"QUIT":
            self._transport.write(b"221 bye\r\n")
            self._transport.close()
        return b"250 2.0.0 ok\r\n"


def _address(line: bytes) -> str:
    return line[line.find(b"<") + 1 : line.find(b">")].decode()

"""A line between a worker and a server that can be cut: a small TCP proxy in this process."""

import asyncio
from types import TracebackType
from typing import Self, cast

Target = str | tuple[str, int]
"""A Unix socket's file, or host and port."""


class _End(asyncio.Protocol):
    """One side of a connection; what it receives, its `other` side writes."""

    def __init__(self, line: "Line") -> None:
        self._line = line
        self._early: list[bytes] = []
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._line.ends.add(self)
        if self._line.silent:
            self.transport.pause_reading()
        if self.other is not None and self.other.transport is not None:  # the far side: it is complete now
            self.transport.writelines(self.other._early)

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)
        else:
            self._early.append(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None and not self._line.silent:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._line.ends.discard(self)
        if self.other is not None and self.other.transport is not None and not self._line.silent:
            self.other.transport.close()


class _Near(_End):
    """The client's side: it opens the far side when somebody connects."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.other = _End(self._line)
        self.other.other = self
        self._opening = asyncio.create_task(self._open(self.other))

    async def _open(self, far: _End) -> None:
        loop, target = asyncio.get_running_loop(), self._line.target
        try:
            if isinstance(target, str):
                await loop.create_unix_connection(lambda: far, target)
            else:
                await loop.create_connection(lambda: far, *target)
        except OSError:
            if self.transport is not None:
                self.transport.abort()


class Line:
    """`async with Line(target) as line`: 127.0.0.1:`port` leads to the target, until it is cut."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.port = 0
        self.silent = False
        self.ends: set[_End] = set()

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()

    def cut(self) -> None:
        """As when the server goes away: connections break, new ones are refused."""
        self._server.close()
        for end in list(self.ends):
            if end.transport is not None:
                end.transport.abort()

    def hush(self) -> None:
        """As when a cable is pulled: connections stand, and nothing comes through any more."""
        self.silent = True
        for end in self.ends:
            if end.transport is not None:
                end.transport.pause_reading()

    async def mend(self) -> None:
        """The line leads to its target again; after `hush`, what was sent meanwhile comes through too."""
        if self.silent:
            self.silent = False
            for end in list(self.ends):
                if end.transport is not None and end.other in self.ends:
                    end.transport.resume_reading()
                elif (
                    end.transport is not None
                ):  # its other side went away meanwhile, and nobody could tell it
                    end.transport.abort()
            return
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Near(self), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

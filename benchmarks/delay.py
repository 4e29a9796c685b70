"""A proxy that makes each octet arrive later, as a distant relay would: python -m benchmarks.delay PORT SECONDS."""

import asyncio
import socket
import sys
from collections import deque
from typing import cast

import uvloop


class _Side(asyncio.Protocol):
    """One direction: what it receives, its `other` side writes after `delay` seconds."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._late: deque[bytes] = deque()
        self.other: _Side | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._late.append(data)
        asyncio.get_running_loop().call_later(self._delay, self._forward)

    def _forward(self) -> None:
        data = self._late.popleft()
        if self.other and self.other.transport and not self.other.transport.is_closing():
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other and self.other.transport:
            asyncio.get_running_loop().call_later(2 * self._delay, self.other.transport.close)


class _Near(_Side):
    """The client's side: it opens the far side when somebody connects."""

    def __init__(self, delay: float, port: int) -> None:
        super().__init__(delay)
        self._port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.other = _Side(self._delay)
        self.other.other = self
        far = self.other
        self._opening = asyncio.create_task(
            asyncio.get_running_loop().create_connection(lambda: far, "127.0.0.1", self._port)
        )


async def serve(port: int, delay: float) -> None:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Near(delay, port), sock=listening)
    print(listening.getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2])))

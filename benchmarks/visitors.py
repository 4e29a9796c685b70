"""Visitors who sign up, as a process of their own: `python -m benchmarks.visitors PORT SECONDS CONNECTIONS [RATE]`.

Each connection is kept, and sends its next form when the page for the last one is whole; with a RATE, forms are
sent at so many a second, whatever became of earlier ones. Addresses, mail domains and networks are all different.
Prints a Visit as JSON.
"""

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

import uvloop


@dataclass(frozen=True, slots=True)
class Visit:
    """What visitors saw: requests that were answered "check your mail", and others. times: seconds, sorted."""

    seconds: float
    good: int
    failed: int
    times: list[float]

    @property
    def rate(self) -> float:
        return self.good / self.seconds

    def within(self, share: float) -> float:
        """Milliseconds within which this share of all requests was answered."""
        return self.times[min(int(len(self.times) * share), len(self.times) - 1)] * 1000


def request(number: int) -> bytes:
    """A form as a browser sends it, from a network of its own (our server trusts loopback as its proxy)."""
    name = f"{os.getpid()}-{number}"
    fields = {"address": f"visitor{name}@d{name}.example.org", "frequency": "weekly", "homepage": ""}
    body = urlencode(fields).encode()
    network = f"{20 + number % 100}.{number // 100 % 250}.{number // 25_000 % 250}.9"
    head = (
        "POST /subscribe HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\nAccept-Language: en\r\n"
        "Sec-Fetch-Site: same-origin\r\nOrigin: http://127.0.0.1:8000\r\n"
        f"X-Forwarded-For: {network}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection:
    """One visitor after the other over one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, number: int) -> bool:
        """Whether the answer was the page that tells to look for a mail."""
        self._writer.write(request(number))
        head = await self._reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        page = await self._reader.readexactly(size)
        return head.startswith(b"HTTP/1.1 200") and b'id="answer"' in page

    def close(self) -> None:
        self._writer.close()


async def visit(port: int, seconds: float, connections: int, rate: float) -> Visit:
    free = asyncio.Queue[Connection]()
    everybody = [await Connection.open(port) for _ in range(connections)]
    for one in everybody:
        free.put_nowait(one)
    times: list[float] = []
    answers: list[bool] = []
    began = time.perf_counter()

    async def send(number: int, due: float) -> None:
        """due: a visitor who has to wait for a free connection waits for us too."""
        connection = await free.get()
        try:
            answers.append(await connection.ask(number))
        except (OSError, asyncio.IncompleteReadError):
            answers.append(False)
            connection = await Connection.open(port)
        times.append(time.perf_counter() - due)
        free.put_nowait(connection)

    async def in_turn(first: int) -> None:
        number = first
        while (now := time.perf_counter()) - began < seconds:
            await send(number, now)
            number += connections

    if rate:
        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds * rate)):
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(send(number, due))
    else:
        await asyncio.gather(*(in_turn(first) for first in range(connections)))
    took = time.perf_counter() - began
    for one in everybody:
        one.close()
    good = sum(answers)
    return Visit(took, good, len(answers) - good, sorted(times))


if __name__ == "__main__":
    port, seconds, connections, *rest = sys.argv[1:]
    seen = uvloop.run(visit(int(port), float(seconds), int(connections), float(rest[0] if rest else 0)))
    print(json.dumps(asdict(seen)))

"""Read what strangers wrote in a process of its own, which has limits on time and memory and may be killed.

The parent keeps one process and gives it one document after the other: a JSON line that says how to read it, its
length, its bytes. It answers with one JSON line. A document that takes too long, or too much memory,
costs that process and an error for that document; the next one gets a fresh process.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from mailer.news.decode import NotReadable
from mailer.news.entry import FeedContent
from mailer.news.item import Draft
from mailer.news.page import Page, read_page
from mailer.news.parse import parse

_MAX_ANSWER = 64 * 1024 * 1024
_PASSED_ON = ("PATH", "LANG", "SYSTEMROOT", "VIRTUAL_ENV")  # no secrets, no database address
_OURSELVES = {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
_START = "from mailer.news.cage import serve; serve()"
_STARTING_SECONDS = 60.0
"""For the process to be there; a busy machine is no document's fault."""


class Cage:
    """Use as `async with Cage() as cage`. seconds: for one document. megabytes: of address space."""

    def __init__(self, seconds: float = 20.0, megabytes: int = 1024) -> None:
        self.seconds = seconds
        self.megabytes = megabytes
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def feed(self, content: bytes, url: str, content_type: str = "") -> FeedContent:
        """The drafts of a feed. Raises NotReadable, with a message that says what to do."""
        answer = await self._ask(content, how="feed", url=url, content_type=content_type)
        drafts = [_draft(values) for values in answer["drafts"]]
        return FeedContent(answer["title"], answer["language"], drafts, answer["skipped"])

    async def page(self, content: bytes, url: str, content_type: str, known: Iterable[str]) -> Page:
        """The article of a web page, and what it offers as related. Raises NotReadable.

        known: the labels that a mapping knows, as label_key writes them.
        """
        answer = await self._ask(content, how="page", url=url, content_type=content_type, known=sorted(known))
        return Page(_draft(answer["article"]), tuple(_draft(values) for values in answer["related"]))

    async def _ask(self, content: bytes, **task: Any) -> Any:
        async with self._lock:
            try:
                async with asyncio.timeout(_STARTING_SECONDS):
                    process = await self._started()
                async with asyncio.timeout(self.seconds):
                    line = await self._exchange(process, content, task)
            except (ConnectionError, ValueError):  # it ended, or its answer was larger than we take
                line = b""
            except BaseException as error:
                await self._kill()
                if isinstance(error, TimeoutError):
                    words = f"reading it took longer than {self.seconds:g} seconds, so we stopped"
                    raise NotReadable(words) from None
                raise
            if not line:
                await self._kill()
                raise NotReadable("reading it broke down, most likely for want of memory, so we stopped")
        answer = json.loads(line)
        if "error" in answer:
            raise NotReadable(answer["error"])
        return answer

    async def _started(self) -> asyncio.subprocess.Process:
        """The process, which has said that it listens."""
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-c", _START, str(self.megabytes)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _OURSELVES,
                limit=_MAX_ANSWER,
            )
            if self._process.stdout is None or not await self._process.stdout.readline():
                raise BrokenPipeError("the process ended before it could listen")
        return self._process

    @staticmethod
    async def _exchange(process: asyncio.subprocess.Process, content: bytes, task: dict[str, Any]) -> bytes:
        to_child, from_child = process.stdin, process.stdout
        if to_child is None or from_child is None:
            raise BrokenPipeError("the process has no pipes")
        to_child.write(json.dumps({**task, "length": len(content)}).encode() + b"\n" + content)
        await to_child.drain()
        return await from_child.readline()

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._kill()


def _draft(values: dict[str, Any]) -> Draft:
    day = values["published_on"]
    return Draft(
        **{
            **values,
            "published_on": date.fromisoformat(day) if day else None,
            "labels": tuple(values["labels"]),
        }
    )


def serve() -> None:
    """The life of the caged process: read tasks from standard input until it ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is not an answer
    _limit(int(sys.argv[1]))
    tasks = sys.stdin.buffer
    answers.write(b"listening\n")
    answers.flush()
    while line := tasks.readline():
        task = json.loads(line)
        answers.write(_answer(task, _exactly(tasks, task["length"])) + b"\n")
        answers.flush()


def _limit(megabytes: int) -> None:
    """Address space, no core dumps, no files: where the system knows such limits (not on Windows)."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _exactly(source: BinaryIO, length: int) -> bytes:
    content = source.read(length)
    if len(content) < length:
        raise SystemExit(1)  # the parent is gone
    return content


def _answer(task: dict[str, Any], content: bytes) -> bytes:
    try:
        if task["how"] == "page":
            found: Page | FeedContent = read_page(content, task["url"], task["content_type"], task["known"])
        else:
            found = parse(content, task["url"], task["content_type"])
        return json.dumps(asdict(found), default=date.isoformat).encode()
    except NotReadable as error:
        return json.dumps({"error": str(error)}).encode()
    except MemoryError:
        raise SystemExit(1) from None
    except Exception as error:
        # Parsers fail in ways of their own on hostile input; here that is one document's error, not ours.
        return json.dumps({"error": f"it can't be read ({type(error).__name__})"}).encode()

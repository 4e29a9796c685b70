"""The work engine: carries numbers to handlers and fires timers, in memory or on PostgreSQL.

In come names and numbers, nothing else: the truth stays in our own tables. A job can be lost (the memory
goes with its process) or run twice (a worker that was too slow), so each handler looks in its tables what
is left to do, and a timer puts unfinished work back. This is the only file that imports pgqueuer, and it
does so where it is used: the import takes half a second.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from mailer.database import Database

if TYPE_CHECKING:
    from pgqueuer import PgQueuer

Handler = Callable[[int], Awaitable[None]]
Timer = Callable[[], Awaitable[None]]

AT_ONCE = 8
"""Jobs that one process works on side by side. A job is a batch, so this need not be large."""

HEARTBEAT = timedelta(seconds=10)
"""A job whose worker said nothing for so long is given to another."""

LOOK_AGAIN = timedelta(seconds=5)
"""How often an idle worker looks by itself, in case it missed a call."""

GRACE = 1.2
"""Seconds that running jobs have to end when we stop; then they are cancelled."""

TIDY = "41 * * * *"
"""When the engine's own log is emptied: once an hour, in one process."""

LONGEST_PAUSE = 30.0
"""Seconds between two attempts to reach a queue that is gone."""

log = structlog.get_logger(__name__)


class EngineError(RuntimeError):
    """The queue isn't there at all; the message says what to do."""


class Engine:
    """Tasks and timers are named first, then `run` works until told to stop; `enqueue` works at any time."""

    def __init__(self, connect_arguments: Mapping[str, Any] | None) -> None:
        self._connect_arguments = connect_arguments
        self._tasks: dict[str, Handler] = {}
        self._timers: dict[str, tuple[str, Timer]] = {}
        self._lock = asyncio.Lock()
        self._opened = AsyncExitStack()
        self._queue: Any = None
        self.tidy_when = TIDY

    @classmethod
    def in_memory(cls) -> "Engine":
        """For one process beside SQLite: jobs are gone with it."""
        return cls(None)

    @classmethod
    def beside(cls, database: Database) -> "Engine":
        """The engine that goes with a database: in memory beside SQLite, else in PostgreSQL itself."""
        if database.is_sqlite:
            return cls.in_memory()
        _, arguments = database.url.get_dialect()().create_connect_args(database.url)
        return cls(arguments)

    def task(self, name: str, handler: Handler) -> None:
        """Call `handler(number)` for each number enqueued under the name. It must bear being called twice."""
        self._tasks[name] = handler

    def every(self, name: str, when: int | str, handler: Timer) -> None:
        """Call `handler()` on a timer, in one process only. when: seconds, or a cron expression in UTC."""
        self._timers[name] = (when if isinstance(when, str) else _cron(when), handler)

    async def enqueue(self, name: str, *numbers: int, ahead: bool = False) -> None:
        """Put numbers before the workers; a number that waits already is not put there twice.

        ahead: before everything that isn't. A queue that can't be reached is logged and is no error:
        a timer puts the work there again.
        """
        if not numbers:
            return
        size = len(numbers)
        try:
            queue = await self._open_queue()
            await queue.enqueue(
                [name] * size,
                [str(number).encode() for number in numbers],
                [int(ahead)] * size,
                dedupe_key=[f"{name}:{number}" for number in numbers],
                on_conflict="skip",
            )
        except _lost() as error:
            log.warning("could not enqueue; a timer will try again", task=name, jobs=size, error=str(error))
            await self.close()  # a connection that was cut in mid-word stays unusable: begin with new ones

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; when PostgreSQL goes away, wait for it. Raises EngineError before migration."""
        pause = 0.5
        while not stop.is_set():
            began = asyncio.get_running_loop().time()
            try:
                async with self._connected() as queue:
                    await self._work(queue, stop)
            except _lost() as error:
                if asyncio.get_running_loop().time() - began > LONGEST_PAUSE:
                    pause = 0.5
                log.warning("the work queue is out of reach", error=str(error), again_in_seconds=pause)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def install(self) -> None:
        """Make or renew the queue's tables on PostgreSQL; safe to repeat. In memory there is nothing to make."""
        if self._connect_arguments is None:
            return
        import asyncpg
        from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
        from pgqueuer.adapters.persistence.queries import Queries

        connection = await asyncpg.connect(**self._connect_arguments)
        try:
            queue = Queries(AsyncpgDriver(connection))
            if await queue.schema_is_installed():
                await queue.upgrade()
            else:
                await queue.install()
        finally:
            await connection.close()

    async def close(self) -> None:
        """Let go of the connections that `enqueue` opened."""
        async with self._lock:
            self._queue = None
            await self._opened.aclose()

    async def _work(self, queue: Any, stop: asyncio.Event) -> None:
        from pgqueuer import PgQueuer

        worker = PgQueuer(connection=queue.driver, queries=queue)
        self._register(worker, queue)
        running = asyncio.create_task(
            worker.run(
                batch_size=AT_ONCE // 2,
                max_concurrent_tasks=AT_ONCE,
                dequeue_timeout=LOOK_AGAIN,
                heartbeat_timeout=HEARTBEAT,
                shutdown_on_listener_failure=True,
                log_aggregation_interval=timedelta(0),  # statistics of jobs that nobody reads
            )
        )
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            worker.shutdown.set()
            await asyncio.wait({running}, timeout=GRACE)
        finally:
            stopping.cancel()
            running.cancel()
            await asyncio.wait({running})
        if not running.cancelled() and (error := running.exception()) is not None:
            raise error

    def _register(self, worker: "PgQueuer", queue: Any) -> None:
        def entrypoint(name: str, handler: Handler) -> None:
            @worker.entrypoint(name, accepts_context=False)
            async def _(job: Any) -> None:
                await handler(int(job.payload or b"0"))

        def schedule(name: str, expression: str, handler: Timer) -> None:
            @worker.schedule(name, expression, accepts_context=False)
            async def _(_schedule: Any) -> None:
                await handler()

        # The engine notes three rows a job. What became of our letters stands in the ledger, so they can go.
        timers = {**self._timers, "tidy": (self.tidy_when, queue.clear_queue_log)}
        for name, handler in self._tasks.items():
            entrypoint(name, handler)
        for name, (expression, timer) in timers.items():
            schedule(name, expression, timer)

    async def _open_queue(self) -> Any:
        """The queue that `enqueue` writes to, opened at its first use."""
        async with self._lock:
            if self._queue is None:
                self._queue = await self._opened.enter_async_context(self._connection())
            return self._queue

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        """The queue to work on: the one in memory, or PostgreSQL's through connections of their own.

        On PostgreSQL each attempt begins with new ones, so nothing broken is carried over a restart.
        """
        if self._connect_arguments is None:
            yield await self._open_queue()
            return
        async with self._connection() as queue:
            if not await queue.schema_is_installed():
                raise EngineError("The database is not ready. Run `mailer migrate` first.")
            yield queue

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        if self._connect_arguments is None:
            from pgqueuer.adapters.inmemory import InMemoryDriver, InMemoryQueries

            yield InMemoryQueries(driver=InMemoryDriver())
            return
        import asyncpg
        from pgqueuer.adapters.drivers.asyncpg import AsyncpgPoolDriver
        from pgqueuer.adapters.persistence.queries import Queries

        pool = await asyncpg.create_pool(**self._connect_arguments, min_size=1, max_size=4)
        try:
            yield Queries(AsyncpgPoolDriver(pool))
        finally:
            try:
                await asyncio.wait_for(pool.close(), timeout=0.5)
            except _lost():
                pool.terminate()


def _cron(seconds: int) -> str:
    """The cron expression of an interval; a sixth field counts seconds."""
    if 0 < seconds < 60 and 60 % seconds == 0:
        return f"* * * * * */{seconds}"
    if seconds % 60 == 0 and 0 < seconds <= 3600 and 3600 % seconds == 0:
        return f"*/{seconds // 60} * * * *"
    raise ValueError(f"{seconds} seconds don't divide a minute or an hour evenly")


def _lost() -> tuple[type[Exception], ...]:
    """The exceptions that mean: the queue can't be reached now."""
    import asyncpg
    from pgqueuer.errors import PgqException

    return (
        OSError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,  # cut off in the middle of an operation
        PgqException,
    )

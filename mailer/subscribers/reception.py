"""Where sign-ups wait for their turn: those that wait at the same time are written in one transaction.

A commit costs about as much as all the rest, and what a group shares (wording, edition, batch) is looked up
once. Who comes alone is written alone, at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mailer.choices import Choices
from mailer.database import Database
from mailer.settings import Settings
from mailer.subscribers.signup import Request, sign_up
from mailer.tools.clock import Clock

Wake = Callable[[int], Awaitable[None]]
"""Is told the batch of letters once the transaction that wrote them is committed."""

GROUP = 50
"""Sign-ups in one transaction at most: the last of them waits for all."""

PAUSE = 0.002
"""Seconds. Who comes alone waits so long for others."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    request: Request
    offered: Choices
    written: asyncio.Future[None]

    def answer(self, error: Exception | None) -> None:
        if self.written.done():  # the visitor is gone
            return
        if error is None:
            self.written.set_result(None)
        else:
            self.written.set_exception(error)


class Reception:
    """One per process."""

    def __init__(self, settings: Settings, database: Database, clock: Clock, wake: Wake) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._wake = wake
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def sign_up(self, offered: Choices, request: Request) -> None:
        """Returns once it is committed; raises what went wrong with it."""
        one = _Waiting(request, offered, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await one.written

    async def _write(self) -> None:
        while self._waiting:
            await self._gather()
            group = self._next_group()
            error = await self._commit(group)
            if error is not None and len(group) > 1:  # nobody fails because of somebody else
                for one in group:
                    one.answer(await self._commit([one]))
            elif error is not None:
                group[0].answer(error)

    async def _gather(self) -> None:
        """Wait as long as somebody new comes in every PAUSE."""
        before = 0
        while before < len(self._waiting) < GROUP:
            before = len(self._waiting)
            await asyncio.sleep(PAUSE)

    def _next_group(self) -> list[_Waiting]:
        """Those who came first, for different addresses and with the same choices on offer."""
        group: dict[str, _Waiting] = {}
        later: list[_Waiting] = []
        for one in self._waiting:
            key = one.request.address.key
            fits = len(group) < GROUP and key not in group and one.offered is self._waiting[0].offered
            if fits:
                group[key] = one
            else:
                later.append(one)
        self._waiting = later
        return list(group.values())

    async def _commit(self, group: list[_Waiting]) -> Exception | None:
        """Write them and answer them; what went wrong is returned, and then nobody is answered."""
        requests = [one.request for one in group]
        try:
            async with self._database.brief() as db:
                batch = await sign_up(db, self._settings, group[0].offered, requests, self._clock())
        except Exception as error:
            return error
        for one in group:
            one.answer(None)
        if batch is not None:
            await self._wake(batch)
        return None

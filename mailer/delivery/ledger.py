"""What a worker does to the ledger: claims letters, writes outcomes, keeps its lease. The hot path's only queries.

Every change of state is a guarded UPDATE over a whole group: on SQLite one statement with a JSON
parameter, inline on the loop; on PostgreSQL one statement with arrays, and SKIP LOCKED for the claim.
"""

import json
import os
import socket
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy import (
    BigInteger,
    Row,
    SmallInteger,
    String,
    TextClause,
    bindparam,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.database import Database
from mailer.delivery import lease
from mailer.delivery.compose import Claimed, Stored
from mailer.delivery.epoch import EpochFile
from mailer.delivery.mailings import HANDED, MailingState
from mailer.tables import Instant, batch, block, edition, ledger, mailing, worker


class Result(NamedTuple):
    """What is written of one letter: `status` and what belongs to it."""

    number: int
    reply: str
    # Letters that have all of these alike are written together
    worker: int
    status: str
    due_at: datetime | None  # of a deferred letter: its next try
    relay: str | None
    code: int | None
    blame: str | None
    counted: bool = True  # False: it was no attempt, the letter was only put off


# A letter may be claimed while its mailing is open and hasn't expired, by a worker whose lease runs.
_MAY_LEAVE = """l.done_at IS NULL AND l.status IN ('due', 'deferred') AND l.due_at <= :now
    AND m.state = 'open' AND (m.expires_at IS NULL OR m.expires_at > :now)"""
_ROW = "ledger.id, ledger.batch_id, ledger.edition_id, ledger.recipient, ledger.reference, ledger.address, ledger.attempts"

_CLAIM_SQLITE = text(
    f"""
    UPDATE ledger SET status = 'handed', worker_id = :worker, attempts = attempts + 1
    WHERE id IN (
        SELECT l.id FROM ledger l JOIN mailing m ON m.id = l.mailing_id
        WHERE l.batch_id IN (SELECT value FROM json_each(:batches)) AND {_MAY_LEAVE}
        LIMIT :limit)
    AND EXISTS (SELECT 1 FROM worker WHERE id = :worker AND lease_until > :uptime)
    RETURNING {_ROW}"""  # noqa: S608 - only our own words are put in
).bindparams(bindparam("now", type_=Instant), bindparam("uptime", type_=Instant))

# FOR KEY SHARE: who takes letters back deletes the worker's row first, and so waits for us or we for them.
_CLAIM_POSTGRESQL = text(
    f"""
    WITH me AS (
        SELECT id FROM worker WHERE id = :worker AND lease_until > clock_timestamp() FOR KEY SHARE),
    picked AS (
        SELECT l.id FROM ledger l JOIN mailing m ON m.id = l.mailing_id
        WHERE l.batch_id = ANY(:batches) AND {_MAY_LEAVE}
        LIMIT :limit FOR UPDATE OF l SKIP LOCKED)
    UPDATE ledger SET status = 'handed', worker_id = :worker, attempts = attempts + 1
    FROM picked, me WHERE ledger.id = picked.id
    RETURNING {_ROW}"""  # noqa: S608 - only our own words are put in
).bindparams(bindparam("now", type_=Instant), bindparam("batches", type_=ARRAY(BigInteger)))

_NEXT_EPOCH = text("UPDATE epoch SET value = value + 1 RETURNING value")

# A row is ours as long as nobody else was handed it: also when our lease ended and it was taken back.
_SET = """UPDATE ledger SET status = :status, attempts = attempts - :back, done_at = :done_at,
    due_at = coalesce(:due_at, ledger.due_at), relay = :relay, code = :code, reply = j.reply, blame = :blame"""
# What became unknown stays so until a last word comes: only a person sends it again.
_OURS = """ledger.id = j.id AND ledger.worker_id = :worker
    AND (ledger.status IN ('handed', 'due') OR ledger.status = 'unknown' AND :status <> 'deferred')"""

_SETTLE_SQLITE = text(
    f"""{_SET} FROM (SELECT CAST(key AS INTEGER) AS id, value AS reply FROM json_each(:replies)) AS j
    WHERE {_OURS}"""  # noqa: S608
).bindparams(bindparam("done_at", type_=Instant), bindparam("due_at", type_=Instant))
_SETTLE_POSTGRESQL = text(f"{_SET} FROM unnest(:ids, :replies) AS j(id, reply) WHERE {_OURS}").bindparams(
    bindparam("ids", type_=ARRAY(BigInteger)),
    bindparam("replies", type_=ARRAY(String)),
    bindparam("done_at", type_=Instant),
    bindparam("due_at", type_=Instant),
    bindparam("relay", type_=String),
    bindparam("code", type_=SmallInteger),
    bindparam("back", type_=SmallInteger),
    bindparam("blame", type_=String),
)

_RELEASE = """UPDATE ledger SET status = 'due', worker_id = NULL, attempts = attempts - 1
    WHERE worker_id = :worker AND status = 'handed'"""
_RELEASE_SQLITE = text(_RELEASE + " AND id IN (SELECT value FROM json_each(:ids))")  # noqa: S608
_RELEASE_POSTGRESQL = text(_RELEASE + " AND id = ANY(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(BigInteger))
)


class LedgerDown(Exception):
    """The database can't be reached or is busy; it may well be there again soon."""


class LedgerFull(LedgerDown):
    """Nothing can be written any more until a person makes room."""


_MISTAKES = (DataError, IntegrityError, NotSupportedError, ProgrammingError)


@contextmanager
def trouble() -> Iterator[None]:
    """The database's ways to fail, as ours. Mistakes in a statement stay what they are."""
    try:
        yield
    except _MISTAKES:
        raise
    except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        words = str(getattr(error, "orig", error)) or type(error).__name__
        full = "is full" in words or "readonly" in words or "No space left" in words
        raise (LedgerFull if full else LedgerDown)(words) from error


class Ledger:
    """The ledger as one worker sees it. Every method is one short transaction."""

    def __init__(self, database: Database, epoch: EpochFile) -> None:
        self._database = database
        self._epoch = epoch
        self._sqlite = database.is_sqlite
        self.worker = 0

    async def _run(self, statement: TextClause, **values: Any) -> Sequence[Row[Any]]:
        with trouble():
            if self._sqlite:
                async with self._database.inline() as inline:
                    result = inline.execute(statement, values)
                    return result.all() if result.returns_rows else ()
            async with self._database.transaction() as db:
                result = await db.execute(statement, values)
                return result.all() if result.returns_rows else ()

    async def _run_all(self, statement: TextClause, groups: Sequence[dict[str, Any]]) -> None:
        """The same statement for each group, in one transaction."""
        with trouble():
            if self._sqlite:
                async with self._database.inline() as inline:
                    for values in groups:
                        inline.execute(statement, values)
                return
            async with self._database.transaction() as db:
                for values in groups:
                    await db.execute(statement, values)

    async def enrol(self, now: datetime) -> int:
        """Become a worker with a fresh lease. Returns how many there are now. Raises Restored."""
        name = f"{socket.gethostname()}:{os.getpid()}"[:80]
        with trouble():
            async with self._database.transaction() as db:
                await self._epoch.open(db)
                values = {"name": name, "started_at": now, "lease_until": lease.end(db)}
                enrolled = await db.execute(insert(worker).values(values).returning(worker.c.id))
                self.worker = enrolled.scalar_one()
                return await self._workers(db)

    async def _workers(self, db: AsyncConnection) -> int:
        alive = select(func.count()).where(worker.c.lease_until > lease.present(db))
        return int((await db.execute(alive)).scalar_one())

    async def renew(self) -> int:
        """Returns how many workers there are. 0: the lease has ended, and our letters may be another's by now."""
        with trouble():
            async with self._database.transaction() as db:
                mine = update(worker).where(
                    worker.c.id == self.worker, worker.c.lease_until > lease.present(db)
                )
                renewed = await db.execute(mine.values(lease_until=lease.end(db)).returning(worker.c.id))
                return await self._workers(db) if renewed.first() else 0

    async def leave(self) -> None:
        """Give up the lease; nothing may be handed to us any more."""
        self._epoch.close()
        await self._run(text("DELETE FROM worker WHERE id = :worker"), worker=self.worker)

    async def claim(self, batches: Collection[int], limit: int, now: datetime) -> list[Claimed]:
        """due → handed, for at most `limit` letters of these batches. The last look at consent is here:
        what was withdrawn is no longer due. Raises Restored."""
        values: dict[str, Any] = {"worker": self.worker, "limit": limit, "now": now}
        with trouble():
            if self._sqlite:
                values |= {"batches": json.dumps(list(batches)), "uptime": lease.uptime()}
                async with self._database.inline() as inline:
                    rows = inline.execute(_CLAIM_SQLITE, values).all()
                    value = inline.execute(_NEXT_EPOCH).scalar_one() if rows else 0
            else:
                values["batches"] = list(batches)
                async with self._database.transaction() as db:
                    rows = (await db.execute(_CLAIM_POSTGRESQL, values)).all()
                    value = (await db.execute(_NEXT_EPOCH)).scalar_one() if rows else 0
            if rows:
                self._epoch.advance(value)  # committed, and before any of them leaves
        return [Claimed._make(row) for row in rows]

    async def settle(self, results: Sequence[Result], now: datetime) -> None:
        """handed → what became of it. Letters of the same fate are written together."""
        alike: defaultdict[tuple[Any, ...], dict[int, str]] = defaultdict(dict)
        for result in results:
            alike[result[2:]][result.number] = result.reply
        groups = []
        for (worker_id, status, due_at, relay, code, blame, counted), replies in alike.items():
            done_at = None if due_at else now
            fate = {"worker": worker_id, "status": status, "done_at": done_at, "due_at": due_at}
            fate |= {"relay": relay, "code": code, "blame": blame, "back": 0 if counted else 1}
            if self._sqlite:
                groups.append(fate | {"replies": json.dumps(replies)})
            else:
                groups.append(fate | {"ids": list(replies), "replies": list(replies.values())})
        await self._run_all(_SETTLE_SQLITE if self._sqlite else _SETTLE_POSTGRESQL, groups)

    async def release_strays(self, held: Collection[int]) -> None:
        """Letters that were handed to us by a claim whose answer was lost with the database: nobody has seen them.

        held: the letters that we do know of.
        """
        stray = update(ledger).where(HANDED, ledger.c.worker_id == self.worker, ledger.c.id.not_in(held))
        back = {"status": "due", "worker_id": None, "attempts": ledger.c.attempts - 1}
        with trouble():
            async with self._database.transaction() as db:
                await db.execute(stray.values(back))

    async def release(self, numbers: Iterable[int]) -> None:
        """handed → due, for letters that never left this process."""
        ids = list(numbers)
        if self._sqlite:
            await self._run(_RELEASE_SQLITE, ids=json.dumps(ids), worker=self.worker)
        else:
            await self._run(_RELEASE_POSTGRESQL, ids=ids, worker=self.worker)

    async def pause(self, batches: Collection[int], note: str) -> None:
        """Pause the mailings of these batches, until a person resumes them."""
        theirs = select(batch.c.mailing_id).where(batch.c.id.in_(batches))
        open_ones = update(mailing).where(mailing.c.id.in_(theirs), mailing.c.state == MailingState.OPEN)
        with trouble():
            async with self._database.transaction() as db:
                await db.execute(open_ones.values(state=MailingState.PAUSED, note=note))

    async def editions(self, numbers: Collection[int]) -> dict[int, Stored]:
        columns = (edition.c.key, edition.c.subject, edition.c.headers, edition.c.text, edition.c.html)
        with trouble():
            async with self._database.reading() as db:
                rows = await db.execute(select(edition.c.id, *columns).where(edition.c.id.in_(numbers)))
                return {row[0]: Stored(*row[1:]) for row in rows}

    async def bodies(self, hashes: Collection[str]) -> dict[str, str]:
        with trouble():
            async with self._database.reading() as db:
                rows = await db.execute(select(block.c.hash, block.c.body).where(block.c.hash.in_(hashes)))
                return {row[0]: row[1] for row in rows}

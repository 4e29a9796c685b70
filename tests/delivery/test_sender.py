"""From ledger rows to a real SMTP server, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, literal, select, update

from mailer.database import Database
from mailer.delivery import (
    CannotSend,
    Content,
    Envelope,
    MailingState,
    Sender,
    Slot,
    Stream,
    open_mailing,
    progress,
    put,
    put_all,
    save_edition,
    set_mailing_state,
    withdraw,
)
from mailer.tables import Instant, ledger, subscriber
from tests.conftest import NOW, FrozenClock, make_settings
from tests.delivery.sink import Sink

CONTENT = Content(
    "en",
    "News",
    (f"Hello\n{Slot.UNSUBSCRIBE.mark}\n",),
    (f'<p>Hello <a href="{Slot.UNSUBSCRIBE.mark}">unsubscribe</a></p>\n',),
    (("List-Unsubscribe", f"<{Slot.UNSUBSCRIBE.mark}>"),),
)


@pytest.fixture
async def sink(anyio_backend: str) -> AsyncIterator[Sink]:
    async with Sink() as sink:
        yield sink


async def fill(database: Database, count: int, name: str = "weekly 2026-W48", batch_size: int = 100) -> int:
    """A mailing of `count` letters to reader1@example.org and so on."""
    async with database.transaction() as db:
        rows = [
            {"address": f"reader{n}@example.org", "address_key": f"{name}{n}", "status": "confirmed", "created_at": NOW}
            for n in range(count)
        ]  # fmt: skip
        await db.execute(insert(subscriber), rows)
        edition = await save_edition(db, CONTENT)
        mailing = await open_mailing(db, name, Stream.DIGEST, NOW)
        readers = select(
            literal(edition).label("edition_id"),
            subscriber.c.id.label("recipient"),
            subscriber.c.address,
            literal(NOW, Instant).label("due_at"),
            literal(0).label("low"),
        ).where(subscriber.c.address_key.like(f"{name}%"))
        await put_all(db, mailing, readers, batch_size)
    return mailing


def sender(database: Database, clock: FrozenClock, sink: Sink, **values: Any) -> Sender:
    return Sender(make_settings(relays=sink.url, **values), database, clock)


async def statuses(database: Database) -> dict[str, str]:
    async with database.reading() as db:
        return {row[0]: row[1] for row in await db.execute(select(ledger.c.address, ledger.c.status))}


async def test_it_sends_everything_that_is_due_once(
    database: Database, clock: FrozenClock, sink: Sink
) -> None:
    mailing = await fill(database, 1050)
    async with sender(database, clock, sink) as sending:
        counts = await sending.work_off(mailing)
        again = await sending.work_off(mailing)
    assert (counts.accepted, counts.total, again.total) == (1050, 1050, 0)
    assert len(sink.taken) == 1050
    assert set(sink.taken.values()) == {1}
    async with database.reading() as db:
        assert (await progress(db, mailing)).accepted == 1050

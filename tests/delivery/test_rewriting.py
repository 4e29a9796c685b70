"""A relay that puts its own Message-ID and Date, as Amazon SES does: what it calls the letter stands in the ledger."""

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP as RealServer
from sqlalchemy import select, update

from mailer.database import Database
from mailer.delivery import Sender
from mailer.tables import ledger
from tests.conftest import FrozenClock, make_settings
from tests.delivery.test_sender import fill


class Rewriter:
    """A handler of aiosmtpd that keeps each letter as such a relay passes it on, by its own name for it."""

    def __init__(self) -> None:
        self.passed_on: dict[str, Message] = {}

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        letter = message_from_bytes(envelope.original_content)
        name = f"0102019a{len(self.passed_on):08x}-000000"
        letter.replace_header("Message-ID", f"<{name}@eu-west-1.amazonses.com>")
        letter.replace_header("Date", "Mon, 23 Nov 2026 09:00:01 +0000")
        self.passed_on[name] = letter
        return f"250 Ok {name}"


@pytest.fixture
async def relay(anyio_backend: str) -> AsyncIterator[tuple[Rewriter, str]]:
    handler, loop = Rewriter(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: RealServer(handler, loop=loop), "127.0.0.1", 0)
    yield handler, f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}?tls=none&name=ses"
    server.close()


async def test_the_ledger_keeps_the_name_that_the_relay_gave_each_letter(
    database: Database, clock: FrozenClock, relay: tuple[Rewriter, str]
) -> None:
    rewriter, url = relay
    mailing = await fill(database, 5)
    async with Sender(make_settings(relays=url), database, clock) as sending:
        assert (await sending.work_off(mailing)).accepted == 5
    async with database.reading() as db:
        replies = {row[0]: row[1] for row in await db.execute(select(ledger.c.reply, ledger.c.address))}
    assert replies == {f"Ok {name}": letter["To"] for name, letter in rewriter.passed_on.items()}


async def test_nothing_in_a_letter_leans_on_what_the_relay_rewrites(
    database: Database, clock: FrozenClock, relay: tuple[Rewriter, str]
) -> None:
    rewriter, url = relay
    mailing = await fill(database, 1)
    async with Sender(make_settings(relays=url), database, clock) as sending:
        await sending.work_off(mailing)
        async with database.transaction() as db:  # the reply was lost, and the letter goes once more
            await db.execute(update(ledger).values(status="due", done_at=None))
        await sending.work_off(mailing)
    first, again = rewriter.passed_on.values()
    assert first["DKIM-Signature"] is None  # the relay signs: a signature of ours would be broken by now
    assert first["List-Unsubscribe"] == again["List-Unsubscribe"]
    async with database.reading() as db:
        rows = (await db.execute(select(ledger.c.status, ledger.c.reply))).all()
    assert [tuple(row) for row in rows] == [("accepted", f"Ok {list(rewriter.passed_on)[-1]}")]

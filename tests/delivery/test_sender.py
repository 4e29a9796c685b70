"""From ledger rows to a real SMTP server, on both databases."""

import asyncio
from collections.abc import AsyncIterator
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


async def test_two_senders_share_a_mailing_and_nobody_gets_it_twice(
    database: Database, database_url: str, clock: FrozenClock, sink: Sink
) -> None:
    mailing = await fill(database, 1500)
    other = Database(database_url)
    async with sender(database, clock, sink) as one, sender(other, clock, sink) as two:
        await asyncio.gather(one.work_off(mailing), two.work_off(mailing))
    await other.close()
    assert set(sink.taken.values()) == {1}
    assert len(sink.taken) == 1500
    async with database.reading() as db:
        assert (await progress(db, mailing)).accepted == 1500


async def test_a_batch_that_is_sent_twice_at_once_leaves_once(
    database: Database, clock: FrozenClock, sink: Sink
) -> None:
    await fill(database, 100)
    async with sender(database, clock, sink) as sending:
        await asyncio.gather(sending.send_batch(1), sending.send_batch(1))
        await sending.send_batch(999)  # there is no such batch, and that is no error
    assert len(sink.taken) == 100
    assert set(sink.taken.values()) == {1}


async def test_a_refused_recipient_is_rejected_alone_and_a_deferred_one_waits(
    database: Database, clock: FrozenClock, sink: Sink
) -> None:
    mailing = await fill(database, 100)
    sink.refuse["reader3@example.org"] = b"550 5.1.1 no such user\r\n"
    sink.refuse["reader7@example.org"] = b"450 4.2.1 later\r\n"
    async with sender(database, clock, sink) as sending:
        counts = await sending.work_off(mailing)
        assert (counts.accepted, counts.rejected, counts.deferred) == (98, 1, 1)
        del sink.refuse["reader7@example.org"]
        assert (await sending.work_off(mailing)).total == 0  # its time hasn't come
        clock.move(hours=1)
        assert (await sending.work_off(mailing)).accepted > 0
    assert sink.taken["reader7@example.org"] == 1
    assert "reader3@example.org" not in sink.taken
    async with database.reading() as db:
        where = ledger.c.address == "reader3@example.org"
        row = (await db.execute(select(ledger).where(where))).one()
    assert (row.status, row.code, row.blame, row.attempts) == ("rejected", 550, "recipient", 1)
    assert "no such user" in row.reply
    assert row.relay == "sink"


async def test_each_attempt_has_the_same_message_id_and_return_path(
    database: Database, clock: FrozenClock, sink: Sink
) -> None:
    mailing = await fill(database, 3)
    sink.keep = True
    sink.answer = b"250 2.0.0 queued\r\n"
    async with sender(database, clock, sink) as sending:
        await sending.work_off(mailing)
        first = sorted(sink.letters)
        sink.letters.clear()
        async with database.transaction() as db:
            await db.execute(update(ledger).values(status="due", done_at=None))
        clock.move(hours=1)
        await sending.work_off(mailing)
    for (path, _, content), (path_again, _, content_again) in zip(first, sorted(sink.letters), strict=True):
        assert path == path_again
        assert field(content, b"Message-ID") == field(content_again, b"Message-ID")
        assert field(content, b"Date") != field(content_again, b"Date")
    assert len({path for path, _, _ in first}) == 3


def field(content: bytes, name: bytes) -> bytes:
    (line,) = [line for line in content.split(b"\r\n") if line.startswith(name + b": ")]
    return line


async def test_a_relay_that_is_down_leaves_everything_due_and_says_so(
    database: Database, clock: FrozenClock, sink: Sink
) -> None:
    mailing = await fill(database, 50)
    sink.stop()
    async with sender(database, clock, sink) as sending:
        with pytest.raises(CannotSend, match="sink"):
            await sending.work_off(mailing)
    async with database.reading() as db:
        assert (await progress(db, mailing)).due == 50
        assert set((await db.execute(select(ledger.c.attempts))).scalars()) == {0}
    await sink.start()
    async with sender(database, clock, sink) as sending:
        assert (await sending.work_off(mailing)).accepted == 50


async def test_paused_cancelled_and_expired_mailings_stay_until_they_may_go(
    database: Database, clock: FrozenClock, sink: Sink
) -> None:
    mailing = await fill(database, 10)
    async with sender(database, clock, sink) as sending:
        for state in (MailingState.PAUSED, MailingState.CANCELLED):
            async with database.transaction() as db:
                await set_mailing_state(db, mailing, state)
            assert (await sending.work_off(mailing)).total == 0
            await sending.send_batch(1)
            assert not sink.taken
        async with database.transaction() as db:
            await set_mailing_state(db, mailing, MailingState.OPEN)
        assert (await sending.work_off(mailing)).accepted == 10


async def test_pausing_takes_effect_in_the_middle_of_a_run(
    database: Database, clock: FrozenClock, sink: Sink
) -> None:
    mailing = await fill(database, 20_000, batch_size=1000)
    async with sender(database, clock, sink) as sending:
        run = asyncio.create_task(sending.work_off(mailing))
        while not sink.taken:
            await asyncio.sleep(0.01)
        async with database.transaction() as db:
            await set_mailing_state(db, mailing, MailingState.PAUSED)
        counts = await run
    assert 0 < counts.accepted < 20_000
    assert counts.handed == 0
    assert len(sink.taken) == counts.accepted


async def test_whoever_unsubscribes_before_their_letter_is_handed_out_gets_none(
    database: Database, clock: FrozenClock, sink: Sink
) -> None:
    mailing = await fill(database, 10)
    async with database.transaction() as db:
        gone = (
            await db.execute(select(ledger.c.recipient).where(ledger.c.address == "reader4@example.org"))
        ).scalar_one()
        assert await withdraw(db, gone, NOW) == 1
    async with sender(database, clock, sink) as sending:
        counts = await sending.work_off(mailing)
    assert (counts.accepted, counts.skipped) == (9, 1)
    assert "reader4@example.org" not in sink.taken


async def test_confirmations_overtake_digests(database: Database, clock: FrozenClock, sink: Sink) -> None:
    mailing = await fill(database, 20_000, batch_size=1000)
    async with sender(database, clock, sink) as sending:
        run = asyncio.create_task(sending.work_off(mailing))
        while not sink.taken:
            await asyncio.sleep(0.01)
        async with database.transaction() as db:
            batch = await put(db, [Envelope(1, 77, "visitor@example.org")], NOW)
        await sending.send_batch(batch)
        assert sink.taken["visitor@example.org"] == 1
        sent_before = len(sink.taken)
        await run
    assert sent_before < 20_000


async def test_stopping_finishes_what_is_on_the_wire_and_leaves_the_rest_due(
    database: Database, clock: FrozenClock, sink: Sink
) -> None:
    mailing = await fill(database, 20_000, batch_size=1000)
    async with sender(database, clock, sink) as sending:
        run = asyncio.create_task(sending.work_off(mailing))
        while not sink.taken:
            await asyncio.sleep(0.01)
        sending.request_stop()
        await run
    async with database.reading() as db:
        counts = await progress(db, mailing)
    assert (counts.handed, counts.unknown, counts.due + counts.accepted) == (0, 0, 20_000)
    assert 0 < counts.accepted == len(sink.taken) < 20_000


async def test_a_letter_that_cannot_be_made_is_rejected_here_with_words(
    database: Database, clock: FrozenClock, sink: Sink
) -> None:
    mailing = await fill(database, 3)
    async with database.transaction() as db:
        hostile = "reader1@example.org\r\nRCPT TO:<x@y.z>"
        await db.execute(update(ledger).where(ledger.c.id == 2).values(address=hostile))
    async with sender(database, clock, sink) as sending:
        counts = await sending.work_off(mailing)
        async with database.reading() as db:
            row = (await db.execute(select(ledger).where(ledger.c.id == 2))).one()
    assert (counts.accepted, counts.rejected) == (2, 1)
    assert row.reply.startswith("not sent: ")
    assert row.blame == "sender"
    assert len(sink.taken) == 2


@pytest.mark.parametrize("kind", ["none", "scheme", "outside", "return path"])
async def test_it_refuses_to_start_where_mail_may_not_or_cannot_leave(
    database: Database, clock: FrozenClock, kind: str
) -> None:
    values, words = {
        "none": ({}, "MAILER_RELAYS"),
        "scheme": ({"relays": "ftp://relay.example.org"}, "scheme"),
        "outside": ({"relays": "smtp://relay.example.org", "postal_address": "", "privacy_url": ""}, "(?s)POSTAL.*PRIVACY"),
        "return path": ({"relays": "smtp://127.0.0.1", "return_path": "a" * 30 + "@example.org"}, "RETURN_PATH"),
    }[kind]  # fmt: skip
    with pytest.raises(CannotSend, match=words):
        async with Sender(make_settings(**values), database, clock):
            pass

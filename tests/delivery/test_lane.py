"""Several relays: failover, return by probe, weights and rates; and who makes a run stop."""

import asyncio
import base64
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import func, select

from mailer.database import Database
from mailer.delivery import CannotSend, MailingState, Sender, progress, set_mailing_state
from mailer.delivery.pace import HOLD_SECONDS
from mailer.tables import ledger, mailing
from tests.conftest import FrozenClock, make_settings
from tests.delivery.sink import Sink
from tests.delivery.test_sender import fill


def through(database: Database, clock: FrozenClock, *urls: str) -> Sender:
    return Sender(make_settings(relays=" ".join(urls)), database, clock)


def named(sink: Sink, name: str, options: str = "") -> str:
    return sink.url.replace("name=sink", f"name={name}{options}")


async def by_relay(database: Database) -> dict[str | None, int]:
    async with database.reading() as db:
        rows = await db.execute(select(ledger.c.relay, func.count()).group_by(ledger.c.relay))
        return {row[0]: row[1] for row in rows}


async def test_when_one_relay_is_down_the_other_takes_everything(
    database: Database, clock: FrozenClock
) -> None:
    count = await fill(database, 500)
    async with Sink() as good, Sink() as bad:
        bad.stop()
        async with through(database, clock, named(bad, "bad"), named(good, "good")) as sender:
            counts = await sender.work_off(count)
    assert counts.accepted == 500
    assert await by_relay(database) == {"good": 500}


async def test_when_a_relay_dies_in_the_middle_nobody_is_missed_or_doubled(
    database: Database, clock: FrozenClock
) -> None:
    number = await fill(database, 5000)
    async with Sink() as good, Sink() as bad:
        async with through(database, clock, named(bad, "bad"), named(good, "good")) as sender:
            run = asyncio.create_task(sender.work_off(number))
            while bad.taken.total() < 50:
                await asyncio.sleep(0.005)
            connections = len(bad.connections)
            bad.stop()
            counts = await run
        assert (counts.accepted, counts.unfinished) == (5000, 0)
        together = good.taken + bad.taken
        assert len(together) == 5000
        assert together.total() - 5000 <= connections  # one letter in doubt on each connection


async def test_weights_are_kept_and_rates_too(database: Database, clock: FrozenClock) -> None:
    number = await fill(database, 4000)
    async with Sink() as sink:
        urls = named(sink, "big", "&weight=3"), named(sink, "small", "&weight=1")
        async with through(database, clock, *urls) as sender:
            await sender.work_off(number)
    relays = await by_relay(database)
    assert relays["big"] == pytest.approx(3000, rel=0.1)


async def test_the_number_of_connections_is_kept(database: Database, clock: FrozenClock) -> None:
    number = await fill(database, 2000)
    async with Sink() as sink:
        async with through(
            database, clock, named(sink, "sink", "&connections=3&per_connection=100")
        ) as sender:
            await sender.work_off(number)
        assert sink.most_connections <= 3
        assert sink.taken.total() == 2000


async def test_policy_refusals_pause_the_mailing_keep_the_queue_and_blame_no_reader(
    database: Database, clock: FrozenClock
) -> None:
    number = await fill(database, 1000)
    async with Sink() as sink:
        sink.answer = b"550 5.7.1 we take nothing from you\r\n"
        async with through(database, clock, named(sink, "sink", "&connections=2")) as sender:
            with pytest.raises(CannotSend, match="we take nothing from you"):
                await sender.work_off(number)
        async with database.reading() as db:
            counts = await progress(db, number)
            paused = (await db.execute(select(mailing.c.state, mailing.c.note))).one()
            blamed = set((await db.execute(select(ledger.c.blame))).scalars())
        assert 20 <= counts.rejected <= 30
        assert counts.due == 1000 - counts.rejected
        assert paused.state == "paused"
        assert "we take nothing from you" in paused.note
        assert blamed == {None, "sender"}
        sink.answer = b"250 2.0.0 taken\r\n"
        async with database.transaction() as db:
            await set_mailing_state(db, number, MailingState.OPEN)
        async with through(database, clock, named(sink, "sink")) as sender:
            assert (await sender.work_off(number)).accepted == counts.due


async def test_a_provider_that_asks_for_patience_gets_it_and_the_others_get_their_mail(
    database: Database, clock: FrozenClock
) -> None:
    number = await fill(database, 300)
    async with database.transaction() as db:
        gmail = ledger.c.id % 3 == 0
        await db.execute(
            ledger.update()
            .where(gmail)
            .values(address=func.replace(ledger.c.address, "example.org", "gmail.com"))
        )
    async with Sink() as sink:
        for reader in range(300):
            sink.refuse[f"reader{reader}@gmail.com"] = b"450 4.7.28 unusual rate of mail\r\n"
        async with through(database, clock, named(sink, "sink", "&connections=2")) as sender:
            counts = await sender.work_off(number)
            assert (counts.accepted, counts.deferred) == (200, 100)
            async with database.reading() as db:
                rows = (await db.execute(select(ledger).where(ledger.c.status == "deferred"))).all()
    tried = [row for row in rows if row.attempts]
    put_off = [row for row in rows if not row.attempts]
    assert len(tried) <= 10  # those that were on the wire already
    assert all((row.due_at - clock()).total_seconds() > HOLD_SECONDS - 60 for row in put_off)
    assert all("google" in row.reply for row in put_off)


async def test_a_relay_that_asks_for_it_gets_our_signature_and_another_does_not(
    database: Database, clock: FrozenClock, tmp_path: Path
) -> None:
    key = generate_private_key(65537, 2048)
    file = tmp_path / "dkim.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file.chmod(0o600)
    number = await fill(database, 200)
    async with Sink(keep=True) as plain, Sink(keep=True) as signed:
        urls = named(plain, "plain", "&connections=1"), named(signed, "signed", "&sign=on&connections=1")
        settings = make_settings(relays=" ".join(urls), dkim_keys=f"s2026={file}")
        async with Sender(settings, database, clock) as sender:
            assert (await sender.work_off(number)).accepted == 200
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
        assert signed.letters
        for _, _, content in signed.letters[:20]:
            assert dkim.verify(
                content, dnsfunc=lambda name, **_: {b"s2026._domainkey.example.org.": record}[name]
            )
            assert content.startswith(b"DKIM-Signature: ")
        assert not any(b"DKIM-Signature" in content for _, _, content in plain.letters)


async def test_a_relay_that_wants_our_signature_needs_a_key(database: Database, clock: FrozenClock) -> None:
    with pytest.raises(CannotSend, match="MAILER_DKIM_KEYS"):
        async with through(database, clock, "smtp://127.0.0.1:25?sign=on"):
            pass


async def test_workers_share_the_connections_of_a_relay(
    database: Database, database_url: str, clock: FrozenClock
) -> None:
    number = await fill(database, 3000)
    other = Database(database_url)
    async with Sink() as sink:
        url = named(sink, "sink", "&connections=4")
        async with through(database, clock, url) as one, through(other, clock, url) as two:
            await asyncio.gather(one.work_off(number), two.work_off(number))
        assert set(sink.taken.values()) == {1}
        assert (
            sink.most_connections <= 6
        )  # four of the first worker, until it heard of the second, and its two
    await other.close()

"""The chain of seals: what it proves, and which changes it names."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from mailer.database import Database
from mailer.subscribers import store
from mailer.subscribers.chain import START, Head, Record, commitment, faults, missing_end, next_seal
from mailer.subscribers.consent import Act, Wording
from mailer.subscribers.privacy import forget
from mailer.subscribers.proof import erase_records, seal, verify
from mailer.subscribers.status import Status
from mailer.tables import consent, seal_head, wording
from mailer.tables import seal as seal_table
from tests.conftest import NOW, FrozenClock
from tests.subscribers.people import meet

RECORD = Record(1, NOW, "confirmed", "salt", {"subscriber_id": 7, "details": {"regions": ["lac"]}})


def test_a_seal_holds_nothing_that_can_be_guessed_without_the_salt() -> None:
    other = Record(1, NOW, "confirmed", "other salt", RECORD.facts)
    assert commitment(RECORD) != commitment(other)


def test_a_seal_fits_its_record_and_the_one_before() -> None:
    first, head = next_seal(Head(0, START), NOW, "confirmed", commitment(RECORD))
    second, end = next_seal(head, NOW, "erased", erased=[1])
    assert faults(Head(0, START), first, RECORD, is_erased=False) == []
    assert faults(Head(0, START), first, None, is_erased=True) == []
    assert faults(head, second, None, is_erased=False) == []
    assert missing_end(Head(second.id, second.hash), end) == []


async def fill(database: Database, people: int = 3) -> None:
    """Some who asked and confirmed: one seal each for both acts, in this order."""
    async with database.transaction() as db:
        words = await store.keep_wording(db, Wording("en", "Yes, send me news."), NOW)
        for number in range(people):
            person = await meet(db, f"reader{number}@example.org", NOW)
            await store.add_consent(db, person.id, Act.ASKED, "reader", NOW, wording_id=words)
            details = {"regions": ["lac"], "frequency": "weekly"}
            await store.add_consent(
                db,
                person.id,
                Act.CONFIRMED,
                "reader",
                NOW,
                wording_id=words,
                details=details,
                network="192.0.2.0/24",
            )


async def without_guards(database: Database, *statements: Any) -> None:
    """What somebody with all rights over the database could do."""
    async with database.transaction() as db:
        if not database.is_sqlite:
            await db.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            names = await db.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
            for name in names.scalars().all():
                await db.execute(text(f"DROP TRIGGER {name}"))
            await db.execute(text("PRAGMA defer_foreign_keys=ON"))
        for statement in statements:
            await db.execute(statement)


async def found(database: Database) -> list[tuple[int, str]]:
    return [(fault.seal_id, fault.what) for fault in (await verify(database)).faults]


async def test_an_untouched_record_holds(database: Database) -> None:
    await fill(database)
    verdict = await verify(database)
    assert (verdict.seals, verdict.waiting, verdict.faults) == (6, 0, [])
    assert verdict.head.seal_id == 6


async def test_who_only_asked_waits_for_the_next_seal(database: Database) -> None:
    async with database.transaction() as db:
        person = await meet(db, "alice@example.org", NOW)
        await store.add_consent(db, person.id, Act.ASKED, "reader", NOW)
    assert (await verify(database)).waiting == 1
    async with database.transaction() as db:
        assert await seal(db, wait=True) == 1
    verdict = await verify(database)
    assert (verdict.seals, verdict.waiting, verdict.faults) == (1, 0, [])


@pytest.mark.parametrize(
    "statement",
    [
        update(seal_table).values(act="asked"),
        delete(seal_table),
        update(consent).values(actor="somebody"),
        update(consent).values(seal_id=None),
        update(wording).values(text="No."),
        delete(wording),
    ],
    ids=lambda statement: str(statement).split(" WHERE")[0][:30].replace("\n", " "),
)
async def test_the_database_refuses_to_change_the_record(database: Database, statement: Any) -> None:
    await fill(database)
    with pytest.raises(DBAPIError):
        async with database.transaction() as db:
            await db.execute(statement)
    assert await found(database) == []


async def test_a_changed_seal_is_found(database: Database) -> None:
    await fill(database)
    await without_guards(database, update(seal_table).where(seal_table.c.id == 3).values(act="unsubscribed"))
    assert await found(database) == [
        (3, "the seal was changed"),
        (3, "its record (row 3) was changed"),
    ]


@pytest.mark.parametrize(
    "values", [{"network": "198.51.100.0/24"}, {"details": {"regions": []}}, {"actor": "x"}]
)
async def test_a_changed_record_is_found(database: Database, values: Any) -> None:
    await fill(database)
    await without_guards(database, update(consent).where(consent.c.id == 4).values(**values))
    assert await found(database) == [(4, "its record (row 4) was changed")]


async def test_changed_words_are_found_wherever_they_were_agreed_to(database: Database) -> None:
    await fill(database, people=1)
    await without_guards(database, update(wording).values(text="Yes, and sell my address."))
    assert await found(database) == [(n, "the wording that they saw was changed") for n in (1, 2)]
    new = Wording("en", "Yes, and sell my address.")
    await without_guards(database, update(wording).values(hash=new.hash))
    assert await found(database) == [(n, f"its record (row {n}) was changed") for n in (1, 2)]


async def test_a_removed_row_is_found(database: Database) -> None:
    await fill(database)
    await without_guards(
        database, delete(consent).where(consent.c.id == 4), delete(seal_table).where(seal_table.c.id == 4)
    )
    assert await found(database) == [(5, "before it, number 4 was removed")]


async def test_a_removed_record_is_found_though_its_seal_stays(database: Database) -> None:
    await fill(database)
    await without_guards(database, delete(consent).where(consent.c.id == 4))
    assert await found(database) == [(4, "its record was removed, and no erasure says so")]


async def test_removed_newest_rows_are_found(database: Database) -> None:
    await fill(database)
    await without_guards(
        database, delete(consent).where(consent.c.id > 4), delete(seal_table).where(seal_table.c.id > 4)
    )
    assert await found(database) == [(4, "the record ends here, but its head says 6: the end was removed")]


async def test_swapped_rows_are_found(database: Database) -> None:
    await fill(database)
    moves = [(2, 99), (3, 2), (99, 3)]
    await without_guards(
        database,
        update(consent).where(consent.c.id.in_([2, 3])).values(seal_id=None),
        *(update(seal_table).where(seal_table.c.id == old).values(id=new) for old, new in moves),
        update(consent).where(consent.c.id == 2).values(seal_id=3),
        update(consent).where(consent.c.id == 3).values(seal_id=2),
    )
    assert {number for number, _ in await found(database)} == {2, 3, 4}


async def test_a_forged_seal_in_the_middle_breaks_the_one_after(database: Database) -> None:
    """Even one that is made by our own rules."""
    await fill(database)
    async with database.reading() as db:
        row = (await db.execute(select(seal_table).where(seal_table.c.id == 3))).one()
    forged, _ = next_seal(Head(2, row.previous), NOW, "unsubscribed")
    values = {"act": forged.act, "commitment": "", "hash": forged.hash}
    await without_guards(
        database,
        delete(consent).where(consent.c.id == 3),
        update(seal_table).where(seal_table.c.id == 3).values(values),
    )
    assert [number for number, _ in await found(database)] == [4]


async def test_after_an_erasure_the_chain_still_holds_and_says_which_records_are_gone(
    database: Database,
) -> None:
    await fill(database)
    async with database.transaction() as db:
        person = await store.find(db, "reader1@example.org")
        assert person is not None
        await erase_records(db, [person.id], NOW)
        assert await store.trail(db, person.id) == []
        last = (await db.execute(select(seal_table).order_by(seal_table.c.id.desc()).limit(1))).one()
    assert (last.act, last.erased, last.commitment) == ("erased", [3, 4], "")
    assert await found(database) == []


async def test_a_record_put_back_after_its_erasure_is_found(database: Database) -> None:
    await fill(database, people=1)
    async with database.transaction() as db:
        rows = [dict(row) for row in (await db.execute(select(consent))).mappings()]
        await erase_records(db, [rows[0]["subscriber_id"]], NOW)
    await without_guards(database, insert(consent).values(rows))
    assert await found(database) == [(n, "its record was put back after it was erased") for n in (1, 2)]


async def test_many_who_confirm_at_once_make_one_chain(database: Database, clock: FrozenClock) -> None:
    async def join(number: int) -> None:
        async with database.transaction() as db:
            person = await meet(db, f"r{number}@example.org", clock())
            await store.add_consent(db, person.id, Act.CONFIRMED, "reader", clock())

    await asyncio.gather(*(join(number) for number in range(40)))
    async with database.transaction() as db:
        await seal(db, wait=True)
    verdict = await verify(database)
    assert (verdict.seals, verdict.waiting, verdict.faults) == (40, 0, [])


async def test_nobody_waits_for_another_who_seals(database: Database) -> None:
    """On PostgreSQL the second leaves its row to whoever seals next."""
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    async with database.transaction() as first:
        await first.execute(select(seal_head).with_for_update())
        async with asyncio.timeout(5), database.transaction() as second:
            person = await meet(second, "alice@example.org", NOW)
            await store.add_consent(second, person.id, Act.CONFIRMED, "reader", NOW)
    assert (await verify(database)).waiting == 1


async def test_erasing_while_somebody_else_seals_ends_well(database: Database) -> None:
    """One transaction that seals and then touches a second person, beside one that erases that person."""
    await fill(database)
    began = asyncio.Event()

    async def two_acts() -> None:
        async with database.transaction() as db:
            first, second = [await store.find(db, f"reader{n}@example.org") for n in (0, 1)]
            assert first is not None
            assert second is not None
            await store.add_consent(db, first.id, Act.UNSUBSCRIBED, "import:1", NOW)
            began.set()
            for _ in range(20):  # let the other get as far as it can
                await asyncio.sleep(0)
            await store.move(db, second.id, Status.UNSUBSCRIBED, ended_at=NOW)
            await store.add_consent(db, second.id, Act.UNSUBSCRIBED, "import:1", NOW)

    async def erasing() -> None:
        await began.wait()
        async with database.transaction() as db:
            person = await store.find(db, "reader1@example.org")
            assert person is not None
            await forget(db, (), [person.id], NOW)

    await asyncio.gather(two_acts(), erasing())
    verdict = await verify(database)
    assert (verdict.seals, verdict.waiting, verdict.faults) == (9, 0, [])

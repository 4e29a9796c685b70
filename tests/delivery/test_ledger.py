"""The guarded UPDATEs: who may claim what, whose outcome counts, and what becomes of a dead worker's letters."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from mailer.database import Database
from mailer.delivery import (
    Content,
    Counts,
    Envelope,
    MailingState,
    Stream,
    hasten,
    open_digest_letters,
    open_mailing,
    progress,
    put,
    put_all,
    reconcile,
    resend_unknown,
    save_edition,
    set_mailing_state,
    withdraw,
    withdraw_all,
)
from mailer.delivery.epoch import EpochFile
from mailer.delivery.ledger import Ledger, LedgerDown, LedgerFull, Result
from mailer.tables import batch, block, edition, ledger, worker
from tests.conftest import NOW
from tests.delivery.test_sender import CONTENT, fill

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


async def enrolled(database: Database, folder: Path) -> Ledger:
    one = Ledger(database, EpochFile(folder))
    await one.enrol(NOW)
    return one


def result(number: int, worker_id: int, status: str = "accepted", **values: Any) -> Result:
    fixed: dict[str, Any] = {"due_at": None, "relay": "relay", "code": 250, "reply": "queued", "blame": None}
    return Result(number=number, worker=worker_id, status=status, **{**fixed, **values})


async def row(database: Database, number: int) -> Any:
    async with database.reading() as db:
        return (await db.execute(select(ledger).where(ledger.c.id == number))).one()


async def end_lease(database: Database) -> None:
    async with database.transaction() as db:
        await db.execute(update(worker).values(lease_until=LONG_AGO))


async def test_a_letter_is_handed_to_one_worker_only(database: Database, tmp_path: Path) -> None:
    await fill(database, 30)
    one, two = await enrolled(database, tmp_path), await enrolled(database, tmp_path)
    first = await one.claim([1], 20, NOW)
    second = await two.claim([1], 20, NOW)
    assert (len(first), len(second)) == (20, 10)
    assert not {r.number for r in first} & {r.number for r in second}
    assert {r.attempts for r in first} == {1}
    assert await one.claim([1], 20, NOW) == []


async def test_what_is_not_due_or_whose_mailing_is_not_open_is_not_claimed(
    database: Database, tmp_path: Path
) -> None:
    mailing = await fill(database, 10)
    mine = await enrolled(database, tmp_path)
    assert await mine.claim([1], 10, NOW - timedelta(seconds=1)) == []
    async with database.transaction() as db:
        await set_mailing_state(db, mailing, MailingState.PAUSED)
    assert await mine.claim([1], 10, NOW) == []
    async with database.transaction() as db:
        await set_mailing_state(db, mailing, MailingState.OPEN)
        expiring = await open_mailing(db, "expiring", Stream.DIGEST, NOW, expires_at=NOW + timedelta(hours=1))
        await db.execute(update(ledger).values(mailing_id=expiring))
    assert await mine.claim([1], 4, NOW + timedelta(hours=2)) == []
    assert len(await mine.claim([1], 4, NOW)) == 4


async def test_a_worker_whose_lease_is_over_can_neither_claim_nor_renew(
    database: Database, tmp_path: Path
) -> None:
    await fill(database, 10)
    mine = await enrolled(database, tmp_path)
    assert await mine.renew()
    await end_lease(database)
    assert not await mine.renew()
    assert await mine.claim([1], 10, NOW) == []
    async with database.transaction() as db:
        await reconcile(db, NOW)
    assert not await mine.renew()


@pytest.mark.parametrize(("policy", "status"), [("resend", "due"), ("leave", "unknown")])
async def test_letters_of_a_dead_worker_become_what_the_policy_says(
    database: Database, tmp_path: Path, policy: str, status: str
) -> None:
    mailing = await fill(database, 10)
    dead, alive = await enrolled(database, tmp_path), await enrolled(database, tmp_path)
    await dead.claim([1], 4, NOW)
    async with database.transaction() as db:
        assert await reconcile(db, NOW, policy) == [1]
        assert (await progress(db, mailing)).handed == 4  # its lease still runs
        await db.execute(update(worker).where(worker.c.id == dead.worker).values(lease_until=LONG_AGO))
        await reconcile(db, NOW, policy)
        counts = await progress(db, mailing)
    assert counts.handed == 0
    assert counts == (Counts(due=10) if status == "due" else Counts(due=6, unknown=4))
    assert len(await alive.claim([1], 10, NOW)) == counts.due


async def test_a_late_outcome_counts_unless_somebody_else_was_handed_the_letter(
    database: Database, tmp_path: Path
) -> None:
    await fill(database, 2)
    slow = await enrolled(database, tmp_path)
    claimed = await slow.claim([1], 2, NOW)
    await end_lease(database)
    async with database.transaction() as db:
        await reconcile(db, NOW)
    await slow.settle([result(claimed[0].number, slow.worker)], NOW)
    assert (await row(database, claimed[0].number)).status == "accepted"  # so nobody sends it again
    other = await enrolled(database, tmp_path)
    (again,) = await other.claim([1], 2, NOW)
    assert (again.number, again.attempts) == (claimed[1].number, 2)
    await slow.settle([result(again.number, slow.worker, "rejected")], NOW)
    assert (await row(database, again.number)).status == "handed"


async def test_outcomes_are_written_with_all_that_belongs_to_them(database: Database, tmp_path: Path) -> None:
    await fill(database, 4)
    mine = await enrolled(database, tmp_path)
    numbers = sorted(r.number for r in await mine.claim([1], 4, NOW))
    later = NOW + timedelta(minutes=30)
    await mine.settle(
        [
            result(numbers[0], mine.worker),
            result(numbers[1], mine.worker, "rejected", code=550, reply="no 'such' \"user\" é", blame="recipient"),
            result(numbers[2], mine.worker, "deferred", due_at=later, code=450, reply="later", blame="recipient"),
            result(numbers[3], mine.worker, "deferred", due_at=later, relay=None, code=0, counted=False),
        ],
        NOW,
    )  # fmt: skip
    rows = [await row(database, number) for number in numbers]
    assert [(r.status, r.code, r.done_at, r.attempts) for r in rows] == [
        ("accepted", 250, NOW, 1),
        ("rejected", 550, NOW, 1),
        ("deferred", 450, None, 1),
        ("deferred", 0, None, 0),
    ]
    assert rows[1].reply == "no 'such' \"user\" é"
    assert [r.due_at for r in rows] == [NOW, NOW, later, later]
    assert await mine.claim([1], 4, NOW) == []
    assert len(await mine.claim([1], 4, later)) == 2


async def test_letters_that_never_left_go_back_as_if_nothing_had_been(
    database: Database, tmp_path: Path
) -> None:
    await fill(database, 6)
    mine = await enrolled(database, tmp_path)
    numbers = [r.number for r in await mine.claim([1], 4, NOW)]
    await mine.release(numbers[:2])
    await mine.release_strays(numbers[2:3])
    async with database.reading() as db:
        assert await progress(db) == Counts(due=5, handed=1)
        assert set(
            (await db.execute(select(ledger.c.attempts).where(ledger.c.status == "due"))).scalars()
        ) == {0}


async def test_withdrawing_is_the_last_word_until_the_letter_is_handed_out(
    database: Database, tmp_path: Path
) -> None:
    await fill(database, 3)
    mine = await enrolled(database, tmp_path)
    (handed,) = await mine.claim([1], 1, NOW)
    async with database.transaction() as db:
        everyone = select(ledger.c.recipient)
        assert await withdraw(db, handed.recipient, NOW) == 0
        assert await withdraw_all(db, everyone, NOW) == 2
        assert [r.status for r in await db.execute(open_digest_letters())] == ["handed"]
    assert await mine.claim([1], 3, NOW) == []
    await mine.settle([result(handed.number, mine.worker)], NOW)
    async with database.reading() as db:
        assert await progress(db) == Counts(accepted=1, skipped=2)


async def test_planning_withdraws_digests_only(database: Database) -> None:
    await fill(database, 1)
    async with database.transaction() as db:
        await put(db, [Envelope(1, 1, "reader0@example.org")], NOW)
        assert await withdraw_all(db, select(ledger.c.recipient), NOW) == 1
        assert await withdraw(db, 1, NOW) == 1


async def test_the_same_content_is_one_edition_and_the_same_block_is_stored_once(database: Database) -> None:
    async with database.transaction() as db:
        first = await save_edition(db, CONTENT)
        assert await save_edition(db, CONTENT) == first
        other = Content("en", "Other news", CONTENT.text, (*CONTENT.html, "<p>more</p>\n"), CONTENT.headers)
        assert await save_edition(db, other) != first
        assert len((await db.execute(select(edition.c.id))).all()) == 2
        assert len((await db.execute(select(block.c.hash))).all()) == 3
        with pytest.raises(ValueError):
            await save_edition(db, Content("en", "News", ("no line end",), ()))


async def test_letters_are_cut_into_batches_and_none_is_lost(database: Database) -> None:
    mailing = await fill(database, 250, batch_size=100)
    async with database.reading() as db:
        rows = await db.execute(select(ledger.c.batch_id, ledger.c.recipient).order_by(ledger.c.recipient))
        batches = [row.batch_id for row in rows]
        assert [batches.count(number) for number in sorted(set(batches))] == [100, 100, 50]
        assert batches == sorted(batches)
        assert await reconcile_only(database) == sorted(set(batches))
        assert (await progress(db, mailing)).due == 250
    async with database.transaction() as db:
        nobody = select(
            ledger.c.edition_id, ledger.c.recipient, ledger.c.address, ledger.c.due_at, ledger.c.low
        ).where(ledger.c.id < 0)
        assert await put_all(db, mailing, nobody) == []
        assert await open_mailing(db, "weekly 2026-W48", Stream.DIGEST, NOW) == mailing


async def reconcile_only(database: Database) -> list[int]:
    async with database.transaction() as db:
        return await reconcile(db, NOW)


async def test_a_full_disk_and_a_busy_database_are_told_apart(sqlite_template: Path, tmp_path: Path) -> None:

    shutil.copy(sqlite_template, tmp_path / "mailer.db")
    database = Database(f"sqlite:///{tmp_path / 'mailer.db'}")
    await fill(database, 200)
    mine = await enrolled(database, tmp_path)
    numbers = [r.number for r in await mine.claim([1], 100, NOW)]
    async with database.inline() as inline:
        pages = inline.exec_driver_sql("PRAGMA page_count").scalar_one()
        inline.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(LedgerFull, match="full"):
        await mine.settle([result(number, mine.worker, reply="x" * 4000) for number in numbers], NOW)
    assert (await row(database, numbers[0])).status == "handed"  # nothing was half written
    await database.close()
    broken = Ledger(Database(f"postgresql://nobody@127.0.0.1:1/{tmp_path.name}"), EpochFile(tmp_path))
    with pytest.raises(LedgerDown):
        await broken.enrol(NOW)


async def test_a_finished_batch_is_not_looked_at_again_until_a_person_sends_it_once_more(
    database: Database, tmp_path: Path
) -> None:
    await fill(database, 2)
    mine = await enrolled(database, tmp_path)
    first, second = await mine.claim([1], 2, NOW)
    await mine.settle([result(first.number, mine.worker), result(second.number, mine.worker, "unknown")], NOW)
    async with database.transaction() as db:
        assert await reconcile(db, NOW) == []
        assert (await db.execute(select(batch.c.done))).scalar_one() is True
        assert await resend_unknown(db, NOW) == 1
        assert await reconcile(db, NOW) == [1]
    assert [r.number for r in await mine.claim([1], 2, NOW)] == [second.number]


async def test_only_what_nobody_asked_us_to_slow_down_for_is_hastened(
    database: Database, tmp_path: Path
) -> None:
    await fill(database, 4)
    mine = await enrolled(database, tmp_path)
    busy, broken, policy, held = sorted(r.number for r in await mine.claim([1], 4, NOW))
    later: dict[str, Any] = {"status": "deferred", "due_at": NOW + timedelta(hours=1)}
    await mine.settle(
        [
            result(busy, mine.worker, **later, code=450, reply="4.2.1 busy", blame="recipient"),
            result(broken, mine.worker, **later, code=451, reply="4.3.0 trouble here", blame="sender"),
            result(policy, mine.worker, **later, code=421, reply="4.7.28 too fast", blame="sender"),
            result(held, mine.worker, **later, code=0, reply="google asked us to wait", relay=None, counted=False),
        ],
        NOW,
    )  # fmt: skip
    async with database.transaction() as db:
        assert await hasten(db, NOW) == 2
    assert sorted(r.number for r in await mine.claim([1], 4, NOW)) == [busy, broken]

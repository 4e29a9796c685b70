"""A copy of everything about a person; and nothing left of them after an erasure."""

import hashlib
import json
import logging
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import func, inspect, select, update

from mailer import subscribers
from mailer.database import Database
from mailer.links import Links
from mailer.personal import ROOMS
from mailer.subscribers import privacy, rights_store
from mailer.subscribers.privacy import Reason
from mailer.subscribers.proof import verify
from mailer.subscribers.status import Status
from mailer.tables import consent, ledger, mark, metadata, seal, subscriber, suppression
from tests.subscribers.conftest import Visitor, hidden_fields, path
from tests.subscribers.people import meet

ADDRESS = "Alice.Erasable+x@example.org"

PERSONAL_COLUMNS = {"address", "address_key", "recipient", "subscriber_id", "network", "salt"}
"""By what a table gives away that it is about people."""

NO_PERSON = {"budget", "suppression"}
"""About people too, by a keyed hash alone: it can't be found again from a subscriber."""


def test_every_table_about_people_is_in_somebody_s_list() -> None:
    listed = privacy.TABLES.union(*(room.TABLES for room in ROOMS))
    about_people = {
        table.name
        for table in metadata.tables.values()
        if PERSONAL_COLUMNS & set(table.columns.keys())
        or any(key.column.table.name in privacy.TABLES for key in table.foreign_keys)
    }
    assert about_people | NO_PERSON == listed, "say in which room's export and erasure the new table stands"


async def join_and_get_letters(visitor: Visitor, address: str = ADDRESS) -> int:
    """A reader with a choice, a change, a letter that was refused with their address in the reply, and a mark."""
    number = await visitor.join(address, region=["lac"], frequency="weekly")
    async with visitor.database.transaction() as db:
        reply = f"5.1.1 <{address}>: Recipient address rejected"
        values = {"status": "rejected", "code": 550, "reply": reply, "done_at": visitor.clock()}
        await db.execute(update(ledger).where(ledger.c.recipient == number).values(values))
        await db.execute(mark.insert().values(recipient=number, arrival=12))
    return number


async def erase(visitor: Visitor, address: str = ADDRESS) -> None:
    async with visitor.database.transaction() as db:
        person = await subscribers.find(db, address)
        assert person is not None
        await subscribers.erase(db, visitor.settings.keyring, ROOMS, person, visitor.clock())


async def dump(database: Database) -> str:
    """Every cell of every table, the work engine's and the migrations' too."""
    async with database.reading() as db:
        names = await db.run_sync(lambda c: inspect(c).get_table_names())
        rows = [await db.exec_driver_sql(f'SELECT * FROM "{name}"') for name in names]
        return "\n".join(str(tuple(row)) for result in rows for row in result)


async def test_an_export_holds_everything_about_the_person_and_nobody_else(visitor: Visitor) -> None:
    number = await join_and_get_letters(visitor)
    await visitor.join("bob@example.org")
    async with visitor.database.reading() as db:
        known = await subscribers.export_person(db, ROOMS, ADDRESS.lower())
    assert known is not None
    text = json.dumps(known, default=str)
    assert "bob@" not in text
    assert known["id"] == number
    assert known["address"] == ADDRESS
    assert known["choice"]["regions"] == ["lac"]
    assert [act["act"] for act in known["consent"]] == ["asked", "confirmed"]
    assert "Example Facility" in known["consent"][1]["wording"]
    assert known["consent"][1]["details"]["mail"] == {"letter": known["letters"][0]["id"], "taken_at": None}
    assert known["signups"][0]["network"] == "192.0.2.0/24"
    assert known["letters"][0]["mailing"] == "confirmations"
    assert known["digests"] == {"considered_up_to": 12}


async def test_of_a_stranger_there_is_nothing_to_export(visitor: Visitor) -> None:
    async with visitor.database.reading() as db:
        assert await subscribers.export_person(db, ROOMS, "stranger@example.org") is None


async def test_after_an_erasure_nothing_of_the_address_is_anywhere(
    visitor: Visitor, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)  # at DEBUG the drivers write down every statement
    with structlog.testing.capture_logs() as logged:
        await join_and_get_letters(visitor)
        assert ADDRESS in await dump(visitor.database)
        await erase(visitor)
        everything = await dump(visitor.database)
    written = f"{logged}{caplog.text}{capfd.readouterr()}"
    for part in (ADDRESS, ADDRESS.lower(), "alice.erasable", "Alice"):
        assert part not in everything
        assert part not in written
    for digest in ("sha256", "sha1", "md5", "blake2b"):
        assert hashlib.new(digest, ADDRESS.lower().encode()).hexdigest() not in everything


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL does it when it vacuums
async def test_after_an_erasure_not_even_the_files_of_the_database_hold_the_address(visitor: Visitor) -> None:
    await join_and_get_letters(visitor)
    await erase(visitor)
    await visitor.database.scrub()
    file = Path(visitor.database.url.database or "")
    for part in (file, file.with_name(file.name + "-wal")):
        assert b"erasable" not in part.read_bytes().lower()


async def test_after_an_erasure_the_proof_of_others_still_stands(visitor: Visitor) -> None:
    await join_and_get_letters(visitor)
    await visitor.join("bob@example.org")
    await erase(visitor)
    verdict = await verify(visitor.database)
    assert verdict.faults == []
    assert verdict.seals == 5
    assert (await visitor.rows(select(seal.c.act, seal.c.erased).order_by(seal.c.id)))[-1] == {
        "act": "erased",
        "erased": [1, 2],
    }


async def test_letters_that_wait_are_not_sent_to_an_erased_person(visitor: Visitor) -> None:
    await visitor.sign_up(ADDRESS)
    await erase(visitor)
    [letter] = await visitor.letters()
    assert (letter["status"], letter["address"], letter["reply"]) == ("skipped", "", None)


async def test_old_links_of_an_erased_person_answer_and_change_nothing(visitor: Visitor) -> None:
    number = await join_and_get_letters(visitor)
    await erase(visitor)
    links = Links(visitor.settings)
    link = path(links.unsubscribe(number))
    assert (await visitor.get(link)).status_code == 200
    assert (await visitor.post(link, data={"List-Unsubscribe": "One-Click"})).status_code == 200
    assert (await visitor.get(path(links.preferences(number)))).status_code < 500
    assert await visitor.count(subscriber) == 0


async def test_the_number_of_an_erased_person_is_never_given_to_another(visitor: Visitor) -> None:
    """Else their old links would open somebody else's page."""
    number = await join_and_get_letters(visitor)
    await erase(visitor)
    assert await visitor.join("bob@example.org") > number


async def test_an_erased_person_may_come_back_by_themselves(visitor: Visitor) -> None:
    await join_and_get_letters(visitor)
    await erase(visitor)
    visitor.clock.move(days=31)
    await visitor.join(ADDRESS)
    assert (await visitor.person(ADDRESS))["status"] == Status.CONFIRMED


async def test_erasing_many_at_once_leaves_the_others(visitor: Visitor) -> None:
    async with visitor.database.transaction() as db:
        people = [await meet(db, f"r{n}@example.org", visitor.clock()) for n in range(5)]
        await privacy.forget(db, ROOMS, [person.id for person in people[:4]] + [99999], visitor.clock())
        left = (await db.execute(select(subscriber.c.address))).scalars().all()
    assert left == ["r4@example.org"]


@pytest.mark.parametrize(
    ("reasons", "kept"),
    [
        ([Reason.ERASED, Reason.OPTED_OUT], "erased"),
        ([Reason.ERASED, Reason.REFUSED], "refused"),
        ([Reason.REFUSED, Reason.ERASED], "refused"),
    ],
)
async def test_a_refusal_outlives_every_other_reason(
    database: Database, settings: Any, clock: Any, reasons: list[Reason], kept: str
) -> None:
    now: datetime = clock()
    async with database.transaction() as db:
        for reason in reasons:
            await privacy.suppress(db, settings.keyring, [ADDRESS, ADDRESS.upper()], reason, now)
        key = privacy.hashed(settings.keyring, ADDRESS.lower())
        assert await rights_store.suppressed(db, [key, "other"]) == {key: kept}
        assert (await db.execute(select(func.count()).select_from(suppression))).scalar_one() == 1


async def test_the_record_says_by_which_letter_they_confirmed(visitor: Visitor) -> None:
    await visitor.sign_up(ADDRESS)
    async with visitor.database.transaction() as db:
        await db.execute(update(ledger).values(status="accepted", done_at=visitor.clock()))
    await visitor.post(await visitor.confirm_link(ADDRESS), data=await hidden(visitor))
    [row] = await visitor.rows(select(consent).where(consent.c.act == "confirmed"))
    [letter] = await visitor.letters()
    assert row["details"]["mail"] == {"letter": letter["id"], "taken_at": visitor.clock().isoformat()}


async def hidden(visitor: Visitor) -> dict[str, str]:
    return hidden_fields((await visitor.get(await visitor.confirm_link(ADDRESS))).text)

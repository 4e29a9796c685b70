"""Taking over an old list: nobody comes back who left, and nobody is mailed without a right."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from mailer.digests.store import Start, beginnings
from mailer.personal import ROOMS
from mailer.subscribers import erase, find, readers, release, sweep, unsubscribe
from mailer.subscribers.import_plan import Basis, Fate, Plan, Report, Unfounded
from mailer.subscribers.imports import examine, take, undo
from mailer.subscribers.old_list import open_list
from mailer.subscribers.proof import verify
from mailer.subscribers.status import Status
from mailer.tables import consent, imported_list, mark, subscriber, suppression
from tests.subscribers.conftest import Visitor, hidden_fields, path

OLD_LIST = """email,status,confirmed
ann@example.org,subscribed,2023-05-01
ben@example.org,subscribed,
cem@example.org,unsubscribed,2021-01-01
dan@example.org,pending,2023-05-01
eve@@example.org,subscribed,2023-05-01
ANN@example.org,subscribed,2023-05-01
fay@example.org,gold,2023-05-01
gus@example.org,subscribed,2031-01-01
noreply@example.org,subscribed,2023-05-01
"""


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., Plan]:
    """Makes a plan of a text, with everything that an operator must say."""

    def make(text: str = OLD_LIST, opt_outs: str = "", **said: Any) -> Plan:
        lists = []
        for name, content in (("old.csv", text), ("left.csv", opt_outs)):
            (tmp_path / name).write_text(content, "utf-8")
            lists.append(open_list(tmp_path / name) if content else None)
        assert lists[0] is not None
        always = {
            "basis": Basis.CONSENT,
            "evidence": "forms of the fair, in the archive",
            "actor": "admin:cli",
        }
        return Plan(lists[0], lists[1], **{**always, "stages": 1, **said})

    return make


async def taken(visitor: Visitor, plan: Plan, last_arrival: int = 0) -> Report:
    return await take(visitor.database, visitor.settings, plan, visitor.clock(), last_arrival=last_arrival)


async def statuses(visitor: Visitor) -> dict[str, str]:
    query = select(subscriber.c.address_key, subscriber.c.status)
    return {row["address_key"]: row["status"] for row in await visitor.rows(query)}


@pytest.mark.parametrize(
    "said",
    [{"basis": None}, {"evidence": ""}, {"evidence": "yes"}],
    ids=["no basis", "no evidence", "a word"],
)
def test_without_a_basis_and_its_evidence_nothing_is_imported(
    plan: Callable[..., Plan], said: dict[str, Any]
) -> None:
    with pytest.raises(Unfounded):
        plan(**said)


async def test_each_row_gets_what_its_evidence_allows(visitor: Visitor, plan: Callable[..., Plan]) -> None:
    report = await taken(visitor, plan())
    assert await statuses(visitor) == {
        "ann@example.org": Status.CONFIRMED,
        "ben@example.org": Status.HELD,
        "dan@example.org": Status.HELD,
        "gus@example.org": Status.HELD,
    }
    assert report.counts == {
        Fate.READER: 1,
        Fate.HELD: 3,
        Fate.OPTED_OUT: 1,
        Fate.REPEATED: 1,
        Fate.INVALID: 3,
    }
    assert report.remarks == [
        (5, "never confirmed there"),
        (6, "'eve@@example.org': not a usable mail address: form"),
        (8, "nobody knows what the status 'gold' means: left out"),
        (9, "no past date: '2031-01-01'"),
        (10, "'noreply@example.org': nobody reads this mailbox"),
    ]
    assert (await visitor.person("ann@example.org"))["confirmed_at"] == datetime(2023, 5, 1, tzinfo=UTC)


async def test_a_look_first_says_the_same_and_changes_nothing(
    visitor: Visitor, plan: Callable[..., Plan]
) -> None:
    seen = await examine(visitor.database, visitor.settings, plan(), visitor.clock())
    for table in (subscriber, consent, suppression, imported_list):
        assert await visitor.count(table) == 0
    done = await taken(visitor, plan())
    assert (seen.counts, seen.remarks) == (done.counts, done.remarks)


async def test_what_speaks_for_each_stands_in_the_record_and_is_sealed(
    visitor: Visitor, plan: Callable[..., Plan]
) -> None:
    report = await taken(visitor, plan())
    rows = await visitor.rows(select(consent).order_by(consent.c.id))
    assert {(row["act"], row["actor"]) for row in rows} == {("imported", f"import:{report.number}")}
    assert rows[0]["details"] | {"regions": 0, "kinds": 0} == {
        "basis": "consent",
        "evidence": "forms of the fair, in the archive",
        "file": "old.csv",
        "line": 2,
        "confirmed": "2023-05-01",
        "regions": 0,
        "kinds": 0,
        "languages": ["en"],
        "frequency": "weekly",
    }
    verdict = await verify(visitor.database)
    assert (verdict.seals, verdict.waiting, verdict.faults) == (4, 0, [])


async def test_who_opted_out_never_comes_back_by_a_later_list(
    visitor: Visitor, plan: Callable[..., Plan]
) -> None:
    await taken(visitor, plan())
    later = "email,confirmed\ncem@example.org,2024-01-01\nzoe@example.org,2024-01-01\n"
    report = await taken(visitor, plan(later))
    assert report.remarks == [(2, "suppressed: opted out")]
    assert "cem@example.org" not in await statuses(visitor)


async def test_opt_outs_count_wherever_they_stand(visitor: Visitor, plan: Callable[..., Plan]) -> None:
    """In a file of their own, or further down in the same one."""
    text = "email,status,confirmed\nann@example.org,,2023-01-01\nben@example.org,,2023-01-01\nBen@Example.org,no,\n"
    report = await taken(visitor, plan(text, opt_outs="ANN@example.org\nnonsense\n"))
    assert await statuses(visitor) == {}
    assert report.counts == {Fate.OPTED_OUT: 3}
    assert report.remarks == [(2, "of the opt-outs: not a usable mail address: no @")]


async def test_an_opt_out_ends_what_an_earlier_import_began_but_not_their_own_sign_up(
    visitor: Visitor, plan: Callable[..., Plan]
) -> None:
    await taken(visitor, plan())
    await visitor.join("own@example.org")
    report = await taken(
        visitor, plan("email,status\nann@example.org,unsubscribed\nown@example.org,unsubscribed\n")
    )
    now = await statuses(visitor)
    assert (now["ann@example.org"], now["own@example.org"]) == (Status.UNSUBSCRIBED, Status.CONFIRMED)
    assert report.remarks == [(3, "opted out there, but confirmed here since: see to it by hand")]


async def test_known_people_stay_as_they_are(visitor: Visitor, plan: Callable[..., Plan]) -> None:
    number = await visitor.join("left@example.org", region=["lac"])
    async with visitor.database.transaction() as db:
        await unsubscribe(db, number, visitor.clock())
    await visitor.join("reader@example.org", region=["lac"])
    before = await visitor.everything()
    people = ("left@example.org", "Reader@example.org")
    report = await taken(visitor, plan("email,confirmed\n" + "".join(f"{p},2023-01-01\n" for p in people)))
    assert report.counts == {Fate.KNOWN: 2}
    assert await visitor.everything() == before


async def test_an_erased_person_is_not_brought_back(visitor: Visitor, plan: Callable[..., Plan]) -> None:
    await visitor.join("Gone@example.org")
    async with visitor.database.transaction() as db:
        person = await find(db, "gone@example.org")
        assert person is not None
        await erase(db, visitor.settings.keyring, ROOMS, person, visitor.clock())
    report = await taken(visitor, plan("email,confirmed\ngone@EXAMPLE.org,2023-01-01\n"))
    assert report.counts == {Fate.SUPPRESSED: 1}
    assert await statuses(visitor) == {}


async def test_choices_of_the_list_are_taken_where_they_are_on_offer(
    visitor: Visitor, plan: Callable[..., Plan]
) -> None:
    text = "email,confirmed,region,frequency\na@example.org,2023-01-01,lac,monthly\nb@example.org,2023-01-01,moon,\n"
    report = await taken(visitor, plan(text))
    assert report.remarks == [(3, "not on offer: the region of this row")]
    assert [row["address"] for row in await visitor.rows(readers("monthly"))] == ["a@example.org"]


async def test_nothing_that_came_before_is_news_to_them(visitor: Visitor, plan: Callable[..., Plan]) -> None:
    await taken(visitor, plan("email,confirmed\na@example.org,2023-01-01\n"), last_arrival=40)
    own = await visitor.join("own@example.org")
    person = await visitor.person("a@example.org")

    async def low(start: int) -> dict[int, int]:
        rows = await visitor.rows(beginnings("weekly", 0, 10**9, Start(start, None)))
        return {row["recipient"]: row["low"] for row in rows}

    assert await low(start=0) == {person["id"]: 40, own: 0}
    assert await low(start=60) == {person["id"]: 60, own: 60}
    async with visitor.database.transaction() as db:
        await db.execute(insert(mark).values(recipient=person["id"], arrival=50))
    assert await low(start=60) == {person["id"]: 50, own: 60}


async def test_first_sends_go_in_stages_one_digest_apart(visitor: Visitor, plan: Callable[..., Plan]) -> None:
    text = "email,confirmed\n" + "".join(f"r{n}@example.org,2023-01-01\n" for n in range(9))
    await taken(visitor, plan(text, stages=3))
    counts = []
    for _ in range(4):
        await release(visitor.database, visitor.settings, visitor.clock())
        counts.append(len(await visitor.rows(readers("weekly"))))
        visitor.clock.move(days=7)
    assert counts == [3, 6, 9, 9]


async def test_without_evidence_nothing_is_ever_sent(visitor: Visitor, plan: Callable[..., Plan]) -> None:
    await taken(visitor, plan("email\nben@example.org\n"))
    visitor.clock.move(days=400)
    assert await release(visitor.database, visitor.settings, visitor.clock()) == (0, 0)
    assert await visitor.letters() == []
    assert await visitor.rows(readers("weekly")) == []


async def test_reconfirming_asks_each_once_in_stages_and_their_button_makes_them_readers(
    visitor: Visitor, plan: Callable[..., Plan]
) -> None:
    people = [f"r{n}@example.org" for n in range(4)]
    await taken(visitor, plan("email\n" + "\n".join(people), stages=2, reconfirm=True))
    asked = []
    for _ in range(4):
        asked.append((await release(visitor.database, visitor.settings, visitor.clock()))[1])
        visitor.clock.move(days=1)
    assert asked == [2, 2, 0, 0]
    assert len(await visitor.letters()) == 4
    assert await visitor.rows(readers("weekly")) == []
    link = await visitor.confirm_link("r3@example.org")
    await visitor.post(link, data=hidden_fields((await visitor.get(link)).text))
    assert [row["address"] for row in await visitor.rows(readers("weekly"))] == ["r3@example.org"]
    acts = await visitor.rows(
        select(consent).where(consent.c.subscriber_id == (await visitor.person("r3@example.org"))["id"])
    )
    assert [act["act"] for act in acts] == ["imported", "asked", "confirmed"]
    assert acts[1]["actor"].startswith("import:")


async def test_who_refuses_when_asked_is_never_asked_again(
    visitor: Visitor, plan: Callable[..., Plan]
) -> None:
    await taken(visitor, plan("email\nben@example.org\n", reconfirm=True))
    await release(visitor.database, visitor.settings, visitor.clock())
    link = path(visitor.links.refuse((await visitor.letters())[-1]["reference"]))
    await visitor.post(link, data=hidden_fields((await visitor.get(link)).text))
    visitor.clock.move(days=91)
    assert (await sweep(visitor.database, visitor.settings, ROOMS, visitor.clock())).held == 1
    report = await taken(visitor, plan("email\nben@example.org\n", reconfirm=True))
    assert report.remarks == [(2, "suppressed: refused")]
    await visitor.sign_up("ben@example.org")
    assert await visitor.letters("ben@example.org") == []


async def test_undoing_forgets_who_did_nothing_themselves(
    visitor: Visitor, plan: Callable[..., Plan]
) -> None:
    people = ["quiet@example.org", "changed@example.org", "left@example.org", "joined@example.org"]
    report = await taken(
        visitor, plan("email,confirmed\nheld@example.org,\n" + "".join(f"{p},2023-01-01\n" for p in people))
    )
    assert report.number is not None
    for address in people[1:]:
        number = (await visitor.person(address))["id"]
        visitor.clock.move(days=2)
        if address == "left@example.org":
            await visitor.post(visitor.links.unsubscribe(number), data={"List-Unsubscribe": "One-Click"})
        else:
            await visitor.join(address, region=["lac"])
    done = await undo(visitor.database, ROOMS, report.number, visitor.clock())
    assert done == (2, 3)
    assert set(await statuses(visitor)) == set(people[1:])
    assert (await verify(visitor.database)).faults == []
    assert await undo(visitor.database, ROOMS, report.number, visitor.clock()) == (0, 3)
    assert await undo(visitor.database, ROOMS, 999, visitor.clock()) is None


async def test_after_undoing_the_same_list_can_be_taken_better(
    visitor: Visitor, plan: Callable[..., Plan]
) -> None:
    report = await taken(visitor, plan())
    await undo(visitor.database, ROOMS, report.number or 0, visitor.clock())
    assert (await taken(visitor, plan())).counts == report.counts


async def test_an_interrupted_import_is_just_repeated(visitor: Visitor, plan: Callable[..., Plan]) -> None:
    first = "email,confirmed\na@example.org,2023-01-01\n"
    await taken(visitor, plan(first))
    report = await taken(visitor, plan(first + "b@example.org,2023-01-01\n"))
    assert report.counts == {Fate.KNOWN: 1, Fate.READER: 1}


async def test_letters_to_the_imported_can_be_withdrawn_with_the_import(
    visitor: Visitor, plan: Callable[..., Plan]
) -> None:
    report = await taken(visitor, plan("email\nben@example.org\n", reconfirm=True))
    await release(visitor.database, visitor.settings, visitor.clock())
    await undo(visitor.database, ROOMS, report.number or 0, visitor.clock())
    assert [(letter["status"], letter["address"]) for letter in await visitor.letters()] == [("skipped", "")]


async def test_more_than_one_group_of_rows_is_taken_whole(
    visitor: Visitor, plan: Callable[..., Plan]
) -> None:
    text = "email,confirmed\n" + "".join(f"r{n}@example.org,2023-01-01\n" for n in range(1201))
    report = await taken(visitor, plan(text))
    assert report.counts == {Fate.READER: 1201}
    assert (await verify(visitor.database)).seals == 1201

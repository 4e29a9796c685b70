"""A reader lost their link, or moves to another address."""

from typing import Any

import pytest
from sqlalchemy import event, select

from mailer.subscribers import sweep
from mailer.subscribers.letters import letter
from mailer.tables import address_change, consent, edition, ledger
from tests.subscribers.conftest import Visitor, path


class Statements:
    """The statements of a request, with the numbers and addresses of their rows left out."""

    def __init__(self, visitor: Visitor) -> None:
        self.engine = visitor.database.engine.sync_engine
        self.seen: list[str] = []

    def __enter__(self) -> "Statements":
        event.listen(self.engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self._note)

    def _note(self, _c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.seen.append(statement)


async def subjects(visitor: Visitor, address: str) -> list[str]:
    query = select(edition.c.subject).join(ledger, ledger.c.edition_id == edition.c.id)
    return [
        row["subject"]
        for row in await visitor.rows(query.where(ledger.c.address == address).order_by(ledger.c.id))
    ]


async def fresh_link(visitor: Visitor, address: str = "alice@example.org") -> str:
    """The link of the newest letter by which this reader can say a new address."""
    await visitor.post("/link", data={"address": address})
    return path(visitor.links.new_address((await visitor.letters(address))[-1]["reference"]))


async def move_link(visitor: Visitor, address: str) -> str:
    return path(visitor.links.move((await visitor.letters(address))[-1]["reference"]))


# ── a lost link ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_reader_gets_their_links_by_mail(visitor: Visitor) -> None:
    number = await visitor.join()
    answer = await visitor.post("/link", data={"address": "ALICE@example.org"})
    assert answer.status_code == 200
    sent = (await visitor.letters("alice@example.org"))[-1]
    assert (sent["recipient"], sent["status"]) == (number, "due")
    assert visitor.woken[-1] == sent["batch_id"]
    content = letter(visitor.settings, "en", "links")
    assert (await subjects(visitor, "alice@example.org"))[-1] == content.subject
    for mark in ("p", "u", "n"):
        assert f"\ue000{mark}\ue001" in content.text[0]
        assert f"\ue000{mark}\ue001" in content.html[0]


async def test_the_answer_and_the_statements_tell_nobody_who_is_a_reader(visitor: Visitor) -> None:
    await visitor.join("known@example.org")
    gone = await visitor.join("gones@example.org")
    await visitor.post(path(visitor.links.unsubscribe(gone)))
    await visitor.sign_up("asked@example.org")
    await visitor.post("/link", data={"address": "first@example.org"})  # what is made once is there by now
    letters = len(await visitor.letters())
    answers, statements = set(), set()
    for name in ("known", "gones", "asked", "never"):
        with Statements(visitor) as seen:
            answer = await visitor.post("/link", data={"address": f"{name}@example.org"})
        answers.add(
            (answer.status_code, answer.text.replace(name, "…"), repr(sorted(answer.headers.items())))
        )
        statements.add("\n".join(seen.seen))
    assert len(answers) == len(statements) == 1
    assert [row["address"] for row in (await visitor.letters())[letters:]] == ["known@example.org"]


async def test_the_links_have_a_budget_of_their_own(visitor: Visitor) -> None:
    await visitor.join()
    for _ in range(4):
        answer = await visitor.post("/link", data={"address": "alice@example.org"})
        assert answer.status_code == 200
    assert len(await visitor.letters()) == 3
    visitor.clock.move(days=1)
    await visitor.post("/link", data={"address": "alice@example.org"})
    assert len(await visitor.letters()) == 4


async def test_a_mistake_stands_beside_the_field_and_a_program_in_the_trap_gets_no_letter(
    visitor: Visitor,
) -> None:
    await visitor.join()
    wrong = await visitor.post("/link", data={"address": "alice"})
    assert wrong.status_code == 422
    assert 'aria-describedby="address-mistake"' in wrong.text
    trapped = await visitor.post("/link", data={"address": "alice@example.org", "homepage": "x"})
    assert trapped.status_code == 200
    assert len(await visitor.letters()) == 1


# ── another address ─────────────────────────────────────────────────────────────────────────────────


async def test_a_move_needs_a_fresh_link_is_confirmed_by_the_new_mailbox_and_told_to_the_old(
    visitor: Visitor,
) -> None:
    number = await visitor.join(region=["lac"])
    before = await visitor.person()
    page = await visitor.post(path(visitor.links.preferences(number)) + "/address")
    assert "a•••@e•••.org" in page.text
    fresh = path(visitor.links.new_address((await visitor.letters())[-1]["reference"]))
    said = await visitor.post(fresh, data={"address": "Alice@new.example"})
    assert "Alice@new.example" in said.text
    assert await visitor.person() == before  # until the new mailbox says yes
    link = await move_link(visitor, "Alice@new.example")
    assert "a•••@n•••.example" in (await visitor.get(link)).text.lower()
    assert await visitor.person() == before
    assert "You have moved" in (await visitor.post(link)).text
    after = await visitor.person("alice@new.example")
    assert after == before | {"address": "Alice@new.example", "address_key": "alice@new.example"}
    told = (await visitor.letters("alice@example.org"))[-1]
    assert told["recipient"] == number
    assert (await subjects(visitor, "alice@example.org"))[-1] == letter(
        visitor.settings, "en", "moved"
    ).subject
    assert visitor.woken[-1] == told["batch_id"]
    record = (await visitor.rows(select(consent).order_by(consent.c.id)))[-1]
    assert (record["act"], record["actor"]) == ("changed", "reader")
    assert record["details"] == {"address": "A•••@n•••.example", "before": "a•••@e•••.org"}
    assert "Already done" in (await visitor.post(link)).text


async def test_opening_the_links_changes_nothing(visitor: Visitor) -> None:
    await visitor.join()
    fresh = await fresh_link(visitor)
    await visitor.post(fresh, data={"address": "alice@new.example"})
    link = await move_link(visitor, "alice@new.example")
    before = await visitor.everything(), await visitor.rows(select(address_change))
    for address in ("/link", fresh, link):
        for method in ("GET", "HEAD", "OPTIONS"):
            await visitor.browser.request(method, address)
    assert (await visitor.everything(), await visitor.rows(select(address_change))) == before


async def test_no_link_opens_another_right(visitor: Visitor) -> None:
    number = await visitor.join()
    fresh = await fresh_link(visitor)
    token = fresh.rsplit("/", 1)[1]
    for other in ("move", "preferences", "unsubscribe", "confirm", "reason", "undo"):
        assert (await visitor.post(f"/{other}/{token}")).status_code == 404
    old = path(visitor.links.preferences(number)).rsplit("/", 1)[1]
    assert (await visitor.post(f"/address/{old}", data={"address": "b@new.example"})).status_code == 404


@pytest.mark.parametrize("who", ["reader", "pending", "unsubscribed", "refused"])
async def test_a_known_address_gets_the_same_answer_and_no_letter(visitor: Visitor, who: str) -> None:
    await visitor.join()
    if who in ("reader", "unsubscribed"):
        taken = await visitor.join("taken@new.example")
    else:
        await visitor.sign_up("taken@new.example")
    if who == "unsubscribed":
        await visitor.post(path(visitor.links.unsubscribe(taken)))
    if who == "refused":
        asked = (await visitor.letters("taken@new.example"))[-1]["reference"]
        await visitor.post(path(visitor.links.refuse(asked)))
    visitor.clock.move(days=1)
    fresh = await fresh_link(visitor)
    letters = len(await visitor.letters("taken@new.example"))
    same = await visitor.post(fresh, data={"address": "taken@new.example"})
    free = await visitor.post(fresh, data={"address": "freed@new.example"})
    assert same.text.replace("taken@", "") == free.text.replace("freed@", "")
    assert len(await visitor.letters("taken@new.example")) == letters
    assert len(await visitor.letters("freed@new.example")) == 1


async def test_who_was_first_keeps_the_address(visitor: Visitor) -> None:
    await visitor.join()
    await visitor.post(await fresh_link(visitor), data={"address": "new@new.example"})
    link = await move_link(visitor, "new@new.example")
    visitor.clock.move(days=1)
    await visitor.join("new@new.example")
    for method in ("GET", "POST"):
        assert "subscription of its own" in (await visitor.browser.request(method, link)).text
    assert (await visitor.person())["address"] == "alice@example.org"


async def test_the_links_end_and_are_forgotten(visitor: Visitor) -> None:
    number = await visitor.join()
    fresh = await fresh_link(visitor)
    await visitor.post(fresh, data={"address": "alice@new.example"})
    link = await move_link(visitor, "alice@new.example")
    visitor.clock.move(days=1)
    assert (await visitor.post(fresh, data={"address": "b@new.example"})).status_code == 410
    assert (await visitor.get(link)).status_code == 200
    visitor.clock.move(days=visitor.settings.confirm_days)
    assert (await visitor.post(link)).status_code == 410
    assert (await visitor.person())["id"] == number
    await sweep(visitor.database, visitor.settings, (), visitor.clock())
    assert await visitor.count(address_change) == 0


async def test_who_has_left_moves_no_more(visitor: Visitor) -> None:
    number = await visitor.join()
    await visitor.post(await fresh_link(visitor), data={"address": "alice@new.example"})
    link = await move_link(visitor, "alice@new.example")
    await visitor.post(path(visitor.links.unsubscribe(number)))
    assert (await visitor.post(link)).status_code == 410
    assert (await visitor.person())["address"] == "alice@example.org"

"""The two links of a confirmation mail."""

import asyncio

import pytest
from sqlalchemy import select

from mailer.subscribers import audiences, readers
from mailer.subscribers.consent import current_wording
from mailer.subscribers.store import keep_wording
from mailer.tables import consent, signup, wording
from mailer.tools.tokens import Purpose
from tests.conftest import make_settings
from tests.subscribers.conftest import Visitor, hidden_fields, path

SCANNERS = ("Mozilla/5.0", "Barracuda", "Safelinks", "GoogleImageProxy", "curl/8")


async def test_opening_the_link_changes_nothing(visitor: Visitor) -> None:
    """O01: scanners open links, ahead of the reader and often."""
    await visitor.sign_up()
    link = await visitor.confirm_link()
    before = await visitor.everything()
    for agent in SCANNERS:
        for method in ("GET", "HEAD", "OPTIONS"):
            await visitor.browser.request(
                method, link, headers={"User-Agent": agent, "Sec-Purpose": "prefetch"}
            )
    assert await visitor.everything() == before
    page = (await visitor.get(link)).text
    assert "<script" not in page
    assert page.count("<button") == 1


async def test_the_button_confirms_once_and_records_the_words_that_stood_beside_it(
    visitor: Visitor,
) -> None:
    await visitor.sign_up(region=["lac"])
    link = await visitor.confirm_link()
    page = await visitor.get(link)
    assert "Latin America and the Caribbean" in page.text
    assert "a•••@e•••.org" in page.text
    assert "alice@example.org" not in page.text
    answer = await visitor.post(link, data=hidden_fields(page.text))
    assert answer.status_code == 200
    assert (await visitor.person())["status"] == "confirmed"
    assert await visitor.acts() == ["asked", "confirmed"]
    proof = (await visitor.rows(select(consent).order_by(consent.c.id)))[-1]
    shown = (await visitor.rows(select(wording).where(wording.c.id == proof["wording_id"])))[0]
    assert shown["text"] == current_wording(visitor.settings, "en").text
    for paragraph in shown["text"].splitlines()[:2]:
        assert paragraph in page.text
    assert proof["details"]["regions"] == ["lac"]

    again = await visitor.post(link, data=hidden_fields(page.text))
    assert again.status_code == 200
    assert "Already confirmed" in again.text
    assert "Already confirmed" in (await visitor.get(link)).text
    assert await visitor.acts() == ["asked", "confirmed"]


async def test_ten_presses_at_once_confirm_once(visitor: Visitor) -> None:
    await visitor.sign_up()
    link = await visitor.confirm_link()
    answers = await asyncio.gather(*(visitor.post(link) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert await visitor.acts() == ["asked", "confirmed"]


async def test_only_the_confirmed_may_get_a_digest_of_their_frequency(visitor: Visitor) -> None:
    alice = await visitor.join("alice@example.org", frequency="weekly", region=["lac"])
    await visitor.join("monica@example.org", frequency="monthly")
    await visitor.sign_up("bob@example.org", frequency="weekly")
    rows = await visitor.rows(readers("weekly"))
    assert [(row["recipient"], row["address"]) for row in rows] == [(alice, "alice@example.org")]
    async with visitor.database.reading() as db:
        chosen = (await audiences(db))[rows[0]["audience_id"]]
    assert len(chosen.regions) == 1
    assert (chosen.frequency, chosen.languages) == ("weekly", ("en",))


async def test_the_same_choice_is_kept_once(visitor: Visitor) -> None:
    one = await visitor.join("a@example.org", region=["lac", "asia"])
    two = await visitor.join("b@example.org", region=["asia", "lac"])
    assert one != two
    people = [await visitor.person(name) for name in ("a@example.org", "b@example.org")]
    assert people[0]["audience_id"] == people[1]["audience_id"]


async def test_an_expired_link_offers_a_new_one(visitor: Visitor) -> None:
    await visitor.sign_up(region=["lac"], frequency="monthly")
    link = await visitor.confirm_link()
    visitor.clock.move(days=7)
    page = await visitor.get(link)
    assert page.status_code == 410
    assert f'action="{link}/again"' in page.text
    assert (await visitor.post(link)).status_code == 410
    assert (await visitor.person())["status"] == "pending"

    assert (await visitor.post(f"{link}/again")).status_code == 200
    await visitor.post(f"{link}/again")  # the same budgets hold
    assert len(await visitor.letters()) == 2
    await visitor.post(await visitor.confirm_link())
    details = (await visitor.rows(select(consent)))[-1]["details"]
    assert (details["regions"], details["frequency"]) == (["lac"], "monthly")


async def test_a_link_that_works_still_sends_no_new_one(visitor: Visitor) -> None:
    await visitor.sign_up()
    link = await visitor.confirm_link()
    visitor.clock.move(days=1)
    assert "Confirm your subscription" in (await visitor.post(f"{link}/again")).text
    assert len(await visitor.letters()) == 1


async def test_that_was_not_me_stops_all_further_requests(visitor: Visitor) -> None:
    """O06."""
    await visitor.sign_up()
    letter = (await visitor.letters())[0]
    link = path(visitor.links.refuse(letter["reference"]))
    before = await visitor.everything()
    assert (await visitor.get(link)).text.count("<button") == 1
    assert await visitor.everything() == before
    assert "We will not ask again" in (await visitor.post(link)).text
    assert (await visitor.post(link)).status_code == 200
    assert await visitor.acts() == ["asked", "refused"]
    visitor.clock.move(days=2)
    await visitor.sign_up()
    assert len(await visitor.letters()) == 1
    await visitor.post(await visitor.confirm_link())
    assert (await visitor.person())["status"] == "pending"


async def test_a_reader_who_refuses_a_strangers_request_stays_a_reader(visitor: Visitor) -> None:
    await visitor.join(region=["lac"])
    before = await visitor.person()
    visitor.clock.move(days=1)
    await visitor.sign_up(region=["asia"])
    await visitor.post(path(visitor.links.refuse((await visitor.letters())[-1]["reference"])))
    assert await visitor.person() == before


async def test_a_reader_who_signs_up_again_changes_their_choice_by_confirming(visitor: Visitor) -> None:
    await visitor.join(region=["lac"])
    old = (await visitor.person())["audience_id"]
    visitor.clock.move(days=1)
    await visitor.sign_up(region=["asia"])
    assert (await visitor.person())["audience_id"] == old
    await visitor.post(await visitor.confirm_link())
    person = await visitor.person()
    assert person["status"] == "confirmed"
    assert person["audience_id"] != old


async def test_who_has_left_can_come_back(visitor: Visitor) -> None:
    number = await visitor.join()
    await visitor.post(path(visitor.links.unsubscribe(number)))
    visitor.clock.move(days=1)
    await visitor.join()
    person = await visitor.person()
    assert (person["status"], person["ended_at"]) == ("confirmed", None)


async def test_a_token_opens_nothing_but_its_own_page(visitor: Visitor) -> None:
    """O02: each purpose at each address, and each single letter changed."""
    await visitor.sign_up()
    number = (await visitor.letters())[0]["reference"]
    before = await visitor.everything()
    keyring = visitor.settings.keyring
    pages = {
        "confirm": Purpose.CONFIRM,
        "refuse": Purpose.REFUSE,
        "preferences": Purpose.PREFERENCES,
        "unsubscribe": Purpose.UNSUBSCRIBE,
        "undo": Purpose.UNDO,
    }
    for page, right in pages.items():
        for purpose in Purpose:
            if purpose is not right:
                wrong = f"/{page}/{keyring.sign(purpose, str(number))}"
                assert (await visitor.post(wrong)).status_code == 404
    token = keyring.sign(Purpose.CONFIRM, str(number))
    for place, letter in enumerate(token):
        flipped = token[:place] + ("A" if letter != "A" else "B") + token[place + 1 :]
        assert (await visitor.post(f"/confirm/{flipped}")).status_code == 404
    assert await visitor.everything() == before


async def test_a_stale_text_is_shown_anew_before_it_counts(visitor: Visitor) -> None:
    await visitor.sign_up()
    link = await visitor.confirm_link()
    answer = await visitor.post(link, data={"wording": "0" * 64})
    assert "Confirm your subscription" in answer.text
    assert (await visitor.rows(select(signup)))[0]["used_at"] is None


async def test_the_words_that_were_shown_count_even_if_they_changed_since(visitor: Visitor) -> None:
    await visitor.sign_up()
    link = await visitor.confirm_link()
    older = make_settings(organisation="Older Name")
    async with visitor.database.transaction() as db:
        shown = current_wording(older, "en")
        number = await keep_wording(db, shown, visitor.clock())
    await visitor.post(link, data={"wording": shown.hash})
    assert (await visitor.rows(select(consent).order_by(consent.c.id)))[-1]["wording_id"] == number


@pytest.mark.parametrize("body", [b"wording=%00", b"\xff\xfe=&&&=", b"wording=" + b"a" * 5000])
async def test_a_broken_body_confirms_nothing(visitor: Visitor, body: bytes) -> None:
    await visitor.sign_up()
    link = await visitor.confirm_link()
    answer = await visitor.post(
        link, content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 200
    if b"wording" in body:
        assert (await visitor.person())["status"] == "pending"

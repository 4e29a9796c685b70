"""A reader leaves, in one click."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from mailer.delivery import Content, Envelope, Stream, put, save_edition
from mailer.links import Links
from mailer.subscribers import readers, unsubscribe
from mailer.tables import consent, subscriber
from tests.conftest import make_settings
from tests.subscribers.conftest import Visitor, path

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
BODIES: list[dict[str, Any]] = [
    {"data": ONE_CLICK},
    {"files": {"List-Unsubscribe": (None, "One-Click")}},
    {
        "content": b"List-Unsubscribe=One-Click",
        "headers": {"Content-Type": "application/x-www-form-urlencoded; charset=bogus"},
    },
    {"content": b"--x\r\nrubbish", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
    {"content": b"x", "headers": {"Content-Type": "multipart/form-data; charset=bogus; boundary=x"}},
    {"content": b""},
]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("slash", ["", "/"])
async def test_one_post_is_enough(visitor: Visitor, body: dict[str, Any], slash: str) -> None:
    """RFC 8058: no cookie, no redirect, either encoding; 200 again when repeated."""
    link = path(visitor.links.unsubscribe(await visitor.join())) + slash
    for _ in range(2):
        answer = await visitor.post(link, **body)
        assert answer.status_code == 200
        assert "location" not in answer.headers
        assert "set-cookie" not in answer.headers
    person = await visitor.person()
    assert (person["status"], person["ended_at"]) == ("unsubscribed", visitor.clock())
    assert (await visitor.acts())[2:] == ["unsubscribed"]
    assert await visitor.rows(readers("weekly")) == []


async def test_the_record_says_who_did_it(visitor: Visitor) -> None:
    await visitor.post(path(visitor.links.unsubscribe(await visitor.join("a@example.org"))), data=ONE_CLICK)
    await visitor.post(path(visitor.links.unsubscribe(await visitor.join("b@example.org"))))
    carol = await visitor.join("c@example.org")
    async with visitor.database.transaction() as db:
        await unsubscribe(db, carol, visitor.clock(), actor="admin:eve")
    rows = await visitor.rows(select(consent).order_by(consent.c.id))
    actors = [row["actor"] for row in rows if row["act"] == "unsubscribed"]
    assert actors == ["one-click", "reader", "admin:eve"]


async def test_opening_the_link_changes_nothing(visitor: Visitor) -> None:
    link = path(visitor.links.unsubscribe(await visitor.join()))
    before = await visitor.everything()
    for method in ("GET", "HEAD", "OPTIONS"):
        for slash in ("", "/"):
            await visitor.browser.request(method, link + slash, headers={"Purpose": "prefetch"})
    assert await visitor.everything() == before
    assert (await visitor.get(link)).text.count("<button") == 1


async def test_it_takes_back_letters_that_wait(visitor: Visitor) -> None:
    """L11: also those of a run under way."""
    number = await visitor.join()
    async with visitor.database.transaction() as db:
        edition = await save_edition(db, Content("en", "Digest", ("text\n",), ("html\n",)))
        envelope = Envelope(edition, number, "alice@example.org")
        await put(db, [envelope], visitor.clock(), mailing_name="weekly", stream=Stream.DIGEST)
    await visitor.post(path(visitor.links.unsubscribe(number)))
    assert {row["status"] for row in await visitor.letters()} == {"skipped"}


async def test_ten_posts_at_once_end_it_once(visitor: Visitor) -> None:
    link = path(visitor.links.unsubscribe(await visitor.join()))
    answers = await asyncio.gather(*(visitor.post(link) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert (await visitor.acts()).count("unsubscribed") == 1


async def test_an_erased_reader_still_gets_a_friendly_answer(visitor: Visitor) -> None:
    link = path(visitor.links.unsubscribe(4711))
    for method in ("GET", "POST"):
        answer = await visitor.browser.request(method, link)
        assert answer.status_code == 200
        assert "You are unsubscribed" in answer.text


@pytest.mark.parametrize("token", ["x", "aa.1.0123456789012345678901", "%00", "aa.1." + "é" * 22])
async def test_a_wrong_token_is_no_page_of_ours(visitor: Visitor, token: str) -> None:
    for method in ("GET", "POST"):
        answer = await visitor.browser.request(method, f"/unsubscribe/{token}")
        assert answer.status_code == 404
        assert "cut in two" in answer.text


async def test_a_link_outlives_its_secret(visitor: Visitor) -> None:
    """L10: five years later, after the secret has been changed."""
    number = await visitor.join()
    older = make_settings(secret="an older secret of thirty-two letters")
    link = path(Links(older).unsubscribe(number))
    assert (await visitor.post(link)).status_code == 404
    visitor.settings.keyring._keys.extend(older.keyring._keys)  # as "newer older" in MAILER_SECRET
    visitor.clock.move(days=5 * 365)
    assert (await visitor.post(link)).status_code == 200
    assert (await visitor.person())["status"] == "unsubscribed"


async def test_a_link_shows_no_address(visitor: Visitor) -> None:
    link = visitor.links.unsubscribe(await visitor.join())
    assert "@" not in link
    assert "alice" not in link


async def test_the_page_that_follows_can_take_it_back(visitor: Visitor) -> None:
    number = await visitor.join()
    before = await visitor.person()
    page = (await visitor.post(path(visitor.links.unsubscribe(number)))).text
    undo = page.split('action="')[1].split('"')[0]
    assert (await visitor.get(undo)).status_code == 405
    assert "still subscribed" in (await visitor.post(undo)).text
    assert await visitor.person() == before
    assert (await visitor.acts())[-2:] == ["unsubscribed", "resumed"]
    assert "Too late" in (await visitor.post(undo)).text


async def test_undoing_works_for_an_hour_and_for_that_one_time_only(visitor: Visitor) -> None:
    number = await visitor.join()
    link = path(visitor.links.unsubscribe(number))
    first = (await visitor.post(link)).text.split('action="')[1].split('"')[0]
    await visitor.post(first)
    visitor.clock.move(minutes=5)
    second = (await visitor.post(link)).text.split('action="')[1].split('"')[0]
    assert first != second
    await visitor.post(first)
    assert (await visitor.person())["status"] == "unsubscribed"
    visitor.clock.move(hours=1, seconds=1)
    assert "Too late" in (await visitor.post(second)).text
    assert (await visitor.person())["status"] == "unsubscribed"


async def test_one_who_never_confirmed_can_leave_too(visitor: Visitor) -> None:
    await visitor.sign_up()
    number = (await visitor.person())["id"]
    page = await visitor.post(path(visitor.links.unsubscribe(number)))
    assert page.status_code == 200
    assert (await visitor.person())["status"] == "unsubscribed"
    undo = page.text.split('action="')[1].split('"')[0]
    await visitor.post(undo)  # there is nothing confirmed to go back to
    assert (await visitor.person())["status"] == "unsubscribed"


async def test_a_gone_row_is_no_error(visitor: Visitor) -> None:
    async with visitor.database.transaction() as db:
        values = {"address": "x@example.org", "address_key": "x@example.org", "status": "pending"}
        await db.execute(insert(subscriber).values(**values, created_at=visitor.clock()))
        await db.execute(delete(subscriber))
        assert await unsubscribe(db, 1, visitor.clock()) is None


async def test_a_reason_is_one_click_recorded_once_and_changes_nothing_else(visitor: Visitor) -> None:
    number = await visitor.join()
    page = (await visitor.post(path(visitor.links.unsubscribe(number)))).text
    link = page.split('aria-labelledby="why"')[0].rsplit('action="', 1)[1].split('"')[0]
    before = await visitor.person()
    assert (await visitor.get(link)).status_code == 405
    assert (await visitor.post(link, data={"reason": "<b>rant</b>"})).status_code == 400
    for _ in range(2):
        assert (await visitor.post(link, data={"reason": "too-many"})).status_code == 200
    rows = await visitor.rows(select(consent).order_by(consent.c.id))
    assert [row["details"] for row in rows if row["act"] == "reason"] == [{"reason": "too-many"}]
    assert await visitor.person() == before


async def test_nobody_gives_a_reason_for_another_act(visitor: Visitor) -> None:
    await visitor.join()
    confirmed = (await visitor.rows(select(consent.c.id).where(consent.c.act == "confirmed")))[0]["id"]
    for act in (confirmed, 4711):
        await visitor.post(path(visitor.links.reason(act)), data={"reason": "other"})
    assert "reason" not in await visitor.acts()

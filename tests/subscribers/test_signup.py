"""A visitor signs up."""

import asyncio

import pytest
from sqlalchemy import select, update

from mailer import choices
from mailer.delivery import Slot
from mailer.subscribers import audiences
from mailer.subscribers.letters import confirmation
from mailer.subscribers.pages import routes
from mailer.tables import block, consent, edition, kind, region, schedule, signup, subscriber, wording
from tests.conftest import make_settings
from tests.subscribers.conftest import Visitor, path


async def test_a_sign_up_writes_person_request_proof_and_letter_at_once(visitor: Visitor) -> None:
    answer = await visitor.sign_up("Alice@Example.ORG", region=["lac", "africa"], frequency="monthly")
    assert answer.status_code == 200
    person = await visitor.person("alice@example.org")
    assert (person["address"], person["status"]) == ("Alice@example.org", "pending")
    assert person["audience_id"] is None
    asked = (await visitor.rows(select(signup)))[0]
    letter = (await visitor.letters())[0]
    assert (letter["recipient"], letter["reference"], letter["status"]) == (person["id"], asked["id"], "due")
    assert letter["address"] == "Alice@example.org"
    assert visitor.woken == [letter["batch_id"]]
    proof = (await visitor.rows(select(consent)))[0]
    assert proof["act"] == "asked"
    assert proof["network"] == asked["network"] == "192.0.2.0/24"
    assert proof["details"] == {
        "regions": ["africa", "lac"],
        "kinds": [],
        "languages": ["en"],
        "frequency": "monthly",
    }
    assert "Example Facility" in (await visitor.rows(select(wording)))[0]["text"]


async def test_it_sends_one_letter_when_the_form_is_sent_twice(visitor: Visitor) -> None:
    first = await visitor.sign_up()
    second = await visitor.sign_up()
    assert len(await visitor.letters()) == 1
    assert first.text == second.text


async def test_it_sends_one_letter_when_the_form_is_sent_ten_times_at_once(visitor: Visitor) -> None:
    answers = await asyncio.gather(*(visitor.sign_up() for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await visitor.letters()) == 1


async def test_case_makes_no_second_person(visitor: Visitor) -> None:
    await visitor.sign_up("alice@example.org")
    visitor.clock.move(days=1)
    await visitor.sign_up("ALICE@EXAMPLE.ORG")
    assert await visitor.count(subscriber) == 1
    assert await visitor.count(signup) == 2


async def test_the_answer_tells_nobody_who_is_a_reader_here(visitor: Visitor) -> None:
    """O04: the same page, status and headers for an address that is new, pending, confirmed or gone."""
    await visitor.join("confirmed@example.org")
    gone = await visitor.join("unsubscribed@example.org")
    await visitor.post(path(visitor.links.unsubscribe(gone)))
    await visitor.sign_up("pending@example.org")
    await visitor.sign_up("refused@example.org")
    refused = (await visitor.letters("refused@example.org"))[0]["reference"]
    await visitor.post(path(visitor.links.refuse(refused)))
    visitor.clock.move(days=1)
    answers = set()
    for name in ("new", "pending", "confirmed", "unsubscribed", "refused"):
        answer = await visitor.sign_up(f"{name}@example.org")
        body = answer.text.replace(f"{name}@example.org", "…")
        length = len(answer.content) - len(name)
        assert int(answer.headers["content-length"]) - len(name) == length
        headers = sorted((k, v) for k, v in answer.headers.items() if k != "content-length")
        answers.add((answer.status_code, body, repr(headers)))
    assert len(answers) == 1


async def test_the_answer_names_the_sender_and_the_spam_folder(visitor: Visitor) -> None:
    text = (await visitor.sign_up()).text
    assert "Example Facility" in text
    assert "news@example.org" in text
    assert "spam folder" in text


async def test_it_suggests_a_familiar_domain_and_still_takes_the_address(visitor: Visitor) -> None:
    answer = await visitor.sign_up("anna@gmial.com")
    assert "anna@gmail.com" in answer.text
    assert len(await visitor.letters("anna@gmial.com")) == 1


async def test_a_program_that_fills_the_trap_gets_the_same_page_and_no_letter(visitor: Visitor) -> None:
    trapped = await visitor.sign_up(homepage="https://spam.example")
    assert await visitor.count(subscriber) == 0
    assert trapped.text == (await visitor.sign_up()).text


async def test_multipart_serves_as_well(visitor: Visitor) -> None:
    answer = await visitor.post("/subscribe", files={"address": (None, "a@example.org")})
    assert answer.status_code == 200
    assert len(await visitor.letters("a@example.org")) == 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Enter your email address"),
        ("alice", "needs an @"),
        ("alice@localhost", "part after the @"),
        ("a b@example.org", "not an email address"),
        ("a@example.org, b@example.org", "one address only"),
        ("jürgen@example.org", "without accents"),
        ("postmaster@example.org", "Nobody reads"),
        ("a" * 300 + "@example.org", "longer than"),
        ("a@example.org\r\nBcc: b@example.org", "not an email address|one address only"),
        ("<script>alert(1)</script>@example.org", "not an email address"),
    ],
)
async def test_a_wrong_address_is_explained_beside_its_field_and_kept(
    visitor: Visitor, typed: str, words: str
) -> None:
    answer = await visitor.sign_up(typed, region=["lac"])
    assert answer.status_code == 422
    assert any(word in answer.text for word in words.split("|"))
    assert 'aria-describedby="address-mistake"' in answer.text
    assert 'id="answer" tabindex="-1" role="alert"' in answer.text
    assert 'value="lac" checked' in answer.text
    assert "<script" not in answer.text
    assert await visitor.count(subscriber) == 0


@pytest.mark.parametrize(
    "fields", [{"region": "atlantis"}, {"kind": "gossip"}, {"frequency": "hourly"}, {"language": "tlh"}]
)
async def test_an_unknown_choice_is_explained_beside_its_field(
    visitor: Visitor, fields: dict[str, str]
) -> None:
    answer = await visitor.sign_up("alice@example.org", **fields)
    assert answer.status_code == 422
    assert "no longer on offer" in answer.text
    assert 'value="alice@example.org"' in answer.text
    assert await visitor.count(subscriber) == 0


async def test_the_form_speaks_of_regions_in_words_and_ticks_nothing(visitor: Visitor) -> None:
    for where in ("/", "/subscribe"):
        form = (await visitor.get(where)).text
        assert "Latin America and the Caribbean" in form
        assert ">LAC<" not in form
        assert "EECA" not in form
        assert 'type="checkbox"' in form
        assert not [line for line in form.splitlines() if "checkbox" in line and "checked" in line]


async def test_fields_with_a_single_option_vanish(visitor: Visitor) -> None:
    async with visitor.database.transaction() as db:
        await db.execute(update(region).where(region.c.code != "lac").values(retired=True))
        await db.execute(update(kind).where(kind.c.code != "news").values(retired=True))
        await db.execute(update(schedule).where(schedule.c.frequency != "weekly").values(offered=False))
    form = (await visitor.get("/")).text
    for name in ("region", "kind", "frequency", "language"):
        assert f'name="{name}"' not in form
    assert "<details" not in form
    await visitor.join()
    audience = (await visitor.person())["audience_id"]
    async with visitor.database.reading() as db:
        chosen = (await audiences(db))[audience]
    assert (chosen.regions, chosen.kinds, chosen.frequency) == ((), (), "weekly")


async def test_a_second_choice_of_language_falls_back_to_the_default(visitor: Visitor) -> None:
    settings = make_settings(
        database_url=visitor.settings.database_url,
        data_dir=visitor.settings.data_dir,
        languages="en fr",
    )
    app = visitor.browser._transport.app.app  # type: ignore[attr-defined]
    app.router.routes[:0] = routes(settings, visitor.database, visitor.clock, lambda _: asyncio.sleep(0))
    form = (await visitor.get("/", headers={"Accept-Language": "fr-CA,fr;q=0.9"})).text
    assert '<html lang="fr"' in form
    assert 'name="language"' in form
    await visitor.join(language="fr")
    assert (await visitor.rows(select(consent)))[-1]["details"]["languages"] == ["fr", "en"]


async def test_the_letter_is_neutral_and_holds_nothing_of_the_visitor(visitor: Visitor) -> None:
    """C05: what, who, why, the link, its end, "not me"; no promotion. O15: no word of the visitor."""
    await visitor.sign_up("cheap-pills-at-evil.example@example.org", region=["lac"])
    kept = (await visitor.rows(select(edition)))[0]
    bodies = {row["hash"]: row["body"] for row in await visitor.rows(select(block))}
    text = "".join(bodies[name] for name in kept["text"])
    html = "".join(bodies[name] for name in kept["html"])
    for part in (text, html):
        assert Slot.CONFIRM.mark in part
        assert Slot.REFUSE.mark in part
        assert "7 days" in part
        assert "1 Example Street" in part
        assert "pills" not in part
        assert "Latin" not in part
        assert Slot.UNSUBSCRIBE.mark not in part
    assert "<img" not in html
    names = [name for name, _ in kept["headers"]]
    assert ["Auto-Submitted", "auto-generated"] in kept["headers"]
    assert not [name for name in names if name.startswith("List-")]
    assert "Example Facility" in kept["subject"]


async def test_a_reader_who_signs_up_again_is_told_that_the_new_choice_replaces_the_old(
    visitor: Visitor,
) -> None:
    letter = confirmation(visitor.settings, "en", is_reader=True)
    assert "replaces the old one" in letter.text[0]
    assert "replaces the old one" in letter.html[0]
    await visitor.join()
    visitor.clock.move(days=1)
    await visitor.sign_up()
    newest = (await visitor.letters())[-1]
    subject = await visitor.rows(select(edition).where(edition.c.id == newest["edition_id"]))
    body = await visitor.rows(select(block).where(block.c.hash == subject[0]["text"][0]))
    assert "replaces the old one" in body[0]["body"]


async def test_links_never_come_from_the_host_header(visitor: Visitor) -> None:
    answer = await visitor.post(
        "/subscribe", data={"address": "alice@example.org"}, headers={"Host": "evil.example"}
    )
    assert "evil" not in answer.text
    assert (await visitor.rows(select(signup)))[0]["form"] == "https://news.example.org/"


async def test_the_form_shows_what_the_operator_offers_now(visitor: Visitor) -> None:
    async with visitor.database.transaction() as db:
        await db.execute(update(region).where(region.c.code == "asia").values(retired=True))
        offered = await choices.read(db)
    assert "asia" not in {r.code for r in offered.regions}
    assert 'value="asia"' not in (await visitor.get("/")).text
    assert (await visitor.sign_up(region=["asia"])).status_code == 422

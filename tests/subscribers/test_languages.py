"""The visitor's pages and the confirmation mail in every language that we have words in."""

import re
import shutil
from pathlib import Path

import httpx2
import pytest
from selectolax.lexbor import LexborHTMLParser

from mailer.settings import Settings
from mailer.subscribers.letters import confirmation, letter
from mailer.tools.languages import own_name
from mailer.tools.templates import catalogue, catalogue_languages, direction
from tests.conftest import make_settings
from tests.subscribers.conftest import Visitor, hidden_fields, path
from tests.tongues import english_in, read_aloud

LANGUAGES = catalogue_languages()
NAMES = ("Example Facility", "1 Example Street, 1000 Brussels, Belgium", "alice", "200")
MISTAKES = ("", "alice", "a" * 260 + "@example.org", "a@example.org, b@example.org", "ålice@example.org")
MORE_MISTAKES = ("alice@localhost", "noreply@example.org", "alice smith@example.org")


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """SQLite alone: words are the same on both databases."""
    shutil.copy(sqlite_template, tmp_path / "mailer.db")
    return f"sqlite:///{tmp_path / 'mailer.db'}"


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    languages = " ".join(LANGUAGES)
    imprint = "https://www.example.org/imprint"
    return make_settings(
        database_url=database_url,
        data_dir=tmp_path,
        languages=languages,
        imprint_url=imprint,
        offer_pause=True,
    )


async def every_page(visitor: Visitor, language: str) -> dict[str, httpx2.Response]:
    """What a visitor sees on the way in, on ways that end, and on the way out."""
    visitor.browser.headers["Accept-Language"] = language
    seen = {"form": await visitor.get("/"), "nowhere": await visitor.get("/nowhere")}
    for address in (*MISTAKES, *MORE_MISTAKES):
        seen[f"mistake {address[:20]}"] = await visitor.sign_up(address, region="nowhere", language=language)
    choice = {"language": language, "region": ["africa", "asia"], "frequency": "monthly"}
    seen["suggestion"] = await visitor.sign_up("alice@gmial.com", **choice)
    await visitor.sign_up("alice@example.org", **choice)
    link = await visitor.confirm_link("alice@example.org")
    seen["confirm"] = await visitor.get(link)
    seen["confirmed"] = await visitor.post(link, data=hidden_fields(seen["confirm"].text))
    seen["used"] = await visitor.get(link)
    await visitor.sign_up("bob@example.org")
    refuse = path(visitor.links.refuse((await visitor.letters("bob@example.org"))[0]["reference"]))
    seen["refuse"] = await visitor.get(refuse)
    seen["refused"] = await visitor.post(refuse)
    await visitor.sign_up("carol@example.org")
    late = await visitor.confirm_link("carol@example.org")
    visitor.clock.move(days=8)
    seen["expired"] = await visitor.get(late)
    seen["again"] = await visitor.post(f"{late}/again")
    seen["button"] = await visitor.get(f"{late}/again")
    seen["gone"] = await visitor.get(path(visitor.links.confirm(999)))
    number = int((await visitor.person("alice@example.org"))["id"])
    seen |= await _address_pages(visitor, number, language)
    return seen | await _reader_pages(visitor, number, language)


async def _address_pages(visitor: Visitor, number: int, language: str) -> dict[str, httpx2.Response]:
    visitor.browser.headers["Accept-Language"] = language
    seen = {
        "lost link": await visitor.get("/link"),
        "lost link, mistake": await visitor.post("/link", data={"address": "alice"}),
        "lost link, sent": await visitor.post("/link", data={"address": "alice@gmial.com"}),
        "fresh link": await visitor.post(path(visitor.links.preferences(number)) + "/address"),
    }
    say = path(visitor.links.new_address((await visitor.letters("alice@example.org"))[-1]["reference"]))
    seen["new address"] = await visitor.get(say)
    seen["new address, sent"] = await visitor.post(say, data={"address": "alice@new.example"})
    move = path(visitor.links.move((await visitor.letters("alice@new.example"))[-1]["reference"]))
    seen["move"] = await visitor.get(move)
    seen["moved"] = await visitor.post(move)
    seen["moved already"] = await visitor.post(move)
    seen["move, gone"] = await visitor.get(path(visitor.links.move(999)))
    return seen


async def _reader_pages(visitor: Visitor, number: int, language: str) -> dict[str, httpx2.Response]:
    preferences, leave = (
        path(visitor.links.preferences(number)),
        path(visitor.links.unsubscribe(number)),
    )
    seen = {
        "preferences": await visitor.get(preferences),
        "saved": await visitor.post(preferences, data={"language": language, "frequency": "weekly"}),
        "wrong": await visitor.post(preferences, data={"frequency": "hourly"}),
        "break, mistake": await visitor.post(f"{preferences}/pause", data={"until": "soon"}),
        "break": await visitor.post(f"{preferences}/pause", data={"until": "2027-01-07"}),
        "leave": await visitor.get(leave),
        "left": await visitor.post(leave),
    }
    form = LexborHTMLParser(seen["left"].text).css_first("form")
    assert form is not None
    why = LexborHTMLParser(seen["left"].text).css_first("form.reasons")
    assert why is not None
    seen["reason"] = await visitor.post(str(why.attributes["action"]), data={"reason": "other"})
    undo = str(form.attributes["action"])
    seen["resumed"] = await visitor.post(undo)
    seen["late"] = await visitor.post(undo)
    await visitor.post(leave)
    seen["left before"] = await visitor.get(leave)
    seen["no reader"] = await visitor.get(preferences)
    return seen


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_is_whole_in_its_language(visitor: Visitor, language: str) -> None:
    for name, answer in (await every_page(visitor, language)).items():
        assert answer.status_code in (200, 404, 405, 410, 422), name
        assert f'<html lang="{language}" dir="{direction(language)}">' in answer.text, name
        assert answer.headers["content-language"] == language, name
        assert answer.headers["vary"] == "Accept-Language", name
        assert not re.search(r"%\(|\{\{|None", answer.text), name
        if language != "en":
            assert english_in(language, read_aloud(answer.text), NAMES) == [], name


@pytest.mark.parametrize("language", LANGUAGES[1:])
@pytest.mark.parametrize("why", ["", "is_reader", "is_on_old_list"])
def test_the_confirmation_mail_is_whole_in_its_language(settings: Settings, language: str, why: str) -> None:
    flags = {"is_reader": False} | ({why: True} if why else {})
    letter = confirmation(settings, language, **flags)
    (text,), (html,) = letter.text, letter.html
    page = LexborHTMLParser(html)
    for element in (page.css_first("html"), page.css_first("body > div")):
        assert element is not None
        assert (element.attributes["lang"], element.attributes["dir"]) == (language, direction(language))
    lines = [letter.subject, *text.split("\n"), *read_aloud(html)]
    assert english_in(language, lines, NAMES) == []
    assert str(settings.confirm_days) in text


@pytest.mark.parametrize("language", LANGUAGES[1:])
@pytest.mark.parametrize("name", ["links", "move", "moved"])
def test_the_other_letters_are_whole_in_their_language(settings: Settings, language: str, name: str) -> None:
    made = letter(settings, language, name)
    (text,), (html,) = made.text, made.html
    assert english_in(language, [made.subject, *text.split("\n"), *read_aloud(html)], NAMES) == []


def test_a_latin_name_in_an_arabic_mail_says_its_direction(settings: Settings) -> None:
    """X10: some mail programs drop <bdi>, so a span with lang and dir stands around it."""
    (html,) = confirmation(settings, "ar", is_reader=False).html
    assert html.count("Example Facility") - 1 == html.count('<span lang="en" dir="ltr">Example Facility')
    (html,) = confirmation(settings, "fr", is_reader=False).html
    assert "text-align:left" in html
    assert "text-align:right" not in html


async def test_a_switch_offers_each_language_in_its_own_name(visitor: Visitor) -> None:
    page = LexborHTMLParser((await visitor.get("/?lang=de")).text)
    links = page.css(".languages a")
    assert [(link.attributes["hreflang"], link.text()) for link in links] == [
        (tag, own_name(tag)) for tag in LANGUAGES
    ]
    current = page.css_first(".languages [aria-current]")
    assert current is not None
    assert current.text() == "Deutsch"
    others = page.css('link[rel="alternate"]')
    assert [other.attributes["hreflang"] for other in others] == [*LANGUAGES, "x-default"]


async def test_the_switch_leads_to_a_page_wherever_it_stands(visitor: Visitor) -> None:
    for name, answer in (await every_page(visitor, "fr")).items():
        page = LexborHTMLParser(answer.text)
        if page.css_first(".languages") is None or name in ("nowhere", "button"):
            continue
        other = await visitor.get(answer.url.copy_with(query=b"lang=de").raw_path.decode())
        assert other.status_code in (200, 410), name
        assert '<html lang="de"' in other.text, name


async def test_the_readers_setting_comes_before_the_browsers(visitor: Visitor) -> None:
    number = await visitor.join(language="pt")
    preferences = path(visitor.links.preferences(number))
    answer = await visitor.get(preferences, headers={"Accept-Language": "de"})
    assert '<html lang="pt"' in answer.text
    assert '<html lang="fr"' in (await visitor.get(f"{preferences}?lang=fr")).text
    assert '<html lang="pt"' in (await visitor.get(f"{preferences}?lang=tlh")).text


async def test_the_language_of_the_form_is_that_of_the_mail_and_of_its_pages(visitor: Visitor) -> None:
    form = (await visitor.get("/?lang=ar")).text
    fields = {"address": "alice@example.org", **hidden_fields(form)}
    assert '<html lang="ar"' in (await visitor.post("/subscribe", data=fields)).text
    link = await visitor.confirm_link()
    assert '<html lang="ar"' in (await visitor.get(link, headers={"Accept-Language": "de"})).text


async def test_undoing_keeps_the_readers_language(visitor: Visitor) -> None:
    number = await visitor.join(language="es")
    left = await visitor.post(path(visitor.links.unsubscribe(number)))
    action = re.search(r'action="([^"]+)"', left.text)
    assert action is not None
    assert '<html lang="es"' in (await visitor.post(action[1])).text


def test_arabic_counts_in_six_ways() -> None:
    speak = catalogue("ar").ngettext
    days = [speak("The link works for one day.", "The link works for %(count)s days.", n) for n in range(14)]
    assert len({days[0], days[1], days[2], days[3], days[11]}) == 5
    assert days[3] == days[10]
    assert days[11] == days[13]
    many = [speak("%(count)s new item", "%(count)s new items", n) for n in (11, 99, 100, 102, 103)]
    assert many[0] == many[1]
    assert many[2] == many[3]
    assert many[1] != many[2] != many[4]

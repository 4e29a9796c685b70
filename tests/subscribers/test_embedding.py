"""The form on other sites: plain, by script, in a frame, by link."""

import json
import re

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import select

from mailer import choices
from mailer.settings import Settings
from mailer.subscribers import Embedding, forms, snippet
from mailer.tables import signup, subscriber
from tests.conftest import make_settings
from tests.subscribers.conftest import Visitor

PARTNER = "https://www.partner.example"
ELSEWHERE = {"Origin": PARTNER, "Sec-Fetch-Site": "cross-site"}


@pytest.fixture
def settings(database_url: str, tmp_path: object) -> Settings:
    return make_settings(
        database_url=database_url,
        data_dir=tmp_path,
        embed_sites=f"{PARTNER} http://localhost:8080",
        signups_per_site=3,
        languages="en fr",
    )


@pytest.mark.parametrize(
    ("fetch_site", "origin", "site"),
    [
        ("same-origin", "null", ""),  # our own page, whose Referrer-Policy hides it
        ("", "https://news.example.org", ""),
        ("cross-site", PARTNER, PARTNER),
        ("same-site", "https://www.example.org", "https://www.example.org"),
        ("cross-site", "null", "unknown"),
        ("", "", "unknown"),
        ("", "https://evil.example/\r\nX: y", "unknown"),
        ("", "javascript:alert(1)", "unknown"),
    ],
)
def test_the_request_says_on_whose_page_the_form_stood(fetch_site: str, origin: str, site: str) -> None:
    assert forms.site_of("https://news.example.org", fetch_site, origin) == site


async def test_a_plain_form_on_another_site_gets_our_page_and_the_record_names_the_site(
    visitor: Visitor,
) -> None:
    """O14: anybody's page may send it; it gives nobody any right, and the mailbox decides."""
    answer = await visitor.post(
        "/subscribe", data={"address": "alice@example.org", "lang": "fr"}, headers=ELSEWHERE
    )
    assert answer.status_code == 200
    assert '<html lang="fr"' in answer.text
    assert [row["form"] for row in await visitor.rows(select(signup))] == [PARTNER]
    assert len(await visitor.letters()) == 1


async def test_a_form_on_another_site_has_a_budget_of_its_own_and_then_one_more_button(
    visitor: Visitor,
) -> None:
    limit = visitor.settings.signups_per_site
    for number in range(limit):
        data = {"address": f"victim{number}@example.org"}
        assert (await visitor.post("/subscribe", data=data, headers=ELSEWHERE)).status_code == 200
    fields = {"address": "alice@example.org", "region": "lac"}
    more = await visitor.post("/subscribe", data=fields, headers=ELSEWHERE)
    assert more.status_code == 429
    assert "Press the button once more" in more.text
    assert 'value="alice@example.org"' in more.text
    assert 'value="lac" checked' in more.text
    assert len(await visitor.letters()) == limit
    ours = await visitor.post("/subscribe", data=fields)
    assert ours.status_code == 200
    other = {"Origin": "https://other.example", "Sec-Fetch-Site": "cross-site"}
    assert (
        await visitor.post("/subscribe", data={"address": "b@example.org"}, headers=other)
    ).status_code == 200
    assert len(await visitor.letters()) == limit + 2


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────────


async def test_json_is_taken_like_a_form_and_answered_in_the_language_of_the_form(visitor: Visitor) -> None:
    given = {"address": ["anna@gmial.com"], "region": ["lac"], "lang": "fr", "language": "fr"}
    answer = await visitor.post("/subscribe", json=given, headers=ELSEWHERE)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PARTNER
    assert "access-control-allow-credentials" not in answer.headers
    said = answer.json()
    assert (said["status"], said["suggestion"]) == ("check-your-mail", "anna@gmail.com")
    assert "anna@gmial.com" in said["detail"]
    [letter] = await visitor.letters("anna@gmial.com")
    assert visitor.woken == [letter["batch_id"]]


async def test_json_with_mistakes_is_answered_with_words_for_each_field(visitor: Visitor) -> None:
    answer = await visitor.post(
        "/subscribe", json={"address": "alice", "region": ["atlantis"]}, headers=ELSEWHERE
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 422
    assert [(one["field"], one["reason"]) for one in problem["errors"]] == [
        ("address", "no @"),
        ("region", "unknown"),
    ]
    assert problem["errors"][0]["detail"] == "The address needs an @, as in name@example.org."


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"[" * 50_000, b'{"address": 1}', b'{"address": {"x": "y"}}', b'"x"', b"\xff"]
)
async def test_json_that_is_no_form_is_refused(visitor: Visitor, body: bytes) -> None:
    answer = await visitor.post("/subscribe", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["status"] == 400
    assert await visitor.count(subscriber) == 0


async def test_json_passes_the_same_gate(visitor: Visitor) -> None:
    trapped = await visitor.post("/subscribe", json={"address": "a@example.org", forms.TRAP: "x"})
    assert trapped.json()["status"] == "check-your-mail"
    assert await visitor.letters() == []
    for number in range(visitor.settings.signups_per_site):
        await visitor.post("/subscribe", json={"address": f"v{number}@example.org"}, headers=ELSEWHERE)
    busy = await visitor.post("/subscribe", json={"address": "late@example.org"}, headers=ELSEWHERE)
    assert (busy.status_code, busy.json()["status"]) == (429, 429)
    assert await visitor.letters("late@example.org") == []


async def test_scripts_of_sites_that_are_not_listed_are_stopped_by_the_browser(visitor: Visitor) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    for origin, listed in ((PARTNER, True), ("https://evil.example", False), ("null", False)):
        answer = await visitor.browser.request("OPTIONS", "/subscribe", headers=asked | {"Origin": origin})
        assert answer.status_code == 204
        assert ("access-control-allow-origin" in answer.headers) is listed
        assert ("access-control-allow-headers" in answer.headers) is listed
        assert "Origin" in answer.headers["vary"]


# ── the frame ───────────────────────────────────────────────────────────────────────────────────────


async def test_only_the_frame_s_route_may_be_framed_and_only_by_the_sites_listed(visitor: Visitor) -> None:
    framed = [await visitor.get("/embed?lang=fr"), await visitor.post("/embed", data={"address": "x"})]
    framed.append(await visitor.post("/embed", data={"address": "a@example.org"}))
    for answer in framed:
        policy = answer.headers["content-security-policy"]
        assert f"frame-ancestors {PARTNER} http://localhost:8080" in policy
        assert policy.startswith("default-src 'none'; style-src 'self'")
        assert "<footer" not in answer.text
        assert '<base target="_blank">' in answer.text
    assert [answer.status_code for answer in framed] == [200, 422, 200]
    for address in ("/", "/subscribe", "/static/site.css", "/nowhere"):
        assert "frame-ancestors 'none'" in (await visitor.get(address)).headers["content-security-policy"]
    assert [row["form"] for row in await visitor.rows(select(signup))] == ["https://news.example.org/embed"]


async def test_the_script_for_other_sites_is_fetched_anew_each_hour(visitor: Visitor) -> None:
    answer = await visitor.get("/static/embed.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["cache-control"] == "public, max-age=3600"


# ── snippets ────────────────────────────────────────────────────────────────────────────────────────


async def made(visitor: Visitor, way: Embedding, language: str = "fr") -> str:
    async with visitor.database.reading() as db:
        return snippet(visitor.settings, await choices.read(db), language, way)


async def test_the_plain_snippet_is_a_whole_form_without_script_or_ticks(visitor: Visitor) -> None:
    html = await made(visitor, Embedding.FORM)
    assert "<script" not in html
    assert "checked" not in html
    form = LexborHTMLParser(html).css_first("form")
    assert form is not None
    assert form.attributes["action"] == "https://news.example.org/subscribe"
    assert "data-newsletter" not in form.attributes
    codes = [box.attributes["value"] for box in form.css("[name=region]")]
    assert "lac" in codes
    fields = {
        box.attributes["name"]: box.attributes.get("value") or ""
        for box in form.css("input:not([type=checkbox])")
    }
    answer = await visitor.post(
        "/subscribe", data=fields | {"address": "a@example.org", "region": codes[:2]}, headers=ELSEWHERE
    )
    assert answer.status_code == 200
    assert len(await visitor.letters("a@example.org")) == 1


async def test_each_snippet_leads_to_a_page_of_ours(visitor: Visitor) -> None:
    for way in Embedding:
        html = await made(visitor, way)
        for address in re.findall(r'(?:src|href|action)="(https://news\.example\.org[^"]*)"', html):
            assert (await visitor.get(address)).status_code == 200
    assert 'title="' in await made(visitor, Embedding.IFRAME)
    assert "data-newsletter" in await made(visitor, Embedding.SCRIPT)
    assert json.dumps("https://news.example.org/static/embed.js") in await made(visitor, Embedding.SCRIPT)


def test_a_site_is_a_scheme_and_a_host() -> None:
    for wrong in (
        "www.example.org",
        "https://www.example.org/",
        "https://*.example.org",
        "https://x; script-src *",
    ):
        with pytest.raises(ValueError, match="embed_sites"):
            make_settings(embed_sites=wrong)

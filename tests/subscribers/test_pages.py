"""What holds for every page of this room."""

import re

import pytest

from mailer.subscribers import routes
from mailer.tools.tokens import Purpose
from tests.subscribers.conftest import Visitor, path


async def all_pages(visitor: Visitor) -> dict[str, str]:
    """A working address of every route, by the route's own path."""
    number = await visitor.join()
    await visitor.sign_up("bob@example.org")
    asked = (await visitor.letters("bob@example.org"))[0]["reference"]
    links = visitor.links
    return {
        "/": "/",
        "/subscribe": "/subscribe",
        "/embed": "/embed",
        "/confirm/{token}": path(links.confirm(asked)),
        "/confirm/{token}/again": path(links.confirm(asked)) + "/again",
        "/refuse/{token}": path(links.refuse(asked)),
        "/preferences/{token}": path(links.preferences(number)),
        "/unsubscribe/{token}": path(links.unsubscribe(number)),
        "/unsubscribe/{token}/": path(links.unsubscribe(number)) + "/",
        "/undo/{token}": path(links.undo(1)),
        "/preferences/{token}/pause": path(links.preferences(number)) + "/pause",
        "/reason/{token}": path(links.reason(1)),
        "/link": "/link",
        "/preferences/{token}/address": path(links.preferences(number)) + "/address",
        "/address/{token}": path(links.new_address(1)),
        "/move/{token}": path(links.move(1)),
    }


async def wake(_batch: int) -> None:
    pass


async def test_every_route_answers_with_a_whole_page(visitor: Visitor) -> None:
    pages = await all_pages(visitor)
    table = {route.path for route in routes(visitor.settings, visitor.database, visitor.clock, wake)}  # type: ignore[attr-defined]
    assert table == set(pages)
    for address in pages.values():
        for method in ("GET", "POST"):
            answer = await visitor.browser.request(method, address)
            assert answer.status_code in (200, 400, 404, 405, 410, 422), address
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cache-control"] == "no-store"
            assert "set-cookie" not in answer.headers
            assert len(re.findall(r"<h1\b", answer.text)) == 1
            assert re.search(r"<title>[^<]+</title>", answer.text)
            assert '<html lang="en" dir="ltr">' in answer.text


async def test_no_page_asks_anybody_else_or_breaks_its_own_policy(visitor: Visitor) -> None:
    for address in (await all_pages(visitor)).values():
        html = (await visitor.get(address)).text
        assert "<script" not in html
        assert "<style" not in html
        assert " style=" not in html
        assert not re.search(r"\son\w+=", html)
        for source in re.findall(r'(?:src|<link[^>]*href)="([^"]+)"', html):
            assert source.startswith("/static/")


async def test_only_the_form_is_for_search_engines(visitor: Visitor) -> None:
    for route, address in (await all_pages(visitor)).items():
        answer = await visitor.get(address)
        if answer.status_code == 405:
            continue
        is_form = route in ("/", "/subscribe")
        assert ("noindex" in answer.text) is not is_form
        assert ("x-robots-tag" in answer.headers) is not is_form


async def test_every_field_has_a_label_and_every_description_is_there(visitor: Visitor) -> None:
    pages = await all_pages(visitor)
    wrong = await visitor.post(
        "/subscribe", data={"address": "x", "region": "y", "kind": "z", "frequency": "w"}
    )
    for html in [wrong.text, *[(await visitor.get(address)).text for address in pages.values()]]:
        ids = re.findall(r'\sid="([^"]+)"', html)
        assert len(ids) == len(set(ids))
        for described in re.findall(r'aria-describedby="([^"]+)"', html):
            assert set(described.split()) <= set(ids)
        for target in re.findall(r'href="#([^"]+)"', html):
            assert target in ids
        for field in re.findall(r'<(?:input|select)[^>]*\sid="([^"]+)"', html):
            assert f'for="{field}"' in html


@pytest.mark.parametrize("size", [65_000, 70_000])
async def test_an_oversized_form_is_refused(visitor: Visitor, size: int) -> None:
    answer = await visitor.post("/subscribe", data={"address": "x" * size})
    assert answer.status_code == (413 if size > 65_536 else 422)


async def test_too_many_fields_are_refused(visitor: Visitor) -> None:
    body = "&".join(["region=lac"] * 1000)
    answer = await visitor.post(
        "/subscribe", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 400
    assert "could not be read" in answer.text


async def test_a_file_in_the_form_is_refused(visitor: Visitor) -> None:
    answer = await visitor.post("/subscribe", files={"address": ("x.exe", b"MZ")})
    assert answer.status_code == 400


async def test_static_files_are_kept_and_others_are_not_there(visitor: Visitor) -> None:
    html = (await visitor.get("/")).text
    for source in re.findall(r'"(/static/[^"]+)"', html):
        answer = await visitor.get(source)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    for path_ in ("/static/", "/static/../pages/base.html", "/static/%2e%2e/choices.toml", "/.git/config"):
        assert (await visitor.get(path_)).status_code == 404


async def test_every_link_that_we_mail_has_a_page(visitor: Visitor) -> None:
    for purpose in (
        Purpose.CONFIRM,
        Purpose.REFUSE,
        Purpose.PREFERENCES,
        Purpose.UNSUBSCRIBE,
        Purpose.NEW_ADDRESS,
        Purpose.MOVE,
    ):
        link = getattr(visitor.links, purpose.name.lower())(1)
        assert (await visitor.get(path(link))).status_code in (200, 410)

"""What an edition says: subject, headers, text and HTML, whatever the news and the operator's settings hold."""

import re
from binascii import b2a_base64, b2a_qp
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from mailer.delivery import Content, Slot
from mailer.digests.edition import ENCODED_BUDGET, HTML_BUDGET
from tests.digests.paper import (
    AFRICA,
    ASIA,
    EECA,
    EVENTS,
    FUNDED,
    LAC,
    filled,
    make_audience,
    make_edition,
    make_item,
    make_text,
)

LONG_TITLE = "Enhancing institutional capacities for the engagement of diasporas everywhere in the world"


def text_of(content: Content) -> str:
    return filled(content.text)


def html_of(content: Content) -> LexborHTMLParser:
    return LexborHTMLParser(filled(content.html))


def test_an_item_shows_its_label_line_date_title_teaser_and_link() -> None:
    text = text_of(make_edition([make_item(2, LAC, title="Action launch", teaser="It begins.")]))
    assert (
        "News • LAC\nNovember 3, 2026\nAction launch\nIt begins.\n"
        "Read more: https://www.example.org/en/2\n" in text
    )


def test_an_item_for_everyone_says_so() -> None:
    assert "Events • All regions\n" in text_of(make_edition([make_item(1, kind=EVENTS)]))


def test_from_eight_items_on_regions_have_headings() -> None:
    content = make_edition([make_item(n, (AFRICA, ASIA)[n % 2]) for n in range(1, 9)] + [make_item(9)])
    page = html_of(content)
    assert [node.text() for node in page.css("h2")] == ["Africa", "Asia", "For all regions"]
    assert len(page.css("h3")) == 9
    assert "9 new items: Africa 4 · Asia 4 · For all regions 1" in text_of(content)


def test_the_foot_says_why_and_how_to_stop() -> None:
    audience = make_audience(AFRICA, EECA, kinds=[EVENTS])
    text = text_of(make_edition([make_item(1, AFRICA, kind=EVENTS)], audience))
    assert "once a week · Africa, Eastern Europe and Central Asia · Events." in text
    for words in (
        "It was sent to alice@example.com.",
        "Unsubscribe: https://news.example.org/unsubscribe/token",
        "Change your choice: https://news.example.org/preferences/token",
        "Was this forwarded to you? Subscribe here: https://news.example.org/\n",
        "1 Example Street, 1000 Brussels, Belgium",
        "https://www.example.org/privacy",
    ):
        assert words in text


def test_an_item_in_another_language_says_so() -> None:
    item = make_item(1, texts=[make_text("ar", "عنوان")])
    content = make_edition([item], make_audience(languages=["en", "ar"]))
    heading = html_of(content).css_first("h2")
    assert heading is not None
    assert (heading.attributes["lang"], heading.attributes["dir"]) == ("ar", "rtl")
    assert "· Arabic\n" in text_of(content)


@pytest.mark.parametrize(
    ("titles", "subject"),
    [
        (["Harvest"], "Harvest"),
        (["Harvest", "Rain"], "Rain and 1 more"),
        (["Re: your tax"], "“Re: your tax”"),
        (["One\r\nBcc: all@example.org"], "One Bcc: all@example.org"),
    ],
)
def test_the_subject_is_the_first_title_and_how_many_more(titles: list[str], subject: str) -> None:
    content = make_edition([make_item(n, title=title) for n, title in enumerate(titles, 1)])
    assert content.subject == subject


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=300), st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_a_subject_is_short_and_on_one_line(title: str, count: int) -> None:
    subject = make_edition([make_item(n, title=title or "x") for n in range(1, count + 1)]).subject
    assert len(subject) <= 72  # 70, and two quotation marks
    assert "\n" not in subject


def test_one_list_with_one_click_and_no_word_encoded() -> None:
    headers = dict(make_edition([make_item(1)]).headers)
    assert headers["List-Id"] == '"Example Facility" <digest.example.org>'
    assert headers["List-Unsubscribe"] == (
        f"<{Slot.UNSUBSCRIBE.mark}>, <mailto:unsubscribe@example.org?subject=unsubscribe>"
    )
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"[^:]+:[^:]+:[^:]+:[a-z0-9]{5,15}", headers["Feedback-ID"])
    assert headers["Precedence"] == "bulk"
    assert "Auto-Submitted" not in headers


def test_a_name_that_is_not_ascii_stays_out_of_the_list_id() -> None:
    headers = dict(make_edition([make_item(1)], organisation="Búsqueda").headers)
    assert headers["List-Id"] == "<digest.example.org>"


def test_the_text_part_says_everything_that_the_html_says() -> None:
    items = [make_item(n, (AFRICA, LAC)[n % 2], title=f"Title {n} & more") for n in range(1, 12)]
    content = make_edition(items, **FUNDED)
    text, page = text_of(content), html_of(content)
    for link in page.css("a"):
        assert str(link.attributes["href"]) in text
    for heading in page.css("h1, h2, h3"):
        assert heading.text().strip() in text
    assert not re.search(r"</?\w+|&\w+;", text)
    assert FUNDED["funder_disclaimer"] in text


def test_the_same_news_makes_the_same_edition() -> None:
    items = [make_item(n, AFRICA) for n in range(1, 12)]
    assert make_edition(items) == make_edition(list(reversed(items)))


def test_readers_who_differ_share_the_cards() -> None:
    items = [make_item(n, AFRICA) for n in range(1, 4)]
    one = make_edition(items, make_audience(AFRICA))
    other = make_edition([*items, make_item(4, ASIA)], make_audience(AFRICA, ASIA))
    assert len(set(one.html) & set(other.html)) >= 6  # two cards, and the pieces of the frame


@pytest.mark.parametrize("count", [1, 20, 120])
@pytest.mark.parametrize("alphabet", ["a", "ж", "語"])
def test_no_mail_is_so_long_that_it_is_clipped(count: int, alphabet: str) -> None:
    items = [
        make_item(n, 1 + n % 7, title=f"{n} " + alphabet * 150, teaser=(alphabet * 9 + " ") * 30)
        for n in range(1, count + 1)
    ]
    content = make_edition(items, **FUNDED)
    raw = filled(content.html).encode()
    as_base64 = len(b2a_base64(raw)) * 78 // 76
    assert len(raw) <= HTML_BUDGET
    assert min(len(b2a_qp(raw)), as_base64) <= ENCODED_BUDGET
    assert b"https://news.example.org/unsubscribe/token" in raw
    assert b"1 Example Street" in raw


def test_what_does_not_fit_is_counted_and_linked() -> None:
    items = [make_item(n, AFRICA, title=f"{n} {LONG_TITLE}", teaser="word " * 120) for n in range(1, 121)]
    content = make_edition(items, make_audience(AFRICA, EECA, kinds=[EVENTS, 1]))
    shown = len(html_of(content).css("h3"))
    assert 10 < shown < 120
    assert (
        f"and {120 - shown} more, on the web: "
        "https://news.example.org/latest?region=africa%2Ceeca&kind=events%2Cnews&language=en"
        in text_of(content)
    )


@given(st.text(max_size=80), st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_hostile_words_stay_words(title: str, teaser: str) -> None:
    clean = "".join(c for c in title if c.isprintable() and not "\ue000" <= c <= "\uf8ff") or "x"
    content = make_edition([make_item(1, title=f"{clean}<script>alert(1)</script>", teaser=teaser + "<b>")])
    page = html_of(content)
    assert page.css("script, b, iframe, form") == []
    heading = page.css_first("h2")
    assert heading is not None
    assert "<script>alert(1)</script>" in heading.text()


def test_an_operator_can_replace_a_single_template(tmp_path: Path) -> None:
    own = tmp_path / "mail" / "digest"
    own.mkdir(parents=True)
    (own / "card.html").write_text("<p>Ours: {{ title }}</p>\n")
    page = html_of(make_edition([make_item(1, title="Harvest <3")], templates_dir=tmp_path))
    assert "Ours: Harvest <3" in [node.text() for node in page.css("p")]
    assert page.css_first("h1") is not None

"""A digest speaks each language that we have words in, and counts as that language counts."""

import re

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailer.tools.templates import catalogue_languages, direction
from tests.digests.paper import FUNDED, filled, make_audience, make_edition, make_item, make_text
from tests.tongues import english_in, read_aloud

COUNTS = (1, 2, 3, 11, 20)


@pytest.mark.parametrize("language", catalogue_languages())
@pytest.mark.parametrize("count", COUNTS)
def test_a_digest_is_whole_in_its_language(language: str, count: int) -> None:
    items = [make_item(n, 1 + n % 7, texts=[make_text(language, f"Ω{n}", n)]) for n in range(1, count + 1)]
    content = make_edition(items, make_audience(languages=[language]), organisation="ACME")
    text, page = filled(content.text), LexborHTMLParser(filled(content.html))
    root = page.css_first("html")
    assert content.language == language
    assert root is not None
    assert (root.attributes["lang"], root.attributes["dir"]) == (language, direction(language))
    assert len(re.findall("Ω", text)) >= count
    assert not re.search(r"%\(|\{\{|None", text)
    assert len(content.subject) <= 70


@pytest.mark.parametrize("language", catalogue_languages()[1:])
@pytest.mark.parametrize("count", COUNTS)
def test_no_english_is_left_over(language: str, count: int) -> None:
    items = [
        make_item(n, 1 + n % 7, texts=[make_text(language, f"Ω{n}", n, "Ω")]) for n in range(1, count + 1)
    ]
    audience = make_audience(1, 2, 3, kinds=[1, 2], languages=[language])
    content = make_edition(items, audience, **FUNDED, languages=f"en {language}")
    names = (
        "Example Facility",
        "1 Example Street, 1000 Brussels, Belgium",
        str(FUNDED["funder_statement"]),
        str(FUNDED["funder_disclaimer"]),
    )
    html = filled(content.html).replace('aria-roledescription="email"', "")
    lines = [content.subject, *filled(content.text).split("\n"), *read_aloud(html)]
    assert english_in(language, lines, names) == []


@pytest.mark.parametrize(
    ("language", "date", "summary"),
    [
        ("en", "November 23, 2026", "3 new items"),
        ("fr", "23 novembre 2026", "3 nouveautés"),
        ("es", "23 de noviembre de 2026", "3 novedades"),
        ("pt", "23 de novembro de 2026", "3 novidades"),
        ("de", "23. November 2026", "3 neue Beiträge"),
        ("ar", "23 نوفمبر 2026", "3 مواضيع جديدة"),
    ],
)
def test_dates_and_numbers_are_written_as_the_language_writes_them(
    language: str, date: str, summary: str
) -> None:
    items = [make_item(n, texts=[make_text(language, f"Ω{n}", n)]) for n in range(1, 4)]
    text = filled(make_edition(items, make_audience(languages=[language])).text)
    assert f"\n{date}\n{summary}\n" in text


@pytest.mark.parametrize(
    ("language", "list_of_two"),
    [("en", "Africa, Asia ·"), ("de", "Afrika, Asien ·"), ("ar", "أفريقيا، آسيا ·")],
)
def test_a_list_has_the_comma_of_its_language(language: str, list_of_two: str) -> None:
    item = make_item(1, texts=[make_text(language)])
    text = filled(make_edition([item], make_audience(1, 2, languages=[language])).text)
    assert list_of_two in text


def test_french_sets_a_space_before_the_colon() -> None:
    item = make_item(1, texts=[make_text("fr")])
    text = filled(make_edition([item], make_audience(languages=["fr"])).text)
    assert "Se désabonner\N{NO-BREAK SPACE}: https://" in text


def test_what_did_not_fit_is_shown_in_every_language_that_the_reader_reads() -> None:
    long = "Ω" * 2000
    items = [make_item(n, texts=[make_text("en" if n % 2 else "fr", f"Ω{n}", n, long)]) for n in range(1, 60)]
    text = filled(make_edition(items, make_audience(languages=["fr", "en"])).text)
    assert "/latest?language=fr%2Cen" in text


def test_an_arabic_digest_is_mirrored() -> None:
    items = [make_item(n, 1 + n % 7, texts=[make_text("ar", f"Ω{n}", n)]) for n in range(1, 4)]
    html = filled(make_edition(items, make_audience(languages=["ar"])).html)
    assert "text-align: right" in html
    assert "text-align: left" not in html
    assert "text-align: start" not in html

"""A digest speaks each language that we have words in, and counts as that language counts."""

import re

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailer.tools.templates import catalogue_languages, direction
from tests.digests.paper import filled, make_audience, make_edition, make_item, make_text

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
def test_no_english_is_left_over(language: str) -> None:
    items = [make_item(n, 1 + n % 7, texts=[make_text(language, f"Ω{n}", n, "Ω")]) for n in range(1, 10)]
    content = make_edition(items, make_audience(languages=[language]), organisation="ACME")
    words = set(re.findall(r"[a-z]{2,}", re.sub(r"https?://\S+|\S+@\S+", "", filled(content.text)).lower()))
    assert not words & {
        "you",
        "your",
        "this",
        "because",
        "read",
        "unsubscribe",
        "and",
        "week",
        "all",
        "items",
    }

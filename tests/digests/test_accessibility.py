"""What the HTML of a mail must be so that everybody can read it, in every mail program.

Judged on finished editions: few and many items, with and without pictures, left to right and right to left.
The ids in the names of the checks are those of docs/mail.md.
"""

import itertools
import re
from collections.abc import Iterator

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from mailer.digests.blocks import Blocks
from mailer.digests.choose import choose
from mailer.links import Links
from mailer.tools.colours import contrast
from tests.conftest import make_settings
from tests.digests.paper import (
    AFRICA,
    ASIA,
    CHOICES,
    FUNDED,
    LAC,
    MONDAY,
    filled,
    make_audience,
    make_edition,
    make_item,
    make_text,
)


def few() -> str:
    return filled(make_edition([make_item(n, AFRICA, LAC) for n in range(1, 4)]).html)


def many() -> str:
    items = [make_item(n, 1 + n % 7) for n in range(1, 21)]
    return filled(make_edition(items, brand_color="#ffd400", **FUNDED).html)


def overfull() -> str:
    items = [make_item(n, AFRICA, teaser="word " * 200) for n in range(1, 90)]
    return filled(make_edition(items, **FUNDED).html)


def mixed() -> str:
    items = [make_item(1, AFRICA, texts=[make_text("ar", "عنوان")]), make_item(2, ASIA)]
    return filled(make_edition(items, make_audience(languages=["en", "ar"])).html)


def right_to_left() -> str:
    settings = make_settings(**FUNDED)
    blocks = Blocks(settings, CHOICES, MONDAY, Links(settings), "ar")
    audience = make_audience(languages=["ar", "en"])
    items = [make_item(1, AFRICA, texts=[make_text("ar", "عنوان")]), make_item(2, ASIA)]
    chosen = choose(items, audience, 0, 99)
    words = {"preheader": "عنوان", "summary": "2", "reason": blocks.words.reason(audience)}
    before, after = blocks.frame(words)
    cards = [blocks.card(one, 2, False, True) for one in chosen]
    return filled([block.html for block in (*before, *cards, *after)])


MAILS = {
    "few": few,
    "many": many,
    "overfull": overfull,
    "mixed": mixed,
    "right to left": right_to_left,
}


@pytest.fixture(params=MAILS)
def html(request: pytest.FixtureRequest) -> str:
    return MAILS[request.param]()


@pytest.fixture
def page(html: str) -> LexborHTMLParser:
    return LexborHTMLParser(html)


def style_of(node: LexborNode) -> dict[str, str]:
    """The style attribute, property by property."""
    pairs = (part.partition(":") for part in (node.attributes.get("style") or "").split(";") if ":" in part)
    return {name.strip(): value.strip() for name, _, value in pairs}


def inherited(node: LexborNode | None, name: str) -> str:
    """The nearest value of a property, here or above."""
    while node is not None and node.tag != "-undef":
        value = style_of(node).get(name)
        if value:
            return value
        node = node.parent
    return ""


def speaking(page: LexborHTMLParser) -> Iterator[LexborNode]:
    """Elements with visible words of their own."""
    assert page.body is not None
    for node in page.body.traverse(include_text=True):
        if node.tag == "-text" and node.text().replace("\xa0", " ").strip() and node.parent is not None:
            hidden = "display:none" in (node.parent.attributes.get("style") or "")
            if not hidden:
                yield node.parent


def test_x01_language_and_direction_stand_on_the_page_and_on_what_clients_keep_of_it(
    page: LexborHTMLParser, html: str
) -> None:
    root, first = page.css_first("html"), page.css_first("body > *")
    assert root is not None
    assert first is not None
    language = root.attributes["lang"]
    assert (first.attributes["lang"], first.attributes["dir"]) == (language, root.attributes["dir"])
    assert root.attributes["dir"] == ("rtl" if language == "ar" else "ltr")


def test_x03_tables_are_for_looks_only(page: LexborHTMLParser) -> None:
    assert page.css("table")
    assert [table for table in page.css("table") if table.attributes.get("role") != "presentation"] == []


def test_x04_pictures_have_words_and_sizes(page: LexborHTMLParser) -> None:
    for picture in page.css("img"):
        assert picture.attributes.get("alt") is not None
        assert str(picture.attributes["width"]).isdecimal()
        assert str(picture.attributes["height"]).isdecimal()
        assert str(picture.attributes["src"]).startswith("https://")


def test_x05_headings_begin_with_one_h1_and_skip_no_level(page: LexborHTMLParser) -> None:
    levels = [int(str(node.tag)[1]) for node in page.css("h1, h2, h3, h4, h5, h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_x06_the_page_has_a_title_and_says_how_it_is_encoded(page: LexborHTMLParser, html: str) -> None:
    title, charset = page.css_first("title"), page.css_first("meta[charset]")
    assert html.startswith("<!DOCTYPE html>")
    assert title is not None
    assert title.text().strip()
    assert charset is not None
    assert charset.attributes["charset"] == "utf-8"


def test_x07_words_stand_out_from_their_ground(page: LexborHTMLParser) -> None:
    for node in speaking(page):
        words, ground = inherited(node, "color"), inherited(node, "background-color")
        assert contrast(words, ground) >= 4.5, node.html


def test_x07_words_stand_out_in_the_dark_too(page: LexborHTMLParser, html: str) -> None:
    rules = dark_rules(html)
    for node in speaking(page):
        words, ground = in_the_dark(node, "color", rules), in_the_dark(node, "background-color", rules)
        assert contrast(words, ground) >= 4.5, node.html


def dark_rules(html: str) -> dict[tuple[str, str], str]:
    """(class, property) → value, from the part of <style> for dark mode."""
    dark = html.partition("prefers-color-scheme: dark")[2].partition("</style>")[0]
    rules: dict[tuple[str, str], str] = {}
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]+)\}", dark.partition("{")[2]):
        for name, value in re.findall(r"([a-z-]+): ([^;!]+?) !important", body):
            rules.update({(selector.strip(" .\n"), name): value for selector in selectors.split(",")})
    return rules


def in_the_dark(start: LexborNode, name: str, rules: dict[tuple[str, str], str]) -> str:
    node: LexborNode | None = start
    while node is not None:
        classes = (node.attributes.get("class") or "").split()
        for selector in (*classes, str(node.tag)):
            if (selector, name) in rules:
                return rules[selector, name]
        value = style_of(node).get(name)
        if value:
            return value
        node = node.parent
    raise AssertionError(f"no {name} above {start.html}")


def test_x08_text_is_large_and_lines_are_apart(page: LexborHTMLParser) -> None:
    for node in speaking(page):
        size, height = inherited(node, "font-size"), inherited(node, "line-height")
        assert float(size.removesuffix("px")) >= 14, node.html
        least = 1.15 if node.tag in {"h1", "h2", "h3"} or inherited(node, "font-size") > "20px" else 1.4
        assert float(height.removesuffix("px")) >= least * float(size.removesuffix("px")), node.html
    assert "justify" not in str(page.html)


def test_x09_links_with_the_same_name_lead_to_the_same_place(page: LexborHTMLParser) -> None:
    targets: dict[str, str] = {}
    for link in page.css("a"):
        picture = link.css_first("img")
        name = link.attributes.get("aria-label") or link.text().strip()
        name = name or str(picture.attributes["alt"] if picture else "")
        assert name
        target = str(link.attributes["href"])
        # the label of "Read more" begins with the words that are seen (WCAG 2.5.3)
        assert name.startswith(link.text().strip())
        assert targets.setdefault(name, target) == target
        assert target.startswith("https://")


def test_x10_right_to_left_is_turned_round() -> None:
    html = right_to_left()
    assert "text-align: left" not in html
    assert "text-align: right" in html
    assert '<span dir="ltr">alice@example.com</span>' in html
    assert "text-align: right" not in few()
    address = LexborHTMLParser(html).css_first('span[lang="en"][dir="ltr"]')
    assert address is not None
    assert "1 Example Street" in address.text()


def test_x11_both_colour_schemes_are_announced(page: LexborHTMLParser) -> None:
    names = {str(meta.attributes.get("name")): meta.attributes.get("content") for meta in page.css("meta")}
    assert names["color-scheme"] == names["supported-color-schemes"] == "light dark"


def test_x12_style_that_only_some_read_is_small_and_none_is_fetched(html: str) -> None:
    styles = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert len(styles) == 1
    assert len(styles[0]) < 4_000
    assert not re.search(r"@import|@font-face|url\(|<link|var\(|rgba\(|\d(rem|vw)\b", html)


def test_x13_the_layout_is_a_fluid_column_of_600_pixels(page: LexborHTMLParser, html: str) -> None:
    column = page.css_first("table.column")
    assert column is not None
    assert style_of(column)["max-width"] == "600px"
    assert column.attributes["width"] == "100%"
    assert not re.search(r"float|flex|grid|position:", "".join(re.findall(r'style="[^"]*"', html)))


def test_x15_what_outlook_reads_is_balanced(html: str) -> None:
    assert html.count("<!--[if mso]>") == html.count("<![endif]-->") == 3
    outlook = "".join(re.findall(r"<!--\[if mso\]>(.*?)<!\[endif\]-->", html, re.DOTALL))
    assert outlook.count("<table") == outlook.count("</table>") == 1


def test_x16_the_preheader_is_first_short_and_said_again_in_sight(page: LexborHTMLParser) -> None:
    assert page.body is not None
    first = next(
        node for node in page.body.traverse(include_text=True) if node.tag == "-text" and node.text().strip()
    )
    words = first.text().strip()
    assert len(words) <= 110
    hidden = page.css('[style*="display:none"]')
    assert len(hidden) == 1
    hidden[0].decompose()
    seen = page.body.text()
    assert all(part.rstrip("…") in seen for part in words.split(" · "))


def test_x17_links_can_be_hit_with_a_finger(page: LexborHTMLParser) -> None:
    for link in page.css("a"):
        if link.css_first("img") is None:
            height = float(inherited(link, "line-height").removesuffix("px"))
            assert height >= 24, link.html


def test_f26_nothing_runs_loads_or_asks(page: LexborHTMLParser, html: str) -> None:
    forbidden = "script, form, iframe, object, embed, link, base, svg, input, video, audio"
    assert page.css(forbidden) == []
    for node in page.css("*"):
        assert [name for name in node.attributes if name.startswith("on")] == []
    assert "http-equiv" not in html
    assert "data:" not in html

"""Other people's markup becomes text, other people's addresses become links or nothing."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.tools.html import one_line, title_text, to_lines, to_text, web_link


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("AT&T", "AT&T"),
        ("AT&amp;T", "AT&T"),
        ("<b>Bold</b> news", "Bold news"),
        ("<B CLASS=x>Bold</B>", "Bold"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>"),
        ("Hi<script>alert(1)</script>", "Hi"),
        ("Use of <T> in Java", "Use of <T> in Java"),
        ("1 < 2 & 3 > 2", "1 < 2 & 3 > 2"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("one\r\nBcc: two@example.org", "one Bcc: two@example.org"),
        ("a\tb\x00c\x85d\u2028e", "a b c d e"),
        ("mark\ue000a\ue001\uf8ff\U000f0000", "marka"),
        ("l’été\u00a0: oui", "l’été\u00a0: oui"),
        ("half \ud800 pair", "half pair"),
    ],
)
def test_a_title_becomes_text(title: str, text: str) -> None:
    assert title_text(title) == text


@pytest.mark.parametrize(
    ("text", "balanced"),
    [
        ("\u202eevil", "\u202eevil\u202c"),
        ("\u2067a\u202bb\u2069", "\u2067a\u202bb\u202c\u2069"),
        ("end\u202c\u2069", "end"),
        ("\u2068fine\u2069", "\u2068fine\u2069"),
    ],
)
def test_direction_marks_are_closed(text: str, balanced: str) -> None:
    assert one_line(text) == balanced


@given(st.text())
def test_one_line_is_one_line_and_stays_as_it_is(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert one_line(line) == line
    assert not any("\ue000" <= c <= "\uf8ff" or c < " " for c in line)


def test_blocks_are_words_apart_and_inline_marks_are_not() -> None:
    assert (
        to_text("<p>one</p>two<br>three<ul><li>f<b>ou</b>r</ul><style>p{}</style><!-- x -->")
        == "one two three four"
    )


def test_lines_bear_their_links() -> None:
    markup = "<nav>Menu</nav><a href='/x'><h3>Title</h3></a><p>see <a href=javascript:x>this</a></p>"
    assert to_lines(markup, "https://example.org/a/", without=("nav",)) == [
        ("Title", "https://example.org/x"),
        ("see this", ""),
    ]


def test_deep_nesting_is_read() -> None:
    assert to_text("<div>" * 20_000 + "deep" + "</div>" * 20_000) == "deep"


@pytest.mark.parametrize(
    ("href", "link"),
    [
        ("https://example.org/a?b=c#d", "https://example.org/a?b=c#d"),
        ("/a b", "https://site.example/a%20b"),
        ("c", "https://site.example/feed/c"),
        ("//other.example/é", "https://other.example/%C3%A9"),
        ("https://münchen.example/", "https://xn--mnchen-3ya.example/"),
        (" https://example.org/x\r\n", "https://example.org/x"),
        ("https://example.org/a\"onclick='x", "https://example.org/a%22onclick='x"),
        ("https://example.org/\ue000a\ue001", "https://example.org/%EE%80%80a%EE%80%81"),
        *(
            (bad, "")
            for bad in (
                "javascript:alert(1)",
                "java\nscript:alert(1)",
                " \x01javascript:x",
                "data:text/html,x",
            )
        ),
        *(
            (bad, "")
            for bad in ("mailto:a@example.org", "ftp://example.org/", "file:///etc/passwd", "vbscript:x")
        ),
        *(
            (bad, "")
            for bad in ("http://user@example.org/", "http://", "https://[::1", "https://ex ample.org/")
        ),
        ("https://example.org/" + "x" * 3000, ""),
        ("https://example.org:99999/", ""),
    ],
)
def test_only_web_addresses_become_links(href: str, link: str) -> None:
    assert web_link(href, "https://site.example/feed/") == link


@pytest.mark.corpus
def test_no_evasion_leaves_a_script_address_or_a_second_line(corpus: Path) -> None:
    cases = json.loads((corpus / "xss" / "owasp_evasion.json").read_text("utf-8"))
    assert len(cases) > 100
    for case in cases:
        assert len(title_text(case["payload"]).splitlines()) <= 1
        for _, link in to_lines(case["payload"], "https://example.org/"):
            assert link == "" or link.startswith(("http://", "https://"))

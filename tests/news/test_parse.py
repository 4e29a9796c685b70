"""Every kind of feed becomes drafts; what is no feed is refused in words."""

from datetime import date
from typing import Any

import pytest

from mailer.news.decode import NotReadable
from mailer.news.parse import parse

ITEM = "<item><title>T</title><link>https://example.org/1</link></item>"


def rss(items: str, more: str = "") -> bytes:
    return f'<rss version="2.0"><channel><title>F</title>{more}{items}</channel></rss>'.encode()


RSS1 = b"""<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="https://example.org/"><title>F</title><link>https://example.org/</link></channel>
<item rdf:about="https://example.org/1"><title>Same</title><link>https://example.org/1</link>
<description>Words.</description><dc:subject>News</dc:subject><dc:date>2026-11-02T23:30:00-05:00</dc:date></item></rdf:RDF>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://example.org/"><title>F</title><entry>
<title type="html">&lt;b&gt;Same&lt;/b&gt;</title><link href="/1"/><id>urn:1</id><category term="x" label="News"/>
<published>2026-11-02T23:30:00-05:00</published><updated>2026-11-20T00:00:00Z</updated>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Words.</p></div></content></entry></feed>"""
RSS2 = rss(
    "<item><title>Same</title><link>https://example.org/1</link><category>News</category>"
    "<pubDate>Mon, 02 Nov 2026 23:30:00 -0500</pubDate><description>&lt;p&gt;Words.&lt;/p&gt;</description></item>"
)
JSON = b"""{"version": "https://jsonfeed.org/version/1.1", "title": "F", "items": [{"id": 7, "url": "https://example.org/1",
"title": "Same", "content_html": "<p>Words.</p>", "tags": ["News"], "date_published": "2026-11-02T23:30:00-05:00"}]}"""


@pytest.mark.parametrize("content", [RSS1, RSS2, ATOM, JSON], ids=["rss1", "rss2", "atom", "json"])
def test_each_kind_of_feed_says_the_same(content: bytes) -> None:
    feed = parse(content, "https://example.org/feed")
    (draft,) = feed.drafts
    assert (feed.title, draft.title, draft.teaser) == ("F", "Same", "Words.")
    assert (draft.url, draft.labels) == ("https://example.org/1", ("News",))
    assert draft.published_on == date(2026, 11, 2)  # the day of the place that wrote it


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "windows-1252"])
def test_the_encoding_is_found(encoding: str) -> None:
    declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>' + RSS2.decode()
    feed = parse(declared.replace("Same", "Año").encode(encoding), "")
    assert feed.drafts[0].title == "Año"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32"])
def test_a_dtd_is_refused_whatever_its_encoding(encoding: str) -> None:
    bomb = '<?xml version="1.0"?><!-- x --><!DOCTYPE rss [<!ENTITY a "b">]>' + RSS2.decode()
    with pytest.raises(NotReadable, match="DTD"):
        parse(bomb.encode(encoding), "")


@pytest.mark.parametrize("encoding", ["utf-7", "cp037"])
def test_an_encoding_that_could_hide_a_dtd_is_not_used(encoding: str) -> None:
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    bomb = ('<!DOCTYPE rss [<!ENTITY a "b">]>' + RSS2.decode().replace("Same", "&a;")).encode(encoding)
    with pytest.raises(NotReadable):
        parse(
            head.encode() + bomb.replace(b"<", b"+ADw-") if encoding == "utf-7" else bomb,
            "",
            f"text/xml; charset={encoding}",
        )


def test_a_doctype_in_the_text_of_an_item_is_text() -> None:
    item = ITEM.replace("T<", "<![CDATA[<!DOCTYPE html> explained]]><")
    assert "explained" in parse(rss(item), "").drafts[0].title


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (
            b"<!DOCTYPE html><html><head></head></html>",
            "this is a web page, not a feed: look for its RSS link",
        ),
        (b"<html><body>x</body></html>", "web page"),
        (
            b'<html><link rel="alternate" type="application/rss+xml" href="/rss.xml"></html>',
            "its feed seems to be at /rss.xml",
        ),
        (RSS2[: len(RSS2) // 2], "breaks off in the middle"),
        (JSON[:-5], "not valid JSON"),
        (b'{"a": 1}', "not a JSON Feed"),
        (b'{"a":' * 100_000, "not valid JSON"),
        (b"<opml><body/></opml>", "neither RSS, Atom nor JSON Feed"),
        (b"plain words", "neither RSS, Atom nor JSON Feed"),
        (b"\x00\x01\x02\xff" * 100, "neither RSS"),
    ],
)
def test_what_is_no_feed_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(NotReadable, match=words):
        parse(content, "https://example.org/")


def first(**parts: str) -> Any:
    inside = "".join(f"<{name}>{text}</{name}>" for name, text in parts.items())
    return parse(rss(f"<item>{inside}</item>"), "https://example.org/feed/")


def test_an_item_without_link_is_told_and_the_others_are_taken() -> None:
    feed = parse(rss("<item><title>No way</title></item>" + ITEM), "")
    assert [draft.title for draft in feed.drafts] == ["T"]
    assert feed.skipped == ["“No way” has no link that readers could follow; it waits until it has one"]


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "mailto:a@b.example"]
)
def test_a_link_that_is_no_web_address_is_none(link: str) -> None:
    assert first(title="T", link=link).drafts == []


def test_relative_links_are_resolved() -> None:
    assert first(title="T", link="news/1").drafts[0].url == "https://example.org/feed/news/1"


def test_a_guid_that_is_a_link_serves_as_one() -> None:
    draft = first(title="T", guid="https://example.org/9").drafts[0]
    assert (draft.url, draft.guid) == ("https://example.org/9", "https://example.org/9")


def test_a_title_holds_neither_markup_nor_line_ends_nor_our_marks() -> None:
    title = "One&#13;&#10;Bcc: x@example.org &lt;i&gt;two&lt;/i&gt; &#xE000;three &amp;amp; four"
    assert first(title=title, link="/1").drafts[0].title == "One Bcc: x@example.org two three & four"


def test_an_item_without_title_is_called_by_its_first_words() -> None:
    draft = first(
        description="The facility opened its third call for proposals today, and many came.", link="/1"
    )
    assert draft.drafts[0].title == "The facility opened its third call for proposals today, and many came."


def test_an_item_without_date_has_none() -> None:
    assert first(title="T", link="/1").drafts[0].published_on is None
    assert first(title="T", link="/1", pubDate="yesterday").drafts[0].published_on is None


def test_a_feed_that_is_not_well_formed_is_read_as_far_as_it_can_be() -> None:
    feed = parse(rss("<item><title>A & B</title><link>https://example.org/?a=1&b=2</link></item>"), "")
    assert (feed.drafts[0].title, feed.drafts[0].url) == ("A & B", "https://example.org/?a=1&b=2")

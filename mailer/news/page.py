"""From the bytes of one web page, or of such a page as plain text, to its article. Runs in the cage (cage.py).

What a page says for machines goes first: JSON-LD, then Open Graph, then `<time>`, `<h1>`, `<title>`; what is missing
is looked for in its lines (plain_page.py).
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser

from mailer.choices import label_key
from mailer.news.dates import read_date
from mailer.news.decode import NotReadable, decode
from mailer.news.entry import make_draft
from mailer.news.item import Draft
from mailer.news.plain_page import read_plain_page
from mailer.tools.html import one_line, title_text, to_lines, web_link

_MARKUP = re.compile(r"<(?:!doctype html|html|head|body|meta|main|article|div|p|h1)\b", re.IGNORECASE)
_FEED = re.compile(r"\s*(?:<\?xml[^>]{0,300}\?>\s*)?<(?:rss|feed|rdf:RDF)\b", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:\w*Article|BlogPosting|LiveBlogPosting|Report|Event|\w+Event|WebPage)$")
_MAX_LINES = 5000


@dataclass(frozen=True, slots=True)
class Page:
    """What one page holds. article.url is "" where it doesn't say its own address."""

    article: Draft
    related: tuple[Draft, ...]


def read_page(content: bytes, url: str, content_type: str, known: Collection[str]) -> Page:
    """The article of a page and its related items. known: the labels that a mapping knows. Raises NotReadable."""
    text = decode(content, content_type)
    if not text.strip("\0 \t\r\n\ufeff"):
        raise NotReadable("it is empty")
    if _FEED.match(text.lstrip("\ufeff")):
        raise NotReadable("this is a feed, not an article; add it with `mailer news feed add`")
    if "html" in content_type or _MARKUP.search(text[:5000]):
        page = _html_page(text, url, frozenset(known))
    else:
        lines = [(one_line(line), "") for line in text.splitlines()[:_MAX_LINES]]
        article, related = read_plain_page(lines, frozenset(known))
        page = Page(article, tuple(related))
    if not page.article.title:
        raise NotReadable("no title was found on it; is it an article?")
    article = replace(page.article, title=page.article.title[:300], url=web_link(page.article.url) or url)
    return replace(page, article=article)


def _html_page(text: str, url: str, known: Collection[str]) -> Page:
    parser = LexborHTMLParser(text)
    said = _json_ld(parser)
    meta = _meta(parser)
    title = _title(parser, said, meta)
    address = _own_address(parser, meta, said, url)
    solid = to_lines(text, address, without=("nav", "form", "button"))[:_MAX_LINES]
    lines = [part for line in solid for part in (line, ("", ""))]  # each line of HTML is a paragraph
    found, related = read_plain_page(lines, known, title)
    sections = [*_texts(said.get("articleSection")), *meta.get("article:section", [])]
    tags = [
        tag
        for tag in (*_texts(said.get("keywords")), *meta.get("article:tag", []))
        if label_key(tag) in known
    ]
    html = parser.css_first("html")
    article = make_draft(
        title=title or found.title,
        summary=_first(
            _text(said.get("description")),
            *(_one(meta, n) for n in ("og:description", "description")),
            found.teaser,
        ),
        links=[address],
        base=url,
        dates=_dates(parser, said, meta, found),
        labels=[*found.labels, *sections, *tags],
        language=_first(_text(said.get("inLanguage")), html.attributes.get("lang") or "" if html else ""),
    )
    return Page(article, tuple(related))


def _json_ld(parser: LexborHTMLParser) -> dict[str, Any]:
    """The first article that the page describes in JSON-LD; {} if none."""
    found: list[dict[str, Any]] = []
    for script in parser.css('script[type="application/ld+json"]')[:20]:
        try:
            found += _objects(json.loads(script.text() or ""))
        except (ValueError, RecursionError):
            continue
    return max(found, key=lambda it: ("headline" in it, "datePublished" in it), default={})


def _objects(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    if isinstance(value, list) and depth < 5:
        for part in value:
            yield from _objects(part, depth + 1)
    elif isinstance(value, dict):
        if any(_ARTICLE.match(name) for name in _texts(value.get("@type"))):
            yield value
        yield from _objects(value.get("@graph"), depth + 1)


def _meta(parser: LexborHTMLParser) -> dict[str, list[str]]:
    meta: dict[str, list[str]] = {}
    for node in parser.css("meta[content]")[:500]:
        name = (
            node.attributes.get("property") or node.attributes.get("name") or node.attributes.get("itemprop")
        )
        if name and (content := node.attributes.get("content")):
            meta.setdefault(name.lower(), []).append(content.strip())
    return meta


def _title(parser: LexborHTMLParser, said: dict[str, Any], meta: dict[str, list[str]]) -> str:
    heading = next((text for node in parser.css("h1")[:3] if (text := title_text(node.html or ""))), "")
    element = parser.css_first("head > title") or parser.css_first("title")
    title = title_text(
        _first(
            _text(said.get("headline")), _one(meta, "og:title"), heading, element.text() if element else ""
        )
    )
    if heading and title.startswith(heading):
        return heading  # "Title - Name of the site"
    site = re.escape(_one(meta, "og:site_name"))
    return re.sub(rf"\s+[-–—|•·»:]\s+{site}$", "", title) if site else title


def _own_address(parser: LexborHTMLParser, meta: dict[str, list[str]], said: dict[str, Any], url: str) -> str:
    """The page's own word on its address, unless that is the front page of its site."""
    canonical = parser.css_first('link[rel="canonical"]')
    words = [
        canonical.attributes.get("href") or "" if canonical else "",
        _one(meta, "og:url"),
        _text(said.get("url")),
    ]
    links = [link for word in words if word and (link := web_link(word, url))]
    return next((link for link in links if urlsplit(link).path.strip("/") or urlsplit(link).query), url)


def _dates(
    parser: LexborHTMLParser, said: dict[str, Any], meta: dict[str, list[str]], found: Draft
) -> list[str]:
    times = [node.attributes.get("datetime") or node.text() for node in parser.css("time")[:5]]
    own = [found.published_on.isoformat()] if found.published_on else []
    return [
        _text(said.get("datePublished")),
        *(
            _one(meta, name)
            for name in ("article:published_time", "datepublished", "date", "dc.date", "dcterms.date")
        ),
        *(own if not any(read_date(time) for time in times[:1]) else []),
        *times,
        *own,
        _text(said.get("dateModified")),
    ]


def _one(meta: dict[str, list[str]], name: str) -> str:
    return meta.get(name, [""])[0]


def _first(*texts: str) -> str:
    return next((text for text in texts if text and text.strip()), "")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    """A string, with or without commas in it, or a list of strings."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return [part for part in value if isinstance(part, str)] if isinstance(value, list) else []

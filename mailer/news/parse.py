"""From the bytes of a feed to drafts: RSS 0.9x to 2.0, RSS 1.0, Atom, JSON Feed. Runs in the cage (cage.py)."""

import io
from typing import Any

import feedparser

from mailer.news.decode import NotReadable, decode, xml_root
from mailer.news.entry import FeedContent, make_draft
from mailer.news.item import Draft
from mailer.news.json_feed import read_json_feed
from mailer.tools.html import title_text


def parse(content: bytes, url: str, content_type: str = "") -> FeedContent:
    """A feed's drafts in its order. url: where it was found, for relative links. Raises NotReadable."""
    text = decode(content, content_type).lstrip("\ufeff \t\r\n")
    if not text.strip("\0 "):
        raise NotReadable("it is empty; we try again later")
    if text.startswith("{"):
        return read_json_feed(text, url)
    document = xml_root(text).encode("utf-8", "replace")
    parsed = feedparser.parse(
        io.BytesIO(document),  # never a str or bytes: those would be opened as an address or a file
        response_headers={"content-location": url, "content-type": "application/xml; charset=utf-8"},
        resolve_relative_uris=False,
        sanitize_html=False,  # no markup is kept at all, see tools/html.py
    )
    if not parsed.version:
        raise NotReadable("this is not a feed: neither RSS, Atom nor JSON Feed; look for the site's RSS link")
    feed = FeedContent(title_text(parsed.feed.get("title") or "")[:300], parsed.feed.get("language") or "")
    for entry in parsed.entries:
        feed.take(_draft(entry, url))
    return feed


def _draft(entry: Any, base: str) -> Draft:
    contents = [content.get("value") or "" for content in entry.get("content") or []]
    detail = entry.get("title_detail") or {}
    alternates = [link.get("href") for link in entry.get("links") or [] if link.get("rel") == "alternate"]
    return make_draft(
        title=entry.get("title") or "",
        summary=entry.get("summary") or next(filter(None, contents), ""),
        links=[entry.get("link") or "", *(href or "" for href in alternates)],
        base=detail.get("base") or base,
        guid=entry.get("id") or "",
        dates=[entry.get("published") or entry.get("updated") or entry.get("created") or ""],
        labels=[tag.get("label") or tag.get("term") or "" for tag in entry.get("tags") or []],
        language=detail.get("language") or entry.get("language") or "",
    )

"""JSON Feed 1.0 and 1.1 (jsonfeed.org) to drafts."""

import json
from typing import Any

from mailer.news.decode import NotReadable
from mailer.news.entry import FeedContent, make_draft
from mailer.news.item import Draft


def read_json_feed(text: str, base: str) -> FeedContent:
    """Raises NotReadable where it is no JSON Feed."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise NotReadable("this is not valid JSON; perhaps it breaks off in the middle") from None
    if not isinstance(document, dict) or "jsonfeed.org/version/1" not in _text(document.get("version")):
        raise NotReadable(
            "this is JSON, but not a JSON Feed (https://jsonfeed.org); look for the site's RSS link"
        )
    entries = document.get("items")
    feed = FeedContent(_text(document.get("title")), _text(document.get("language")))
    base = _text(document.get("home_page_url")) or base
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            feed.take(_draft(entry, base))
    return feed


def _draft(entry: dict[str, Any], base: str) -> Draft:
    tags = entry.get("tags")
    return make_draft(
        title=_text(entry.get("title")),
        summary=_text(entry.get("summary"))
        or _text(entry.get("content_text"))
        or _text(entry.get("content_html")),
        links=[_text(entry.get("url")), _text(entry.get("external_url"))],
        base=base,
        guid=_text(entry.get("id")),
        dates=[_text(entry.get("date_published")), _text(entry.get("date_modified"))],
        labels=[_text(tag) for tag in tags] if isinstance(tags, list) else [],
        language=_text(entry.get("language")),
    )


def _text(value: object) -> str:
    """Ids may be numbers by mistake; the specification asks readers to make them text."""
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""

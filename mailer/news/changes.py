"""By what an item is known again, and what a draft changes. Rules only.

A guid counts within its feed. A link counts everywhere, without what differs by accident. Title, teaser and
date together count everywhere too: a feed that is rebuilt with new guids and links announces nothing twice.
What several entries of one feed share (a listing page as link) tells none of them from the others.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from mailer.news.item import Draft

_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|mc_[ce]id|mtm_\w+|pk_\w+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Keys:
    """The three keys of a draft. guid, link: None where it has none, or where others in its feed share it."""

    guid: str | None
    link: str | None
    hash: str | None

    def given(self) -> list[str]:
        return [key for key in (self.guid, self.link, self.hash) if key]


@dataclass(frozen=True, slots=True)
class Known:
    """An item that we have, as far as these rules look at it."""

    id: int
    feed_id: int | None
    status: str
    title: str
    published_on: date
    labels: tuple[str, ...]
    language: str
    content_hash: str


def distinct(drafts: Iterable[Draft]) -> list[Draft]:
    """The drafts without those that stand in the feed twice: the first version of each counts."""
    kept: dict[tuple[str, str], Draft] = {}
    for draft in drafts:
        kept.setdefault((draft.guid or draft.title, draft.url), draft)
    return list(kept.values())


def keys_of(drafts: Sequence[Draft], feed_id: int | None) -> list[Keys]:
    """The keys of each draft of one feed."""
    raw = [
        (
            _key("guid", str(feed_id), draft.guid) if draft.guid and feed_id is not None else None,
            _key("link", plain_link(draft.url)),
            _key(
                "hash", _folded(draft.title), draft.teaser, str(draft.published_on or plain_link(draft.url))
            ),
        )
        for draft in drafts
    ]
    count = Counter(key for keys in raw for key in keys)
    return [Keys(*(key if count[key] == 1 else None for key in keys)) for keys in raw]


def known_again(draft: Draft, keys: Keys, known: Mapping[str, Known]) -> Known | None:
    """The item that this draft is, or None if it is a new one.

    A link alone doesn't do when the entry brings a new guid, another title and another date: then it is a page
    that lists several items.
    """
    if keys.guid and keys.guid in known:
        return known[keys.guid]
    if keys.link and (found := known.get(keys.link)):
        alike = _folded(found.title) == _folded(draft.title) or found.published_on == draft.published_on
        if alike or not draft.guid:
            return found
    return known.get(keys.hash) if keys.hash else None


def content_hash(draft: Draft) -> str:
    """Changes when what readers see changes."""
    return _digest(draft.title, draft.teaser, draft.url)


def plain_link(url: str) -> str:
    """An address without what differs by accident: scheme, www, trailing slash, campaign parameters, fragment."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    query = urlencode(
        [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.fullmatch(k)]
    )
    port = f":{parts.port}" if parts.port not in {None, 80, 443} else ""
    return f"{host}{port}{parts.path.rstrip('/')}" + (f"?{query}" if query else "")


def day_of(draft: Draft, today: date) -> date:
    """Its date; the day on which it was first seen where it has none, or one that is yet to come."""
    day = draft.published_on
    return day if day is not None and day <= today + timedelta(days=1) else today


def _key(name: str, *parts: str) -> str:
    return f"{name}:{_digest(*parts)}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def _folded(title: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", title.casefold()).split()) or title

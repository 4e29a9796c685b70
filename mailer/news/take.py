"""Take the drafts of a feed into the tables: which are new, which are known again, which have to wait."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import choices
from mailer.choices import Choices, Meaning
from mailer.news import store
from mailer.news.changes import Keys, Known, content_hash, day_of, distinct, keys_of, known_again
from mailer.news.entry import FeedContent, as_offered, language_tag
from mailer.news.feeds import Feed, list_feeds
from mailer.news.item import Draft
from mailer.news.meaning import place


@dataclass(slots=True)
class Taken:
    """What became of a feed's drafts. ready: ids of items that were announced."""

    ready: list[int] = field(default_factory=list)
    changed: int = 0
    waiting: int = 0
    history: int = 0
    unknown: list[str] = field(default_factory=list)


async def take(
    db: AsyncConnection, feed: Feed, content: FeedContent, languages: Sequence[str], now: datetime
) -> Taken:
    """Store a feed's drafts, and announce what is new.

    The first poll of a feed is history, unless the operator wants it mailed.
    """
    await store.lock_arrivals(db)
    offered = await choices.read(db)
    drafts = distinct(content.drafts)
    all_keys = keys_of(drafts, feed.id)
    known = await store.known(db, all_keys)
    taken = Taken()
    history = feed.first_polled_at is None and not feed.announce_first
    for draft, keys in sorted(
        zip(drafts, all_keys, strict=True), key=lambda pair: day_of(pair[0], now.date())
    ):
        found = known_again(draft, keys, known)
        if found is None:
            language = _language(draft, content, feed, languages)
            await _add(db, draft, keys, feed, offered, taken, language, now, history=history)
        else:
            await _compare(db, found, draft, keys, feed, offered, taken)
    await choices.note_unknown(db, dict.fromkeys(taken.unknown), now)
    await store.announce(db, taken.ready, now)
    return taken


async def _add(
    db: AsyncConnection,
    draft: Draft,
    keys: Keys,
    feed: Feed,
    offered: Choices,
    taken: Taken,
    language: str,
    now: datetime,
    *,
    history: bool,
) -> None:
    where = place(draft.labels, offered, feed.kind_id, feed.region_id)
    status = "history" if history else "waiting"  # ready comes with the arrival number
    number = await store.add(
        db,
        draft,
        keys,
        where,
        feed_id=feed.id,
        language=language,
        day=day_of(draft, now.date()),
        status=status,
        now=now,
    )
    taken.unknown += where.unknown
    if history:
        taken.history += 1
    elif where.unknown:
        taken.waiting += 1
    else:
        taken.ready.append(number)


async def _compare(
    db: AsyncConnection,
    found: Known,
    draft: Draft,
    keys: Keys,
    feed: Feed,
    offered: Choices,
    taken: Taken,
) -> None:
    """An item that we have: take over what its own feed changed in it. It isn't announced again."""
    await store.remember(db, found.id, keys)
    if found.feed_id != feed.id:
        return  # the feed that brought it first has its word, else two feeds would edit it to and fro
    relabelled = draft.labels != found.labels
    if relabelled:
        where = place(draft.labels, offered, feed.kind_id, feed.region_id)
        taken.unknown += where.unknown
        if not where.unknown or found.status == "waiting":
            await store.move(db, found.id, where, draft.labels)
    if content_hash(draft) != found.content_hash:
        await store.edit(db, found, draft)
        taken.changed += 1
    elif relabelled:
        taken.changed += 1


def _language(draft: Draft, content: FeedContent, feed: Feed, offered: Sequence[str]) -> str:
    """What the item says of itself, else the operator, else the feed; put as one of the languages on offer if it is one."""
    of_feed = language_tag(content.language)
    own = draft.language if draft.language != of_feed else None
    return as_offered(own or feed.language or of_feed or offered[0], offered)


async def look_again(db: AsyncConnection, now: datetime, label: str | None = None) -> list[int]:
    """Announce the waiting items whose labels are all explained by now; returns their ids.

    label: one that was explained just now; then items of the history that bear it find their place too.
    """
    await store.lock_arrivals(db)
    offered = await choices.read(db)
    defaults = {feed.id: feed for feed in await list_feeds(db)}
    ready: list[int] = []
    for row in await store.unsettled(db, "waiting", *(["history"] if label else [])):
        if label and choices.label_key(label) not in map(choices.label_key, row.labels):
            continue
        feed = defaults.get(row.feed_id)
        where = place(row.labels, offered, feed.kind_id if feed else None, feed.region_id if feed else None)
        if where.unknown and row.status == "waiting":
            continue
        await store.move(db, row.id, where, row.labels)
        if row.status == "waiting":
            ready.append(row.id)
    await store.announce(db, ready, now)
    return ready


async def explain_label(db: AsyncConnection, text: str, meaning: Meaning, now: datetime) -> list[int]:
    """Say what a label means from now on; returns the ids of items that waited for it and are ready now.

    Raises ValueError where the meaning says nothing.
    """
    if not meaning.known:
        raise ValueError("say what it means: a kind, a region, everyone, or that it is to be ignored")
    await choices.say_label(db, text, meaning)
    return await look_again(db, now, text)

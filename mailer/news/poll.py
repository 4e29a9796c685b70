"""Look into the feeds: fetch, parse, store; each on its own, so that a bad one never stops the others."""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import structlog

from mailer.database import Database
from mailer.news import feeds
from mailer.news.cage import Cage
from mailer.news.decode import NotReadable
from mailer.news.due import next_poll
from mailer.news.entry import FeedContent
from mailer.news.feeds import Feed
from mailer.news.take import Taken, look_again, take
from mailer.tools.clock import Clock
from mailer.tools.http_fetch import Fetched, Fetcher, FetchError, NotModified

_AT_ONCE = 4
_ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FeedReport:
    """What a poll found in one feed: how many items are new (ready to go), changed, waiting, or history.

    unknown: labels to be explained (`mailer news label`). skipped: a line for each item that can't be taken.
    error: why nothing could be taken, in words; None if all went well. unchanged: nothing new since the last poll.
    """

    feed_id: int
    url: str
    title: str | None = None
    new: int = 0
    changed: int = 0
    waiting: int = 0
    history: int = 0
    unknown: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    error: str | None = None
    unchanged: bool = False


async def poll(
    database: Database,
    fetcher: Fetcher,
    clock: Clock,
    *,
    languages: Sequence[str] = ("en",),
    due_only: bool = False,
    jitter: Callable[[], float] = random.random,
    cage: Cage | None = None,
) -> list[FeedReport]:
    """Look into all feeds, or into those that are due. languages: on offer, the first is the default.

    cage: one that the caller keeps for many polls; its process takes half a second to start.
    Returns a report per feed, in the order of the list. What goes wrong with a feed stands in its report.
    """
    now = clock()
    async with database.transaction() as db:
        await look_again(db, now)  # the operator may have loaded another file of choices
        chosen = await feeds.list_feeds(db, due_at=now if due_only else None)
    slots = asyncio.Semaphore(_AT_ONCE)
    async with nullcontext(cage) if cage else Cage() as caged:

        async def one(feed: Feed) -> FeedReport:
            async with slots:
                return await _poll_one(database, fetcher, caged, clock, feed, tuple(languages), jitter())

        return list(await asyncio.gather(*(one(feed) for feed in chosen)))


async def _poll_one(
    database: Database,
    fetcher: Fetcher,
    cage: Cage,
    clock: Clock,
    feed: Feed,
    languages: Sequence[str],
    jitter: float,
) -> FeedReport:
    try:
        found = await obtain(feed.url, fetcher, feed.etag, feed.last_modified)
        content = await cage.feed(found.content, found.url, found.content_type) if found else None
        return await _store(database, clock, feed, found, content, languages, jitter)
    except (FetchError, NotReadable) as error:
        reason = str(error)
    except Exception:
        _log.exception("a feed could not be polled", feed=feed.url)
        reason = "an error of ours, which stands in the log; the other feeds go on"
    async with database.transaction() as db:
        await feeds.note(
            db,
            feed.id,
            polled_at=clock(),
            failures=feed.failures + 1,
            error=reason,
            next_poll_at=next_poll(clock(), feed.failures + 1, jitter),
        )
    return FeedReport(feed.id, feed.url, feed.title, error=reason)


async def obtain(
    source: str, fetcher: Fetcher, etag: str | None = None, last_modified: str | None = None
) -> Fetched | None:
    """A document by its address or path; None where the server says it hasn't changed. Raises FetchError."""
    if source.startswith(("http://", "https://")):
        answer = await fetcher.fetch(source, etag, last_modified, _ACCEPT)
        return None if isinstance(answer, NotModified) else answer
    try:
        content = await asyncio.to_thread(_read, Path(source), fetcher.max_bytes)
    except OSError as error:
        raise FetchError(f"the file can't be read ({error.strerror}); look for its new place") from None
    return Fetched("", content)


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise FetchError(f"the file is larger than {limit / 1_000_000:g} MB")
    return content


async def _store(
    database: Database,
    clock: Clock,
    feed: Feed,
    found: Fetched | None,
    content: FeedContent | None,
    languages: Sequence[str],
    jitter: float,
) -> FeedReport:
    now = clock()
    taken = Taken()
    async with database.transaction() as db:
        if content is not None:
            taken = await take(db, feed, content, languages, now)
        await feeds.note(
            db,
            feed.id,
            title=(content.title if content else None) or feed.title,
            etag=found.etag if found else feed.etag,
            last_modified=found.last_modified if found else feed.last_modified,
            first_polled_at=feed.first_polled_at or now,
            polled_at=now,
            failures=0,
            error=None,
            next_poll_at=next_poll(now, 0, jitter),
        )
    return FeedReport(
        feed.id,
        feed.url,
        (content.title if content else None) or feed.title,
        new=len(taken.ready),
        changed=taken.changed,
        waiting=taken.waiting,
        history=taken.history,
        unknown=tuple(dict.fromkeys(taken.unknown)),
        skipped=tuple(content.skipped) if content else (),
        unchanged=content is None,
    )

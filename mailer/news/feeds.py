"""The operator's list of feeds: add, show, remove; and what a poll notes down on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import choices
from mailer.news.entry import language_tag
from mailer.tables import feed, item
from mailer.tools.html import web_link


class FeedError(ValueError):
    """The feed can't be added or found; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed and how its last poll went. url: an http(s) address, or the absolute path of a file.

    kind_id, region_id: for items whose labels name none. language: what the operator said of it.
    """

    id: int
    url: str
    title: str | None
    kind_id: int | None
    region_id: int | None
    language: str | None
    announce_first: bool
    etag: str | None
    last_modified: str | None
    first_polled_at: datetime | None
    polled_at: datetime | None
    next_poll_at: datetime | None
    failures: int
    error: str | None

    @property
    def is_file(self) -> bool:
        return not self.url.startswith(("http://", "https://"))


async def add_feed(
    db: AsyncConnection,
    url_or_path: str,
    *,
    kind: str | None = None,
    region: str | None = None,
    language: str | None = None,
    announce_first: bool = False,
) -> int:
    """Take a feed into the list, or change what is said of one that is there. Returns its id.

    kind, region: codes of the choices, for items that name none; without a region they are for everyone.
    announce_first: mail also what stands in it at its first poll. Raises FeedError.
    """
    offered = await choices.read(db)
    the_kind, the_region = offered.kind(kind or ""), offered.region(region or "")
    if kind and the_kind is None:
        raise FeedError(f"there is no kind {kind!r}; write one of {', '.join(k.code for k in offered.kinds)}")
    if region and the_region is None:
        codes = ", ".join(r.code for r in offered.regions)
        raise FeedError(f"there is no region {region!r}; write one of {codes}")
    if language and language_tag(language) is None:
        raise FeedError(f"{language!r} is no language; write a code such as en, fr or pt-BR")
    address = feed_address(url_or_path)
    values = {
        "kind_id": the_kind.id if the_kind else None,
        "region_id": the_region.id if the_region else None,
        "language": language_tag(language) if language else None,
        "announce_first": announce_first,
    }
    there = (await db.execute(select(feed.c.id).where(feed.c.url == address))).scalar_one_or_none()
    if there is not None:
        await db.execute(update(feed).where(feed.c.id == there).values(values))
        return int(there)
    added = insert(feed).values(url=address, failures=0, **values).returning(feed.c.id)
    return int((await db.execute(added)).scalar_one())


def feed_address(url_or_path: str) -> str:
    """The address of a feed as it is kept. Raises FeedError where it is neither one nor a file."""
    if "://" in url_or_path:
        if address := web_link(url_or_path):
            return address
        raise FeedError(f"{url_or_path!r} is not a web address; write it as https://example.org/feed")
    path = _absolute(url_or_path)
    if not Path(path).is_file():
        raise FeedError(f"there is no file {path}; write a file's path, or an address with https://")
    return path


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


async def list_feeds(db: AsyncConnection, *, due_at: datetime | None = None) -> list[Feed]:
    """All feeds, or those that are due at a moment."""
    chosen = select(feed).order_by(feed.c.id)
    if due_at is not None:
        chosen = chosen.where(or_(feed.c.next_poll_at.is_(None), feed.c.next_poll_at <= due_at))
    return [Feed(*row) for row in await db.execute(chosen.with_only_columns(*_COLUMNS))]


_COLUMNS: Sequence[Any] = [feed.c[name] for name in Feed.__slots__]


async def remove_feed(db: AsyncConnection, url_or_path: str) -> None:
    """Stop polling a feed. Its items stay. Raises FeedError where it isn't in the list."""
    wanted = feed.c.url.in_({url_or_path, web_link(url_or_path), _absolute(url_or_path)} - {""})
    number = (await db.execute(select(feed.c.id).where(wanted))).scalar_one_or_none()
    if number is None:
        raise FeedError(f"there is no feed {url_or_path!r} in the list; `mailer news feed list` shows it")
    await db.execute(update(item).where(item.c.feed_id == number).values(feed_id=None))
    await db.execute(delete(feed).where(feed.c.id == number))


async def note(db: AsyncConnection, feed_id: int, **values: Any) -> None:
    """Write down how a poll went."""
    await db.execute(update(feed).where(feed.c.id == feed_id).values(values))

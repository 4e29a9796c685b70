"""Take single pages and what they offer as related: `mailer news add FILE|URL`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import choices
from mailer.choices import Choices
from mailer.database import Database
from mailer.news import store
from mailer.news.cage import Cage
from mailer.news.changes import day_of, keys_of, known_again
from mailer.news.decode import NotReadable
from mailer.news.entry import as_offered, language_tag
from mailer.news.item import Draft, Item
from mailer.news.meaning import Place, place
from mailer.news.poll import obtain
from mailer.tools.clock import Clock
from mailer.tools.html import web_link
from mailer.tools.http_fetch import Fetcher, FetchError


class ArticleError(ValueError):
    """The page can't be taken; the message says why and what to write."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A related item that a page shows. draft.url is "" where the page (as plain text) has no link to it.

    known: whether an item with its title and date is there already.
    """

    draft: Draft
    known: bool


@dataclass(frozen=True, slots=True)
class AddedArticle:
    """item: as it is stored now. new: False where we had it. unknown: labels it waits for; () if it is ready."""

    item: Item
    new: bool
    unknown: tuple[str, ...] = ()
    related: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True)
class Instead:
    """What the operator says instead of the page. kind, regions: codes; everyone: for all regions.

    home: where "Read more" leads if neither the page nor `url` names an address; by it no item is known again.
    """

    url: str | None = None
    kind: str | None = None
    regions: Sequence[str] = ()
    everyone: bool = False
    language: str | None = None
    home: str | None = None


async def add_article(
    database: Database,
    source: str,
    fetcher: Fetcher,
    clock: Clock,
    instead: Instead | None = None,
    *,
    languages: Sequence[str] = ("en",),
) -> AddedArticle:
    """Make an item of one web page, or of such a page as plain text. source: its address or a file.

    It is ready to go at once, unless it bears a label that nobody has explained; what was history
    until now is announced too. Raises ArticleError, and then nothing was stored.
    """
    instead = instead or Instead()
    async with database.reading() as db:
        known = [label for label, meaning in (await choices.read(db)).labels.items() if meaning.known]
    try:
        found = await obtain(source, fetcher)
        if found is None:
            raise ArticleError("the server says that nothing changed, and sent nothing")
        async with Cage() as cage:
            page = await cage.page(found.content, found.url or instead.url or "", found.content_type, known)
    except (FetchError, NotReadable) as error:
        raise ArticleError(f"{source}: {error}") from None
    added = await add_draft(database, page.article, clock, instead, languages=languages)
    async with database.reading() as db:
        related = [
            Offer(draft, await store.has_title(db, draft.title, draft.published_on)) for draft in page.related
        ]
    return replace(added, related=tuple(related))


async def add_draft(
    database: Database,
    draft: Draft,
    clock: Clock,
    instead: Instead | None = None,
    *,
    languages: Sequence[str] = ("en",),
) -> AddedArticle:
    """Make an item of a draft, such as the one in an offer. Raises ArticleError."""
    instead = instead or Instead()
    now = clock()
    has_address = bool(instead.url or draft.url)
    draft = _as_said(draft, instead)
    async with database.transaction() as db:
        await store.lock_arrivals(db)
        where = _place(draft, instead, await choices.read(db))
        keys = keys_of([draft], None)
        if not has_address:
            keys = [replace(keys[0], link=None)]
        found = known_again(draft, keys[0], await store.known(db, keys))
        if found is not None and found.status == "ready":
            return AddedArticle(await store.item_by_id(db, found.id), new=False)
        if found is not None:
            await store.move(db, found.id, where, draft.labels)
            number = found.id
        else:
            language = as_offered(draft.language or languages[0], languages)
            day = day_of(draft, now.date())
            number = await store.add(
                db, draft, keys[0], where, feed_id=None, language=language, day=day, status="waiting", now=now
            )
        return await _settle(db, number, where, clock, new=found is None)


async def _settle(db: AsyncConnection, number: int, where: Place, clock: Clock, *, new: bool) -> AddedArticle:
    """Announce it, or let it wait for its labels."""
    if where.unknown:
        await store.set_waiting(db, number)
        await choices.note_unknown(db, where.unknown, clock())
    else:
        await store.announce(db, [number], clock())
    return AddedArticle(await store.item_by_id(db, number), new, where.unknown)


def _as_said(draft: Draft, instead: Instead) -> Draft:
    url = web_link(instead.url or "") if instead.url else draft.url or instead.home
    if not url and instead.url:
        raise ArticleError(f"{instead.url!r} is not a web address; write it as https://example.org/page")
    if not url:
        raise ArticleError(
            f"“{draft.title}” doesn't say under which address readers find it; add --url https://…"
        )
    if instead.language and language_tag(instead.language) is None:
        raise ArticleError(f"{instead.language!r} is no language; write a code such as en, fr or pt-BR")
    return replace(draft, url=url, language=language_tag(instead.language or "") or draft.language)


def _place(draft: Draft, instead: Instead, offered: Choices) -> Place:
    kind = offered.kind(instead.kind or "")
    regions = [offered.region(code) for code in instead.regions]
    if instead.kind and kind is None:
        raise ArticleError(
            f"there is no kind {instead.kind!r}; write one of {', '.join(k.code for k in offered.kinds)}"
        )
    if None in regions:
        raise ArticleError(f"write as regions only {', '.join(r.code for r in offered.regions)}")
    where = place(draft.labels, offered)
    if kind is not None:
        where = replace(where, kind_id=kind.id)
    if regions or instead.everyone:
        numbers = tuple(region.id for region in regions if region is not None)
        where = replace(
            where, regions=() if instead.everyone else numbers, everyone=instead.everyone, unknown=()
        )
    return where

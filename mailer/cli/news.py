"""`mailer news …`: feeds, single articles, and the labels that nobody has explained yet."""

import sys
from typing import Annotated

import typer

from mailer import choices, news
from mailer.choices import Choices, Meaning
from mailer.cli import feeds
from mailer.cli.frame import Trouble, open_database, read_settings, run, say
from mailer.links import Links
from mailer.news import AddedArticle, Draft, FeedReport, Instead, Offer
from mailer.tools.clock import utc_now
from mailer.tools.http_fetch import Fetcher

app = typer.Typer(no_args_is_help=True, help="What comes in: feeds, single articles, labels.")
app.add_typer(feeds.app, name="feed")


@app.command()
def poll() -> None:
    """Look into all feeds now."""

    async def work() -> list[FeedReport]:
        settings = read_settings()
        async with open_database(settings, migrate_sqlite=True) as database:
            return await news.poll(database, Fetcher(), utc_now, languages=settings.language_list)

    reports = run(work())
    if not reports:
        say("There is no feed yet. Add one: mailer news feed add https://www.example.org/feed")
    for report in reports:
        say(_in_words(report))
    if reports and all(report.error for report in reports):
        raise typer.Exit(1)


def _in_words(report: FeedReport) -> str:
    if report.error:
        return f"✗ {report.url}: {report.error}"
    counts = [
        (report.new, "new"),
        (report.changed, "changed"),
        (report.waiting, "waiting"),
        (report.history, "history"),
    ]
    lines = [f"✓ {report.url}: " + (", ".join(f"{n} {what}" for n, what in counts if n) or "nothing new")]
    lines += [f"    left out: {line}" for line in report.skipped]
    lines += [
        f"    nobody has said what {label!r} means: mailer news label {label!r} --region …"
        for label in report.unknown
    ]
    return "\n".join(lines)


@app.command()
def add(
    source: Annotated[
        str, typer.Argument(metavar="URL|FILE", help="A web page, or such a page as plain text.")
    ],
    url: Annotated[str | None, typer.Option(help="Where readers find it, if the page doesn't say.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="Its kind, as news, instead of what the page says.")
    ] = None,
    region: Annotated[list[str] | None, typer.Option(help="Its region, as lac; repeat for several.")] = None,
    everyone: Annotated[bool, typer.Option("--everyone", help="It is for readers of all regions.")] = False,
    language: Annotated[str | None, typer.Option(help="Its language, as en.")] = None,
) -> None:
    """Take one article from a web page; what it shows as related is offered too."""
    settings = read_settings()
    home = settings.website_url or Links(settings).latest()
    instead = Instead(url, kind, tuple(region or ()), everyone, language, home)

    async def work(draft: Draft | None, instead: Instead) -> AddedArticle:
        async with open_database(settings, migrate_sqlite=True) as database:
            languages = settings.language_list
            if draft is not None:
                return await news.add_draft(database, draft, utc_now, instead, languages=languages)
            return await news.add_article(database, source, Fetcher(), utc_now, instead, languages=languages)

    added = run(work(None, instead))
    _tell(added)
    if added.new and next(iter(added.item.texts.values())).url == home:
        say(
            f"    the page names no address of its own: “Read more” leads to {home}; better say --url https://…"
        )
    for offer in added.related:
        if (address := _wanted(offer)) is not None:
            _tell(run(work(offer.draft, Instead(url=address))))


def _tell(added: AddedArticle) -> None:
    text = next(iter(added.item.texts.values()))
    words = "taken" if added.new else "is there already"
    say(f"✓ {words}: {text.title} ({added.item.published_on}, {text.url})")
    for label in added.unknown:
        say(f"    it waits until somebody says what {label!r} means: mailer news label …")


def _wanted(offer: Offer) -> str | None:
    """The address under which a related item shall be taken; None to leave it. Asks only where somebody is there."""
    draft = offer.draft
    described = f"related: {draft.title} ({draft.published_on or 'no date'})"
    if offer.known or not sys.stdin.isatty():
        how = "is there already" if offer.known else f"mailer news add {draft.url or 'ITS-ADDRESS'}"
        say(f"  {described}: {how}")
        return None
    if draft.url:
        return draft.url if typer.confirm(f"  {described}. Take it too?") else None
    return (
        typer.prompt(f"  {described}. Its address (empty: leave it)", default="", show_default=False) or None
    )


@app.command()
def labels() -> None:
    """Show the labels that wait for somebody to say what they mean; their items wait with them."""

    async def work() -> list[str]:
        async with open_database(read_settings()) as database, database.reading() as db:
            return await choices.unknown_labels(db)

    found = run(work())
    for label in found:
        say(label)
    if not found:
        say("None waits.")


@app.command()
def label(
    text: Annotated[str, typer.Argument(help="The label, as the feed writes it.")],
    kind: Annotated[str | None, typer.Option(help="It means this kind.")] = None,
    region: Annotated[str | None, typer.Option(help="It means this region.")] = None,
    everyone: Annotated[bool, typer.Option("--everyone", help="It means every reader.")] = False,
    ignored: Annotated[bool, typer.Option("--ignore", help="It means nothing.")] = False,
) -> None:
    """Say what a label means, from now on and for the items that wait for it."""
    if sum(map(bool, (kind, region, everyone, ignored))) != 1:
        raise Trouble("Say one of --kind, --region, --everyone, --ignore.", 2)

    async def work() -> list[int]:
        async with open_database(read_settings()) as database, database.transaction() as db:
            meaning = _meaning(await choices.read(db), kind, region, everyone=everyone, ignored=ignored)
            return await news.explain_label(db, text, meaning, utc_now())

    say(f"Noted. {len(run(work()))} items that waited for it are ready now.")


def _meaning(
    offered: Choices, kind: str | None, region: str | None, *, everyone: bool, ignored: bool
) -> Meaning:
    the_kind, the_region = offered.kind(kind or ""), offered.region(region or "")
    if kind and the_kind is None:
        raise Trouble(f"There is no kind {kind}. There are: {', '.join(k.code for k in offered.kinds)}.", 2)
    if region and the_region is None:
        raise Trouble(
            f"There is no region {region}. There are: {', '.join(r.code for r in offered.regions)}.", 2
        )
    return Meaning(
        the_kind.id if the_kind else None, the_region.id if the_region else None, everyone, ignored
    )

"""`mailer news …`: feeds, single articles, and the labels that nobody has explained yet."""

from typing import Annotated

import typer
from rich.table import Table

from mailer import choices, news
from mailer.choices import Choices, Meaning
from mailer.cli.frame import Trouble, open_database, read_settings, run, screen
from mailer.news import FeedReport
from mailer.tools.clock import utc_now
from mailer.tools.http_fetch import Fetcher

app = typer.Typer(no_args_is_help=True, help="What comes in: feeds, single articles, labels.")
feeds = typer.Typer(no_args_is_help=True, help="The list of feeds.")
app.add_typer(feeds, name="feed")

Source = Annotated[str, typer.Argument(metavar="URL|FILE", help="Address or path of the feed.")]


@app.command()
def poll() -> None:
    """Look into all feeds now."""

    async def work() -> list[FeedReport]:
        settings = read_settings()
        async with open_database(settings, migrate_sqlite=True) as database:
            return await news.poll(database, Fetcher(), utc_now, languages=settings.language_list)

    reports = run(work())
    if not reports:
        screen.print("There is no feed yet. Add one: mailer news feed add https://www.example.org/feed")
    for report in reports:
        screen.print(_in_words(report), markup=False)
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


@feeds.command("add")
def add_feed(
    source: Source,
    kind: Annotated[str | None, typer.Option(help="For items that name none, as news.")] = None,
    region: Annotated[
        str | None, typer.Option(help="For items that name none, as lac; else for everyone.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="For a feed that names none, as en.")] = None,
    announce_first: Annotated[
        bool, typer.Option("--announce-first", help="Mail also what stands in it now.")
    ] = False,
) -> None:
    """Read this feed from now on. What stands in it at first is history, and isn't mailed."""

    async def work() -> None:
        async with (
            open_database(read_settings(), migrate_sqlite=True) as database,
            database.transaction() as db,
        ):
            await news.add_feed(
                db, source, kind=kind, region=region, language=language, announce_first=announce_first
            )

    run(work())
    screen.print("Added. `mailer news poll` reads it now; `mailer serve` does so every half hour.")


@feeds.command("remove")
def remove_feed(source: Source) -> None:
    """Read this feed no more. Its items stay."""

    async def work() -> None:
        async with open_database(read_settings()) as database, database.transaction() as db:
            await news.remove_feed(db, source)

    run(work())
    screen.print("Removed.")


@feeds.command("list")
def list_feeds() -> None:
    """Show the feeds, and how reading them went."""

    async def work() -> list[news.Feed]:
        async with open_database(read_settings()) as database, database.reading() as db:
            return await news.list_feeds(db)

    table = Table("feed", "title", "last read", "trouble")
    for feed in run(work()):
        read = feed.polled_at.isoformat(" ", "minutes") if feed.polled_at else "never"
        table.add_row(feed.url, feed.title or "", read, feed.error or "")
    screen.print(table)


@app.command()
def labels() -> None:
    """Show the labels that wait for somebody to say what they mean; their items wait with them."""

    async def work() -> list[str]:
        async with open_database(read_settings()) as database, database.reading() as db:
            return await choices.unknown_labels(db)

    found = run(work())
    for label in found:
        screen.print(label, markup=False)
    if not found:
        screen.print("None waits.")


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

    screen.print(f"Noted. {len(run(work()))} items that waited for it are ready now.")


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

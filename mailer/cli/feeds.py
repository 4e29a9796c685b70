"""`mailer news feed …`: the list of feeds."""

from typing import Annotated

import typer
from rich.table import Table

from mailer import news
from mailer.cli.frame import open_database, read_settings, run, say, screen

app = typer.Typer(no_args_is_help=True, help="The list of feeds.")

Source = Annotated[str, typer.Argument(metavar="URL|FILE", help="Address or path of the feed.")]


@app.command("add")
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
    say("Added. `mailer news poll` reads it now; `mailer serve` does so every half hour.")


@app.command("remove")
def remove_feed(source: Source) -> None:
    """Read this feed no more. Its items stay."""

    async def work() -> None:
        async with open_database(read_settings()) as database, database.transaction() as db:
            await news.remove_feed(db, source)

    run(work())
    screen.print("Removed.")


@app.command("list")
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

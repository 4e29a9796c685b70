"""`mailer choices …`: what readers can choose."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from mailer import choices as room
from mailer.choices import Choices, Schedule
from mailer.cli.frame import Trouble, open_database, read_settings, run, say, screen

app = typer.Typer(no_args_is_help=True, help="What readers can choose: regions, kinds, how often.")

_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@app.command()
def show() -> None:
    """Show what is on offer now."""

    async def work() -> Choices:
        async with open_database(read_settings()) as database, database.reading() as db:
            return await room.read(db)

    offered = run(work())
    table = Table("code", "label in mails", "name in the form", title="Regions")
    for region in offered.regions:
        table.add_row(region.code, region.label, region.name("en"))
    screen.print(table)
    table = Table("code", "name", title="Kinds")
    for kind in offered.kinds:
        table.add_row(kind.code, kind.name("en"))
    screen.print(table)
    for schedule in offered.schedules:
        say(f"{schedule.frequency}: {_when(schedule)}")


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="A TOML file like templates/choices.toml.")],
) -> None:
    """Take a file: what it names is on offer from now on. Nobody's choice is deleted."""

    async def work() -> None:
        try:
            toml = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Trouble(f"{file} can't be read: {error}", 2) from None
        async with open_database(read_settings()) as database, database.transaction() as db:
            await room.load(db, toml)

    run(work())
    say(f"Taken from {file}. See it with `mailer choices show`.")


def _when(schedule: Schedule) -> str:
    hour = f"at {schedule.hour}:00"
    match schedule.frequency:
        case "immediate":
            return "as soon as there is news"
        case "daily":
            return f"every day {hour}"
        case "weekly":
            return f"on {_DAYS[schedule.weekday or 0]} {hour}"
        case _:
            return f"on day {schedule.day} of the month {hour}"

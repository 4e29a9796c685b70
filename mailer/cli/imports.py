"""`mailer subscribers import`: an old list, looked at first and then taken over; or a whole import taken back."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from mailer import news
from mailer import subscribers as room
from mailer.cli.frame import Trouble, open_database, read_settings, run, screen
from mailer.personal import ROOMS
from mailer.subscribers import Basis, Column, Fate, ListError, Plan, Report, Unfounded, open_list
from mailer.tools.clock import utc_now

app = typer.Typer()

_SHOWN = 50
"""Remarks on the screen; more than that are counted."""

_MEANING = {
    Fate.READER: "new, with a date of confirmation: get the digest, in stages",
    Fate.HELD: "new, without one: kept, nothing is sent",
    Fate.KNOWN: "known here: nothing changes",
    Fate.OPTED_OUT: "left, says the list: never mailed, and no later list brings them back",
    Fate.SUPPRESSED: "erased or refused here, or on an earlier list of opt-outs",
    Fate.REPEATED: "twice in the file",
    Fate.INVALID: "left out",
}


@app.command("import")
def import_(
    file: Annotated[Path | None, typer.Argument(help="The list: CSV with a line of headers.")] = None,
    basis: Annotated[Basis | None, typer.Option(help="By what right you may write to them.")] = None,
    evidence: Annotated[str, typer.Option(help="Where and how they agreed, and where that is kept.")] = "",
    opt_outs: Annotated[Path | None, typer.Option(help="Those who left, as a second file.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="What a column is: confirmed=OPTIN_TIME.")] = None,
    stages: Annotated[int, typer.Option(min=1, max=52, help="Parts that get their first mail in turn.")] = 3,
    reconfirm: Annotated[bool, typer.Option("--reconfirm", help="Ask those without evidence, once.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    undo: Annotated[int | None, typer.Option(help="Take back the import with this number.")] = None,
) -> None:
    """Take over an old list. You see first what would happen, and are asked. Read docs/import.md before."""
    if undo is not None:
        _undo(undo, yes=yes)
        return
    if file is None:
        raise Trouble("Name the file to import, or the import to take back with --undo.", 2)
    try:
        named = _named(column or [])
        left = open_list(opt_outs, {}) if opt_outs else None
        plan = Plan(open_list(file, named), left, basis, evidence, "admin:cli", stages, reconfirm)
        report = run(_examine(plan))
        _show(plan, report)
        if dry_run or not (
            report.counts[Fate.READER] + report.counts[Fate.HELD] + report.counts[Fate.OPTED_OUT]
        ):
            screen.print("Nothing was changed.")
            return
        if reconfirm:
            screen.print(
                "Asking people who never agreed is itself an offence in many countries.", style="yellow"
            )
        if not yes:
            typer.confirm("Import?", abort=True)
        report = run(_take(plan))
    except (ListError, Unfounded) as error:
        raise Trouble(str(error), 2) from None
    added = report.counts[Fate.READER] + report.counts[Fate.HELD]
    screen.print(f"Import {report.number}: {added} added.")
    screen.print(f"To take it back: mailer subscribers import --undo {report.number}", markup=False)


def _named(words: list[str]) -> dict[Column, str]:
    named = {}
    for word in words:
        what, _, header = word.partition("=")
        if what not in set(Column) or not header:
            raise Trouble(f"--column {word}: write one of {', '.join(Column)}, then = and the header.", 2)
        named[Column(what)] = header
    return named


async def _examine(plan: Plan) -> Report:
    settings = read_settings()
    async with open_database(settings) as database:
        return await room.examine(database, settings, plan, utc_now())


async def _take(plan: Plan) -> Report:
    settings = read_settings()
    async with open_database(settings) as database:
        async with database.reading() as db:
            last_arrival = await news.last_arrival(db)
        return await room.take(database, settings, plan, utc_now(), last_arrival=last_arrival)


def _show(plan: Plan, report: Report) -> None:
    old = plan.people
    columns = ", ".join(f"{place + 1} is {column}" for place, column in sorted(old.columns.items()))
    screen.print(
        f"{old.file}: {old.encoding}, separated by {old.separator!r}; column {columns}", markup=False
    )
    table = Table("rows", "fate", "what that means", box=None)
    for fate in Fate:
        meaning = _MEANING[fate]
        if fate is Fate.HELD and plan.reconfirm:
            meaning = "new, without one: asked once by mail, in stages"
        table.add_row(str(report.counts[fate]), fate, meaning)
    screen.print(table)
    for line, remark in report.remarks[:_SHOWN]:
        screen.print(f"line {line}: {remark}", markup=False)
    if len(report.remarks) > _SHOWN:
        screen.print(f"… and {len(report.remarks) - _SHOWN} more remarks")


def _undo(number: int, *, yes: bool) -> None:
    if not yes:
        typer.confirm(f"Forget everybody of import {number} who did nothing themselves since?", abort=True)

    async def work() -> tuple[int, int] | None:
        settings = read_settings()
        async with open_database(settings) as database:
            return await room.undo(database, ROOMS, number, utc_now())

    done = run(work())
    if done is None:
        raise Trouble(f"There is no import {number}.")
    forgotten, kept = done
    screen.print(f"{forgotten} forgotten; {kept} kept, who did something themselves since.")

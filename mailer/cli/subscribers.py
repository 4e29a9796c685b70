"""`mailer subscribers …`: look people up, and let them go."""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import choices
from mailer import subscribers as room
from mailer.cli.frame import Trouble, open_database, read_settings, run, say, screen
from mailer.personal import ROOMS
from mailer.subscribers import Segment, UnknownWord
from mailer.tools.address import AddressError
from mailer.tools.clock import utc_now

app = typer.Typer(
    no_args_is_help=True, help="Look readers up, import and export them; end a subscription; erase."
)

Address = Annotated[str, typer.Argument(help="The reader's mail address.")]
Status = Annotated[str | None, typer.Option(help="pending, held, confirmed, unsubscribed or stopped.")]
Region = Annotated[str | None, typer.Option(help="Code, name or label of a region, as LAC.")]
Kind = Annotated[str | None, typer.Option(help="Code or name of a kind, as news.")]
Frequency = Annotated[str | None, typer.Option(help="As weekly.")]
Language = Annotated[str | None, typer.Option(help="As en.")]


@app.command("list")
def list_(
    status: Status = None,
    region: Region = None,
    kind: Kind = None,
    frequency: Frequency = None,
    language: Language = None,
) -> None:
    """Show the readers that fit all options. One who chose all regions fits each of them."""
    table = Table("address", "status", "regions", "kinds", "languages", "frequency", "since")

    def add(row: dict[str, str]) -> None:
        columns = [row[name] for name in ("address", "status", "regions", "kinds", "languages", "frequency")]
        table.add_row(*columns, (row["confirmed_at"] or row["created_at"])[:10])

    run(_each(add, status=status, region=region, kind=kind, frequency=frequency, language=language))
    screen.print(table)
    say(f"{table.row_count} readers")


@app.command()
def export(
    address: Annotated[str | None, typer.Argument(help="One reader: all that we know, as JSON.")] = None,
    status: Status = None,
    region: Region = None,
    kind: Kind = None,
    frequency: Frequency = None,
    language: Language = None,
) -> None:
    """Write the readers that fit as CSV; or all that we know about one ADDRESS as JSON."""
    if address is not None:
        sys.stdout.write(json.dumps(_known(address), ensure_ascii=False, indent=2, default=_text) + "\n")
        return
    sys.stdout.write(room.csv_line(list(room.COLUMNS)))
    run(
        _each(
            lambda row: sys.stdout.write(room.csv_line(list(row.values()))),
            status=status,
            region=region,
            kind=kind,
            frequency=frequency,
            language=language,
        )
    )


@app.command()
def show(address: Address) -> None:
    """Show what we know about one reader, with the record of their consent."""
    known = _known(address)
    for name, value in known.items():
        if not isinstance(value, list):
            screen.print(f"[bold]{name}[/] ", end="")
            screen.print(_text(value) if value is not None else "-", markup=False)
    for act in known["consent"]:
        say(f"{_text(act['at'])}  {act['act']} by {act['actor']}  {json.dumps(act['details'])}")
        if act["wording"]:
            screen.print(f"    “{act['wording']}”", markup=False, style="dim")


@app.command()
def unsubscribe(address: Address) -> None:
    """End a subscription at once; also letters that wait are not sent any more."""

    async def work() -> bool:
        async with open_database(read_settings()) as database, database.transaction() as db:
            person = await find_person(db, address)
            return await room.unsubscribe(db, person.id, utc_now(), actor="admin:cli") is not None

    say(f"{address} " + ("gets no more mail." if run(work()) else "was unsubscribed already."))


async def _each(use: Callable[[dict[str, str]], Any], **words: str | None) -> None:
    async with open_database(read_settings()) as database, database.reading() as db:
        wanted = await _segment(db, words)
        async for row in room.list_subscribers(db, wanted):
            use(row)


async def _segment(db: AsyncConnection, words: dict[str, str | None]) -> Segment:
    try:
        return room.segment(await choices.read(db), **words)
    except UnknownWord as error:
        raise Trouble(str(error), 2) from None


async def find_person(db: AsyncConnection, address: str) -> Any:
    try:
        person = await room.find(db, address)
    except AddressError as error:
        raise Trouble(f"{address} is no mail address: {error}", 2) from None
    if person is None:
        raise Trouble(f"Nobody here has the address {address}.")
    return person


def _known(address: str) -> dict[str, Any]:
    async def work() -> dict[str, Any] | None:
        async with open_database(read_settings()) as database, database.reading() as db:
            await find_person(db, address)
            return await room.export_person(db, ROOMS, address)

    return run(work()) or {}


def _text(value: Any) -> str:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)

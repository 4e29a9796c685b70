"""`mailer subscribers bursts`, `… undo-unsubscribes`, `… allow`: when something went wrong at the front door."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from mailer import subscribers as room
from mailer.cli.frame import Trouble, open_database, read_settings, run, screen
from mailer.subscribers import Burst
from mailer.tools.address import AddressError
from mailer.tools.clock import utc_now

app = typer.Typer()


@app.command()
def bursts(days: Annotated[int, typer.Option(help="How far to look back.")] = 7) -> None:
    """Show the hours in which many readers left, from one network or of one mail domain."""

    async def work() -> list[Burst]:
        settings = read_settings()
        async with open_database(settings) as database, database.reading() as db:
            return await room.bursts(db, settings, utc_now() - timedelta(days=days))

    found = run(work())
    table = Table("from", "hour (UTC)", "left")
    for burst in found:
        table.add_row(burst.origin, burst.hour.strftime("%Y-%m-%d %H:00"), str(burst.count))
    screen.print(table if found else "No burst.")
    if found:
        screen.print("Take one back with `mailer subscribers undo-unsubscribes FROM --since TIME`.")


@app.command("undo-unsubscribes")
def undo_unsubscribes(
    origin: Annotated[str, typer.Argument(help="A network, as 192.0.2.0/24, or a domain, as @example.org.")],
    since: Annotated[datetime, typer.Option(help="From when on, in UTC, as 2026-11-23T09:00:00.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Make those readers again who left from there since then. Only if you know that it wasn't they who did."""

    async def look() -> int:
        async with open_database(read_settings()) as database, database.reading() as db:
            return len(await room.left_from(db, origin, since.replace(tzinfo=UTC)))

    async def work() -> int:
        async with open_database(read_settings()) as database, database.transaction() as db:
            leaves = await room.left_from(db, origin, since.replace(tzinfo=UTC))
            return await room.take_back(db, leaves, "admin:cli", utc_now())

    count = run(look())
    if not count:
        raise Trouble(f"Nobody left from {origin} since then who isn't back.")
    if not yes:
        typer.confirm(f"Subscribe {count} readers again who left from {origin}?", abort=True)
    screen.print(f"{run(work())} are readers again, with the choice that they had.")


@app.command()
def allow(address: Annotated[str, typer.Argument(help="The mail address that may be asked again.")]) -> None:
    """Lift a refusal: somebody who pressed “never ask this address again” wants the newsletter after all."""

    async def work() -> bool:
        settings = read_settings()
        async with open_database(settings) as database, database.transaction() as db:
            return await room.allow(db, settings.keyring, address, "admin:cli", utc_now())

    try:
        was_refused = run(work())
    except AddressError as error:
        raise Trouble(f"{address} is no mail address: {error}", 2) from None
    was = "was refused" if was_refused else "was not refused"
    screen.print(f"{address} {was}. The form sends a confirmation to it again, today already.", markup=False)

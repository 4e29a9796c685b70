"""`mailer subscribers erase`, `… consent verify`, `… forget`: rights of readers, and the proof of what they agreed to."""

from typing import Annotated

import typer

from mailer import subscribers as room
from mailer.cli.frame import Trouble, open_database, read_settings, run, screen
from mailer.personal import ROOMS
from mailer.subscribers import Subscriber, Swept, Verdict
from mailer.tools.address import Address, AddressError
from mailer.tools.clock import utc_now

app = typer.Typer()
consent = typer.Typer(no_args_is_help=True, help="The record of what readers agreed to.")
app.add_typer(consent, name="consent")


@app.command()
def erase(
    address: Annotated[str, typer.Argument(help="The reader's mail address.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Forget a reader: nothing of the address remains. This can't be taken back."""
    if not yes:
        typer.confirm(f"Erase {address} and everything about them?", abort=True)

    async def work() -> Subscriber | None:
        settings = read_settings()
        async with open_database(settings) as database:
            async with database.transaction() as db:
                person = await room.find(db, address)
                if person is not None:
                    await room.erase(db, settings.keyring, ROOMS, person, utc_now())
            await database.scrub()
            return person

    try:
        person = run(work())
    except AddressError as error:
        raise Trouble(f"{address} is no mail address: {error}", 2) from None
    if person is None:
        raise Trouble(f"Nobody here has the address {address}.")
    screen.print(f"{Address(person.address).masked} is erased. No import brings them back.", markup=False)
    screen.print("Backups still hold what they held: see docs/privacy.md.")


@app.command()
def forget() -> None:
    """Forget now whatever has been kept long enough; the background work does so every night."""

    async def work() -> Swept:
        settings = read_settings()
        async with open_database(settings) as database:
            return await room.sweep(database, settings, ROOMS, utc_now())

    swept = run(work())
    screen.print(
        f"{swept.never_confirmed} never confirmed, {swept.held} held without evidence, {swept.left} left long ago; "
        f"{swept.letters} addresses blanked in the ledger."
    )


@consent.command()
def verify() -> None:
    """Prove that nobody has changed the record of consent. Exit status 1 where somebody has."""

    async def work() -> Verdict:
        async with open_database(read_settings()) as database:
            return await room.verify(database)

    verdict = run(work())
    for fault in verdict.faults:
        screen.print(f"seal {fault.seal_id}: {fault.what}", markup=False, style="red")
    waiting = f", and {verdict.waiting} entries wait for theirs" if verdict.waiting else ""
    screen.print(f"{verdict.seals} seals{waiting}.")
    if verdict.faults:
        raise Trouble("The record was changed by somebody else than this program.")
    screen.print("Unbroken. Note this down elsewhere; it proves everything up to here:")
    screen.print(f"{verdict.head.seal_id} {verdict.head.hash or '-'}", soft_wrap=True)

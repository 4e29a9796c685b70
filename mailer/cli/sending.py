"""`mailer digest pause|resume|cancel|resend|accept-restored`, `mailer send-test`: a hand on the mail that leaves."""

from datetime import datetime
from html import escape
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import delivery, digests
from mailer.cli.digest import app
from mailer.cli.frame import Trouble, open_database, read_settings, run, say
from mailer.delivery import Content, Envelope, MailingState, Sender, Stream, personal
from mailer.settings import Settings
from mailer.tools.address import AddressError, parse
from mailer.tools.clock import utc_now

NOBODY = 0
"""The recipient of a test: no subscriber has this number."""

Name = Annotated[str, typer.Argument(help="As `mailer digest status` writes it: 'weekly 2026-W48'.")]


@app.command()
def pause(digest: Name) -> None:
    """Send nothing more of a digest until `resume`."""
    _set(digest, MailingState.PAUSED)
    say("Paused. What is on the wire still leaves.")


@app.command()
def resume(digest: Name) -> None:
    """Go on with a digest that was paused."""
    _set(digest, MailingState.OPEN)
    say("It goes on while `mailer serve` or `mailer worker` runs, or with `mailer digest run`.")


@app.command()
def cancel(digest: Name) -> None:
    """Send nothing more of a digest; what its readers did not get goes into their next one."""
    _set(digest, MailingState.CANCELLED)
    say("Cancelled.")


def _set(digest: str, state: MailingState) -> None:
    async def work() -> None:
        async with open_database(read_settings()) as database, database.transaction() as db:
            runs = await digests.recent_runs(db, 100)
            names = {f"{one.frequency} {one.period}": one.mailing_id for one in runs}
            if digest not in names:
                raise Trouble(
                    f"There is no digest {digest!r}. There are: {', '.join(names) or 'none yet'}.", 2
                )
            await delivery.set_mailing_state(db, names[digest], state)

    run(work())


@app.command()
def resend() -> None:
    """Send letters once more whose reply nobody saw. Some readers may get them twice."""

    async def work() -> int:
        async with open_database(read_settings()) as database, database.transaction() as db:
            return await delivery.resend_unknown(db, utc_now())

    say(f"{run(work())} letters are due again.")


@app.command("accept-restored")
def accept_restored() -> None:
    """Let a database that was restored from a backup send again. First withdraw what must not go a second time."""

    async def work() -> None:
        settings = read_settings()
        async with open_database(settings) as database, database.transaction() as db:
            await delivery.accept_restored(db, settings.data_dir)

    run(work())
    say("Accepted. Letters that wait are sent from now on.")


def send_test(address: Annotated[str, typer.Argument(help="Where to; best one of your own.")]) -> None:
    """Send one mail through your relay, and say what the relay answered."""

    async def work() -> dict[str, Any]:
        settings = read_settings()
        try:
            to = parse(address)
        except AddressError as error:
            raise Trouble(f"{address} is no mail address: {error}", 2) from None
        async with (
            open_database(settings, migrate_sqlite=True) as database,
            Sender(settings, database, utc_now) as sender,
        ):
            async with database.transaction() as db:
                mailing = await _put_test(db, settings, to.text, utc_now())
            await sender.work_off(mailing)
            async with database.reading() as db:
                return (await personal.export(db, NOBODY))[-1]

    letter = run(work())
    say(f"{letter['status']} by {letter['relay']}: {letter['code'] or ''} {letter['reply']}")
    if letter["status"] != "accepted":
        raise typer.Exit(1)


async def _put_test(db: AsyncConnection, settings: Settings, address: str, now: datetime) -> int:
    """A mailing of its own, so that nothing else is sent or counted with it."""
    words = f"{settings.organisation} can send mail: this one came through your relay.\n"
    content = Content("en", "A test", (words,), (f"<!DOCTYPE html><p>{escape(words)}</p>\n",))
    edition = await delivery.save_edition(db, content)
    name = f"test {now:%Y-%m-%d %H:%M:%S.%f}"
    await delivery.put(db, [Envelope(edition, NOBODY, address)], now, mailing_name=name)
    return await delivery.open_mailing(db, name, Stream.TRANSACTIONAL, now)

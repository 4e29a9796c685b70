"""`mailer digest …`: send what is due, see how it went, and why somebody got what they got."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from mailer import delivery, digests, subscribers
from mailer.cli.frame import Trouble, open_database, read_settings, run, say, screen
from mailer.cli.subscribers import find_person
from mailer.database import Database
from mailer.delivery import Counts, Sender, Standing
from mailer.digests import Explanation, Published, Rehearsed
from mailer.engine import Engine
from mailer.serve import stopped_by_signals
from mailer.settings import Settings
from mailer.subscribers import Status
from mailer.tools.clock import utc_now
from mailer.worker import SEND

app = typer.Typer(no_args_is_help=True, help="The digests: send, look, explain.")


@app.command("run")
def run_(
    frequency: Annotated[str | None, typer.Option(help="Only this one, as weekly.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be published.")] = False,
) -> None:
    """Publish what is due, and send everything that waits, also what was deferred before. Ends when it is done."""
    if dry_run:
        _rehearse(frequency)
        return

    async def work() -> tuple[list[Published], Counts]:
        settings = read_settings()
        async with open_database(settings, migrate_sqlite=True) as database:
            return await _publish_and_send(settings, database, frequency)

    published, counts = run(work())
    for one in published:
        screen.print(
            f"{one.period.frequency} {one.period.name}: {one.letters} letters in {len(one.editions)} editions"
        )
    if not counts.total:
        say("Nothing was waiting to be sent.")
    else:
        screen.print(_in_words(counts))
    if counts.deferred:
        screen.print(
            "What was deferred goes by itself while `mailer serve` or `mailer worker` runs, or with the next run."
        )


def _rehearse(frequency: str | None) -> None:
    async def work() -> list[Rehearsed]:
        settings = read_settings()
        async with open_database(settings, migrate_sqlite=True) as database:
            return await digests.rehearse(database, settings, utc_now(), frequency=frequency)

    table = Table("digest", "subject", "items", "readers")
    for one in run(work()):
        for subject, items, readers in one.editions:
            table.add_row(
                f"{one.period.frequency} {one.period.name}", escape(subject), str(items), str(readers)
            )
    screen.print(table if table.row_count else "Nothing is due, or there is no news.")


async def _publish_and_send(
    settings: Settings, database: Database, frequency: str | None
) -> tuple[list[Published], Counts]:
    engine = Engine.beside(database)

    async def enqueue(batches: Sequence[int]) -> None:
        if not database.is_sqlite:  # so that workers help; beside SQLite there are none
            await engine.enqueue(SEND, *batches)

    try:
        async with Sender(settings, database, utc_now) as sender:
            with stopped_by_signals(sender.request_stop):
                published = await digests.publish(database, settings, utc_now(), enqueue, frequency=frequency)
                async with database.transaction() as db:
                    await delivery.hasten(db, utc_now())
                return published, await _send(sender)
    finally:
        await engine.close()


async def _send(sender: Sender) -> Counts:
    columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True) as progress:
        task = progress.add_task("sending", total=None)

        def show(counts: Counts) -> None:
            progress.update(task, total=counts.total, completed=counts.total - counts.unfinished)

        return await sender.work_off(progress=show)


def _in_words(counts: Counts) -> str:
    names = ("accepted", "deferred", "rejected", "skipped", "unknown", "due", "handed")
    return (
        ", ".join(f"{getattr(counts, name)} {name}" for name in names if getattr(counts, name)) or "nothing"
    )


@app.command()
def status() -> None:
    """Show the latest digests and what became of their letters; of the last one also what the relays said."""

    async def work() -> list[tuple[str, str, Standing]]:
        async with open_database(read_settings()) as database, database.reading() as db:
            return [
                (
                    f"{one.frequency} {one.period}",
                    _plan(one),
                    await delivery.standing(db, one.mailing_id, utc_now()),
                )
                for one in await digests.recent_runs(db, 20)
            ]

    found = run(work())
    table = Table("digest", "planned", "letters", "what became of them")
    for name, plan, stands in found:
        table.add_row(name, plan, str(stands.counts.total), _in_words(stands.counts))
    screen.print(table if table.row_count else "No digest was published yet.")
    if found:
        _show_answers(found[0][0], found[0][2])


def _show_answers(name: str, stands: Standing) -> None:
    """How fast a run goes, and what stands in its way."""
    if stands.rate and stands.seconds_left:
        left = f"{stands.seconds_left / 60:.0f} minutes" if stands.seconds_left > 90 else "a minute or so"
        say(f"{name}: {stands.rate:.0f} letters a second just now; {left} to go.")
    table = Table("relay", "letters", "became", "code", "an answer", title=f"{name}: what the relays said")
    for answer in stands.answers:
        code = str(answer.code or "")
        table.add_row(
            answer.relay or "-", str(answer.letters), answer.status, code, escape(answer.reply[:80])
        )
    if table.row_count:
        screen.print(table)


def _plan(one: Any) -> str:
    return f"for {one.considered} readers" if one.planned_at else "not done; `mailer digest run` goes on"


@app.command()
def explain(address: Annotated[str, typer.Argument(help="The reader's mail address.")]) -> None:
    """Say what a reader's next digest holds, and of each item why it goes or doesn't."""

    async def work() -> Explanation:
        settings = read_settings()
        async with open_database(settings) as database, database.reading() as db:
            person = await find_person(db, address)
            if person.status is not Status.CONFIRMED:
                raise Trouble(f"{address} is {person.status}, and gets no digest.")
            audience = (await subscribers.audiences(db))[person.audience_id]
            return await digests.explain(db, settings, person.id, audience, utc_now())

    found = run(work())
    if found.due is None:
        say("Their frequency is no longer on offer: no digest is planned for them.")
    else:
        screen.print(
            f"Their next digest is {found.due.frequency} {found.due.name}, due {found.due.due_at:%Y-%m-%d %H:%M} UTC."
        )
    if found.waits:
        screen.print("A letter to them is just being sent; their news waits until it is done.")
    table = Table("item", "of", "why")
    for item, reason in found.items:
        title = next(iter(item.texts.values())).title
        table.add_row(escape(title), item.published_on.isoformat(), str(reason))
    screen.print(table)

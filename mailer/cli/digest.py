"""`mailer digest …`: send what is due, see how it went, and why somebody got what they got."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mailer import digests
from mailer.cli.frame import open_database, read_settings, run, screen
from mailer.database import Database
from mailer.delivery import Counts, Sender
from mailer.digests import Published
from mailer.engine import Engine
from mailer.serve import stopped_by_signals
from mailer.settings import Settings
from mailer.tools.clock import utc_now
from mailer.worker import SEND

app = typer.Typer(no_args_is_help=True, help="The digests: send, look, explain.")


@app.command("run")
def run_(
    frequency: Annotated[str | None, typer.Option(help="Only this one, as weekly.")] = None,
) -> None:
    """Publish what is due, and send everything that waits, also what was deferred before. Ends when it is done."""

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
        screen.print("Nothing was waiting to be sent.")
    else:
        screen.print(_in_words(counts))
    if counts.deferred:
        screen.print(
            "What was deferred goes by itself while `mailer serve` or `mailer worker` runs, or with the next run."
        )


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

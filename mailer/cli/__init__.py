"""The commands. Each is a few lines that call a room; what goes wrong is said in a sentence, without a traceback."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from mailer.choices import ChoicesError
from mailer.cli import bursts, choices, digest, form, imports, news, rights, sending, subscribers
from mailer.cli.frame import Trouble, errors, open_database, reach, read_settings, run, said_in_words, screen
from mailer.database import DatabaseUrlError
from mailer.delivery import CannotSend
from mailer.engine import EngineError
from mailer.migrations import migrate as bring_up_to_date
from mailer.news import ArticleError, FeedError
from mailer.serve import CannotListen

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="A newsletter service: sign-up with double opt-in, and one merged digest per reader.",
)
app.add_typer(news.app, name="news")
app.add_typer(digest.app, name="digest")
subscribers.app.add_typer(imports.app)
subscribers.app.add_typer(rights.app)
subscribers.app.add_typer(bursts.app)
app.add_typer(subscribers.app, name="subscribers")
app.add_typer(choices.app, name="choices")
app.add_typer(form.app, name="form")
app.command("send-test")(sending.send_test)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the self-check.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its data.")] = Path("demo-data"),
) -> None:
    """Try it: sample news, two dozen readers, a built-in inbox; needs and touches nothing of yours."""
    from mailer.demo import demo as play

    if not run(play(folder.absolute(), screen, once=once)) and once:
        raise typer.Exit(1)


@app.command()
def serve() -> None:
    """Web and background work in one process: all that SQLite needs."""
    run(_serve(web=True, work=True))


@app.command()
def web() -> None:
    """The web part alone. PostgreSQL only."""
    run(_serve(web=True, work=False))


@app.command()
def worker() -> None:
    """The background work alone, in as many processes as you like. PostgreSQL only."""
    run(_serve(web=False, work=True))


async def _serve(*, web: bool, work: bool) -> None:
    from mailer.serve import serve_parts

    settings = read_settings()
    async with open_database(settings, migrate_sqlite=True) as database:
        if database.is_sqlite and not (web and work):
            raise Trouble(
                "On SQLite, web and background work are one process: the queue is in its memory, so two would not "
                "hear of each other. Run `mailer serve`, or set MAILER_DATABASE_URL to a PostgreSQL database.",
                2,
            )

        def ready(where: str) -> None:
            errors.print(f"{where}. Ctrl-C stops.", markup=False, soft_wrap=True)

        await serve_parts(settings, database, web=web, work=work, ready=ready)


@app.command()
def migrate() -> None:
    """Bring the database up to date. Run it after every upgrade; running it twice is harmless."""

    async def work() -> bool:
        settings = read_settings()
        async with reach(settings) as database:
            with said_in_words(settings.database_url):
                return await bring_up_to_date(database)

    screen.print("The database is up to date now." if run(work()) else "The database was up to date already.")


def main() -> None:
    """The program `mailer`. Exit status: 0 done, 1 failed, 2 wrong settings or arguments."""
    _log_to_standard_error()
    try:
        app()
    except Trouble as error:
        _say(error, error.status)
    except DatabaseUrlError as error:
        _say(error, 2)
    except (ChoicesError, FeedError, ArticleError, CannotSend, EngineError, CannotListen) as error:
        _say(error, 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _say(error: Exception, status: int) -> None:
    errors.print(str(error), style="red", markup=False, soft_wrap=True)
    sys.exit(status)


def _log_to_standard_error() -> None:
    """One line for each thing that a person should know: time, level, what, and the values that belong to it."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s [%(levelname)s] %(name)s: %(message)s")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )

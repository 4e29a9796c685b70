"""`mailer form …`: the sign-up form in other sites."""

import sys
from typing import Annotated

import typer

from mailer import choices
from mailer.cli.frame import Trouble, open_database, read_settings, run
from mailer.subscribers import Embedding
from mailer.subscribers import snippet as make_snippet

app = typer.Typer(no_args_is_help=True, help="The sign-up form in other sites.")


@app.callback()
def _form() -> None:
    """A group, though there is one command."""


@app.command()
def snippet(
    script: Annotated[bool, typer.Option("--script", help="Stay on the page; needs JavaScript.")] = False,
    iframe: Annotated[bool, typer.Option("--iframe", help="Our page in a frame.")] = False,
    link: Annotated[bool, typer.Option("--link", help="A link, where forms are not allowed.")] = False,
    language: Annotated[str | None, typer.Option(help="As en; the first on offer when left out.")] = None,
) -> None:
    """Print HTML to copy into another site: a plain form, or what an option asks for. See docs/embedding.md."""
    asked = {Embedding.SCRIPT: script, Embedding.IFRAME: iframe, Embedding.LINK: link}
    ways = [way for way, is_asked in asked.items() if is_asked] or [Embedding.FORM]
    if len(ways) > 1:
        raise Trouble("Choose one of --script, --iframe and --link.", 2)

    async def work() -> str:
        settings = read_settings()
        spoken = language or settings.default_language
        if spoken not in settings.language_list:
            raise Trouble(f"{spoken} is not on offer; MAILER_LANGUAGES has {settings.languages}.", 2)
        if ways[0] in (Embedding.SCRIPT, Embedding.IFRAME) and not settings.embed_sites:
            sys.stderr.write("Name the site in MAILER_EMBED_SITES too, or browsers won't let it work.\n")
        async with open_database(settings) as database, database.reading() as db:
            return make_snippet(settings, await choices.read(db), spoken, ways[0])

    sys.stdout.write(run(work()))

"""Jinja2 and message catalogues: where templates are found, and how a language is put on them."""

import io
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

_PACKAGE = Path(__file__).resolve().parent.parent

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur", "ps", "yi", "dv", "sd", "ug"})


def templates_folder() -> Path:
    """`templates/` of the checkout, or its copy in the installed wheel."""
    installed = _PACKAGE / "_templates"
    return installed if installed.is_dir() else _PACKAGE.parent / "templates"


def direction(language: str) -> str:
    """`rtl` or `ltr` for a BCP 47 tag."""
    return "rtl" if language.split("-")[0].lower() in RIGHT_TO_LEFT else "ltr"


@cache
def catalogue(language: str) -> NullTranslations:
    """The messages of a language, from `templates/locale/<language>.po`; English stands in the source."""
    file = templates_folder() / "locale" / f"{language}.po"
    if not file.is_file():
        return NullTranslations()
    with file.open("rb") as source:
        messages = read_po(source, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(compiled)


@cache
def catalogue_languages() -> tuple[str, ...]:
    """The languages that have a catalogue, English first."""
    found = sorted(file.stem for file in (templates_folder() / "locale").glob("*.po"))
    return ("en", *(language for language in found if language != "en"))


@cache
def environment(language: str, override: Path | None = None) -> Environment:
    """A sandboxed Jinja2 environment whose `_()` speaks the language.

    Templates are looked for in `override` first, so that an operator can replace single files.
    HTML files are escaped automatically, `.txt` files are not.
    """
    folders = [folder for folder in (override, templates_folder()) if folder is not None]
    env = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        autoescape=lambda name: name is None or not name.endswith(".txt"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    env.install_gettext_translations(catalogue(language), newstyle=True)  # type: ignore[attr-defined]
    env.globals["language"] = language
    env.globals["direction"] = direction(language)
    return env

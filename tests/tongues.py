"""Finds English in what should be another language: words of ours that nobody translated, or that can't be."""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from selectolax.lexbor import LexborHTMLParser

from mailer.tools.languages import own_name
from mailer.tools.templates import catalogue, catalogue_languages

ROOT = Path(__file__).resolve().parents[1]
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%|\{\w*\}")

_LETTERS = re.compile(r"[^\W\d_]{2}")
_LONG_ENOUGH = 12
"""A shorter piece of a sentence may stand in another language by chance."""

_READ_ALOUD = ("alt", "title", "aria-label", "content", "placeholder")
_ADDRESSES = re.compile(r"\S+://\S+|\S+@\S+|example\.org")


@cache
def source() -> Catalog:
    """The messages that stand in templates and code now."""
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "babel.cfg"]
    command += ["-o", "/dev/stdout", "mailer", "templates"]
    return read_po(BytesIO(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout))


def messages(catalog: Catalog) -> Iterator[Message]:
    return (message for message in catalog if message.id)


def texts(value: object) -> list[str]:
    """A message, or its plural forms."""
    return [str(text) for text in value] if isinstance(value, list | tuple) else [str(value)]


@cache
def _english(language: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """(whole messages, long pieces of messages with placeholders) that must not be read in the language."""
    whole: set[str] = set()
    pieces: set[str] = set()
    for text in (text for message in messages(source()) for text in texts(message.id)):
        if catalogue(language).gettext(text) == text and not PLACEHOLDER.search(text):
            continue  # the same word in both
        plain = (re.sub(r"<[^>]+>", "\n", part) for part in PLACEHOLDER.split(text))
        found = [piece.strip(" \n.:,;?“”") for part in plain for piece in part.split("\n")]
        if len(found) == 1:
            whole.add(text.strip())
        pieces.update(piece for piece in found if len(piece) >= _LONG_ENOUGH)
    return frozenset(whole), tuple(sorted(pieces))


def english_in(language: str, lines: Iterable[str], names: Iterable[str] = ()) -> list[str]:
    """The lines that hold English. names: the operator's and the items' own words, which aren't ours.

    Where the script is Arabic, any Latin word is foreign: so words that no template marks are found too.
    """
    whole, pieces = _english(language)
    allowed = sorted((*names, *(own_name(tag) for tag in catalogue_languages())), key=len, reverse=True)
    left = []
    for line in (" ".join(line.split()) for line in lines):
        rest = _ADDRESSES.sub("", line)
        for name in allowed:
            rest = rest.replace(name, "")
        foreign = language == "ar" and re.search(r"[A-Za-z]{2}", rest)
        if _LETTERS.search(rest) and (line in whole or foreign or any(piece in line for piece in pieces)):
            left.append(line)
    return left


def read_aloud(html: str) -> list[str]:
    """Every piece of text that a person sees or hears on a page or in a mail."""
    page = LexborHTMLParser(html)
    for element in page.css("style, script, meta:not([name=description])"):
        element.decompose()
    root = page.css_first("html")
    assert root is not None
    heard = [
        value for element in page.css("*") for name in _READ_ALOUD if (value := element.attributes.get(name))
    ]
    return [*heard, *root.text(separator="\n").split("\n")]

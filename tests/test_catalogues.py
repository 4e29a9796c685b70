"""Every catalogue says everything, and says it whole: no message missing, no placeholder lost."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from mailer.tools.templates import catalogue, catalogue_languages, environment, templates_folder

ROOT = Path(__file__).resolve().parents[1]
TRANSLATED = catalogue_languages()[1:]
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%|\{\w*\}")


@cache
def _source() -> Catalog:
    """The messages that stand in templates and code now."""
    command = [
        sys.executable,
        "-m",
        "babel.messages.frontend",
        "-q",
        "extract",
        "-F",
        "babel.cfg",
        "-o",
        "/dev/stdout",
        "mailer",
        "templates",
    ]
    return read_po(BytesIO(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout))


def _messages(catalog: Catalog) -> Iterator[Message]:
    return (message for message in catalog if message.id)


def _texts(value: object) -> list[str]:
    return [str(text) for text in value] if isinstance(value, list | tuple) else [str(value)]


def test_messages_are_found_in_the_source() -> None:
    assert len(list(_messages(_source()))) > 50


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_is_complete(language: str) -> None:
    with (templates_folder() / "locale" / f"{language}.po").open("rb") as file:
        translated = read_po(file, locale=language)
    missing = []
    for message in _messages(_source()):
        ours = translated.get(message.id, message.context)
        if ours is None or not all(_texts(ours.string)) or ours.fuzzy:
            missing.append(message.id)
    assert not missing


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_placeholder_is_lost_or_invented(language: str) -> None:
    with (templates_folder() / "locale" / f"{language}.po").open("rb") as file:
        translated = read_po(file, locale=language)
    broken = []
    for message in _messages(translated):
        wanted = {mark for text in _texts(message.id) for mark in _PLACEHOLDER.findall(text)}
        plural = isinstance(message.id, list | tuple)
        for text in _texts(message.string):
            found = set(_PLACEHOLDER.findall(text))
            if found - wanted or (wanted - found and not plural):
                broken.append((message.id, text))
    assert not broken


@pytest.mark.parametrize("language", TRANSLATED)
def test_plural_forms_fit_the_language(language: str) -> None:
    with (templates_folder() / "locale" / f"{language}.po").open("rb") as file:
        translated = read_po(file, locale=language)
    for message in _messages(translated):
        if isinstance(message.id, list | tuple):
            assert len(_texts(message.string)) == translated.num_plurals, message.id


def test_an_unknown_language_falls_back_to_the_source() -> None:
    assert catalogue("xx").gettext("Unsubscribe") == "Unsubscribe"
    assert environment("ar").globals["direction"] == "rtl"

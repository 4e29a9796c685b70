"""Every catalogue says everything, and says it whole: no message missing, no placeholder lost."""

import pytest
from babel.messages.pofile import read_po

from mailer.tools.templates import catalogue, catalogue_languages, environment, templates_folder
from tests.tongues import PLACEHOLDER, messages, source, texts

TRANSLATED = catalogue_languages()[1:]


def test_messages_are_found_in_the_source() -> None:
    assert len(list(messages(source()))) > 50


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_is_complete(language: str) -> None:
    with (templates_folder() / "locale" / f"{language}.po").open("rb") as file:
        translated = read_po(file, locale=language)
    missing = []
    for message in messages(source()):
        ours = translated.get(message.id, message.context)
        if ours is None or not all(texts(ours.string)) or ours.fuzzy:
            missing.append(message.id)
    assert not missing


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_placeholder_is_lost_or_invented(language: str) -> None:
    with (templates_folder() / "locale" / f"{language}.po").open("rb") as file:
        translated = read_po(file, locale=language)
    broken = []
    for message in messages(translated):
        wanted = {mark for text in texts(message.id) for mark in PLACEHOLDER.findall(text)}
        plural = isinstance(message.id, list | tuple)
        for text in texts(message.string):
            found = set(PLACEHOLDER.findall(text))
            if found - wanted or (wanted - found and not plural):
                broken.append((message.id, text))
    assert not broken


@pytest.mark.parametrize("language", TRANSLATED)
def test_plural_forms_fit_the_language(language: str) -> None:
    with (templates_folder() / "locale" / f"{language}.po").open("rb") as file:
        translated = read_po(file, locale=language)
    for message in messages(translated):
        if isinstance(message.id, list | tuple):
            assert len(texts(message.string)) == translated.num_plurals, message.id


def test_an_unknown_language_falls_back_to_the_source() -> None:
    assert catalogue("xx").gettext("Unsubscribe") == "Unsubscribe"
    assert environment("ar").globals["direction"] == "rtl"

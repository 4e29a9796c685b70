"""A teaser ends with a sentence, else with a word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.news.teaser import at_word, shorten

LONG = "The facility opened its third call for proposals in Brussels today. " * 8


def test_a_text_that_fits_stays_as_it_is() -> None:
    assert shorten("Short, without an end") == "Short, without an end"


def test_a_long_text_ends_with_a_sentence() -> None:
    teaser = shorten(LONG)
    assert teaser.endswith("today.")
    assert 200 < len(teaser) <= 280


@pytest.mark.parametrize(
    "abbreviated",
    [
        "Dr. Viorica Olaru met",
        "the U.S. Congress met",
        "on 7. September they met",
        "e.g. Moldova met",
        "J. Smith met",
    ],
)
def test_an_abbreviation_ends_no_sentence(abbreviated: str) -> None:
    text = (
        f"People who work for institutions of many countries came to Lisbon, where {abbreviated} "
        + "others " * 50
    )
    assert shorten(text).endswith("others…")


def test_without_the_end_of_a_sentence_it_ends_with_a_word() -> None:
    assert shorten("many words " * 40, 24) == "many words many words…"


def test_what_others_cut_is_marked_as_we_do() -> None:
    assert shorten("The first words [&hellip;]".replace("&hellip;", "…")) == "The first words…"


def test_a_script_without_spaces_is_cut_between_characters() -> None:
    assert len(at_word("新" * 400, 280)) == 280
    assert shorten("新聞。" * 100).endswith("。")


@given(st.text(min_size=1), st.integers(2, 50))
def test_it_never_grows_and_never_ends_inside_a_word(text: str, limit: int) -> None:
    text = " ".join(text.split())
    short = shorten(text, limit)
    assert len(short) <= limit
    if " " in short.rstrip("…") and not short.endswith("。"):
        assert f"{text} ".startswith(short.removesuffix("…").split(" ")[0])

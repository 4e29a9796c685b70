"""Marks in, values out: each fit for the part where it stands."""

import pytest

from mailer.delivery.envelope import Slot
from mailer.delivery.slots import LONGEST_VALUE, Part, Unfit, cut, fit, is_plain


def test_text_is_cut_at_its_slots() -> None:
    text = f"Dear {Slot.ADDRESS.mark}: {Slot.UNSUBSCRIBE.mark}"
    assert cut(text) == (["Dear ", ": ", ""], [Slot.ADDRESS, Slot.UNSUBSCRIBE])
    assert cut("plain") == (["plain"], [])


@pytest.mark.parametrize("text", ["\ue000z\ue001", "\ue000a", "a\ue001"])
def test_a_broken_mark_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="mark"):
        cut(text)


def test_a_value_is_escaped_for_its_part() -> None:
    value = 'Zoë "<b>" & co'
    assert fit(value, Part.TEXT) == value
    assert fit(value, Part.HTML) == "Zoë &quot;&lt;b&gt;&quot; &amp; co"
    with pytest.raises(Unfit, match="header"):
        fit(value, Part.HEADER)


def test_a_value_is_composed_unicode() -> None:
    assert fit("Zoe\u0308", Part.TEXT) == "Zo\xeb"


@pytest.mark.parametrize("part", Part)
def test_a_value_of_any_part_has_no_line_end_and_an_end(part: Part) -> None:
    for value in ("a\r\nb", "a\x1bb", "x" * (LONGEST_VALUE + 1)):
        with pytest.raises(Unfit):
            fit(value, part)


def test_a_link_needs_no_escaping_anywhere() -> None:
    link = "https://news.example.org/unsubscribe/ab.12.AbC-_x"
    assert is_plain(link)
    assert fit(link, Part.TEXT) == fit(link, Part.HTML) == fit(link, Part.HEADER) == link
    for other in ("a=b", "a&b", "a b", ".a", "a" * 76, "é", ""):
        assert not is_plain(other)

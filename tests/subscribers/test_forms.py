"""What was typed → a wish."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.choices import Choices, Kind, Region, Schedule
from mailer.subscribers.forms import Filled, Mistake, filled, filled_from, is_trapped, mistakes, read_wish
from mailer.subscribers.wish import Wish

REGIONS = (Region(1, "africa", "Africa", {"en": "Africa"}), Region(2, "lac", "LAC", {"en": "Latin America"}))
KINDS = (Kind(1, "news", {"en": "News"}), Kind(2, "blog", {"en": "Blog"}))
OFFERED = Choices(
    regions=REGIONS,
    kinds=KINDS,
    schedules=(Schedule("weekly", 8, weekday=0), Schedule("monthly", 8, day=1)),
    labels={},
    all_regions={r.id: r for r in REGIONS},
    all_kinds={k.id: k for k in KINDS},
)


def read(**fields: list[str]) -> Wish | list[Mistake]:
    return read_wish(filled(fields), OFFERED, ("en", "fr"))


def test_nothing_chosen_means_all_of_it_at_the_first_frequency() -> None:
    assert read() == Wish((), (), ("en",), "weekly")


def test_a_choice_is_the_same_in_any_order_and_however_often_it_is_said() -> None:
    one = read(region=["lac", "africa", "lac"], kind=["blog"], language=["fr"], frequency=["monthly"])
    assert one == Wish((1, 2), (2,), ("fr", "en"), "monthly")


def test_of_a_field_that_comes_twice_the_first_counts() -> None:
    assert filled({"address": [" a@example.org ", "b@example.org"]}).address == "a@example.org"


def test_every_wrong_field_is_named() -> None:
    found = read(region=["lac", "x"], kind=["x"], language=["x"], frequency=["x"])
    assert isinstance(found, list)
    assert mistakes(found, Mistake("address", "empty")) == {
        "region": "unknown",
        "kind": "unknown",
        "language": "unknown",
        "frequency": "unknown",
        "address": "empty",
    }


def test_a_wish_shows_in_the_form_as_it_was_made() -> None:
    wish = Wish((2,), (), ("fr", "en"), "monthly")
    form = filled_from(wish, OFFERED)
    assert form == Filled("", ("lac",), (), "fr", "monthly")
    assert read_wish(form, OFFERED, ("en", "fr")) == wish


@pytest.mark.parametrize(
    ("fields", "trapped"), [({}, False), ({"homepage": [""]}, False), ({"homepage": ["x"]}, True)]
)
def test_only_programs_fill_the_trap(fields: dict[str, list[str]], trapped: bool) -> None:
    assert is_trapped(fields) is trapped


@given(st.dictionaries(st.text(max_size=12), st.lists(st.text(max_size=50), max_size=4)))
def test_no_form_breaks_it(fields: dict[str, list[str]]) -> None:
    assert read_wish(filled(fields), OFFERED, ("en",))

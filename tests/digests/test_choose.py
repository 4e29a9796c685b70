"""Which items go to whom: regions, kinds, languages, marks; and under which heading."""

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.digests.choose import Reason, arrange, choose, judge
from mailer.news import Item
from mailer.subscribers import Audience
from tests.digests.paper import (
    AFRICA,
    ASIA,
    EECA,
    EVENTS,
    EVERYTHING_ARRIVED,
    LAC,
    NEWS,
    PACIFIC,
    REGIONS,
    make_audience,
    make_item,
    make_text,
)

ORDER = [region.id for region in REGIONS]


def chosen_ids(items: Sequence[Item], audience: Audience, low: int = 0, high: int = 99) -> list[int]:
    return [one.item.id for one in choose(items, audience, low, high)]


def test_a_reader_gets_their_regions_and_what_is_for_everyone() -> None:
    items = [make_item(1, AFRICA), make_item(2, ASIA, PACIFIC), make_item(3), make_item(4, LAC)]
    assert chosen_ids(items, make_audience(AFRICA, PACIFIC)) == [3, 2, 1]


def test_no_region_and_no_kind_chosen_means_all() -> None:
    items = [make_item(1, AFRICA), make_item(2, ASIA, kind=EVENTS), make_item(3)]
    assert chosen_ids(items, make_audience()) == [3, 2, 1]


def test_kinds_count_for_everyones_items_too() -> None:
    items = [make_item(1, kind=EVENTS), make_item(2, AFRICA, kind=NEWS)]
    assert chosen_ids(items, make_audience(AFRICA, kinds=[EVENTS])) == [1]


def test_the_newest_comes_first_whenever_it_arrived() -> None:
    items = [make_item(1, on=date(2026, 11, 3)), make_item(2, on=date(2026, 11, 1)), make_item(3)]
    assert chosen_ids(items, make_audience()) == [3, 1, 2]


@pytest.mark.parametrize(
    ("languages", "expected"),
    [(["fr", "en"], "fr"), (["en", "fr"], "en-GB"), (["de", "fr"], "fr"), (["fr-CA"], "fr")],
)
def test_an_item_comes_in_the_first_language_that_it_has(languages: list[str], expected: str) -> None:
    item = make_item(1, texts=[make_text("en-GB", arrival=1), make_text("fr", arrival=2)])
    (one,) = choose([item], make_audience(languages=languages), 0, 99)
    assert one.text.language == expected


def test_a_late_translation_is_news_only_to_those_who_could_not_read_the_item() -> None:
    item = make_item(1, texts=[make_text("en", arrival=3), make_text("fr", arrival=9)])
    assert judge(item, make_audience(languages=["fr", "en"]), 5, 99)[0] is Reason.HAD
    assert judge(item, make_audience(languages=["fr"]), 5, 99)[0] is Reason.GOES


def test_a_translation_that_arrives_after_the_run_was_fixed_is_not_taken() -> None:
    item = make_item(1, texts=[make_text("en", arrival=3), make_text("fr", arrival=9)])
    (one,) = choose([item], make_audience(languages=["fr", "en"]), 0, 5)
    assert one.text.language == "en"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (make_item(7, AFRICA), Reason.GOES),
        (make_item(7), Reason.GOES),
        (make_item(7, ASIA), Reason.OTHER_REGION),
        (make_item(7, AFRICA, kind=EVENTS), Reason.OTHER_KIND),
        (make_item(7, AFRICA, texts=[make_text("de", arrival=7)]), Reason.NO_LANGUAGE),
        (make_item(5, AFRICA), Reason.HAD),
        (make_item(11, AFRICA), Reason.LATER),
        (make_item(7, AFRICA, texts=[make_text("en", arrival=0)]), Reason.HISTORY),
    ],
)
def test_the_rule_says_why(item: Item, reason: Reason) -> None:
    assert judge(item, make_audience(AFRICA, kinds=[NEWS]), 5, 10)[0] is reason


def test_under_eight_items_stand_in_a_plain_list() -> None:
    audience = make_audience()
    (group,) = arrange(choose([make_item(n, AFRICA) for n in range(1, 8)], audience, 0, 99), audience, ORDER)
    assert (group.region, len(group.items)) == (None, 7)


def test_from_eight_on_they_stand_under_their_regions_in_the_operators_order() -> None:
    audience = make_audience(PACIFIC, EECA, AFRICA)
    items = [make_item(n, PACIFIC) for n in (1, 2)]
    items += [make_item(n, EECA, AFRICA) for n in (3, 4)]  # twice theirs: under the first
    items += [make_item(5, ASIA, EECA), make_item(6, EECA), make_item(7), make_item(8)]
    groups = arrange(choose(items, audience, 0, 99), audience, ORDER)
    assert [(group.region, [one.item.id for one in group.items]) for group in groups] == [
        (AFRICA, [4, 3]),
        (EECA, [6, 5]),
        (PACIFIC, [2, 1]),
        (0, [8, 7]),
    ]


def test_nothing_chosen_makes_no_group() -> None:
    assert arrange([], make_audience(), ORDER) == ()


item_values = st.builds(
    lambda number, regions: make_item(number, *sorted(regions)),
    st.integers(1, 40),
    st.sets(st.sampled_from(ORDER), max_size=3),
)


@given(st.lists(item_values, unique_by=lambda item: item.id), st.sets(st.sampled_from(ORDER)))
def test_each_item_stands_once_and_none_gets_lost(items: list[Item], regions: set[int]) -> None:
    audience = make_audience(*sorted(regions))
    chosen = choose(items, audience, 0, EVERYTHING_ARRIVED)
    grouped = [one for group in arrange(chosen, audience, ORDER) for one in group.items]
    assert sorted(one.item.id for one in grouped) == sorted(one.item.id for one in chosen)


@given(st.lists(item_values, unique_by=lambda item: item.id), st.integers(0, 40), st.integers(0, 40))
def test_two_runs_bring_what_one_would_have_brought(items: list[Item], one: int, other: int) -> None:
    first, last = sorted((one, other))
    audience = make_audience(AFRICA, ASIA)
    both = chosen_ids(items, audience, 0, first) + chosen_ids(items, audience, first, last)
    assert sorted(both) == sorted(chosen_ids(items, audience, 0, last))

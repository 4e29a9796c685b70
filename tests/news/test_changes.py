"""By what an item is known again."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from mailer.news.changes import Keys, Known, day_of, distinct, keys_of, known_again, plain_link
from mailer.news.due import next_poll
from mailer.news.item import Draft
from tests.conftest import NOW

DAY = date(2026, 11, 2)
DRAFT = Draft("A title", "Teaser.", "https://example.org/a", "guid-1", DAY, ("News",))


def stored(draft: Draft, feed: int = 1) -> dict[str, Known]:
    known = Known(7, feed, "ready", draft.title, draft.published_on or DAY, draft.labels, "en", "")
    return dict.fromkeys(keys_of([draft], feed)[0].given(), known)


@pytest.mark.parametrize(
    "changes",
    [
        {"teaser": "Edited."},
        {"title": "An edited title"},
        {"guid": "guid-2"},
        {"guid": "guid-2", "teaser": "Edited."},
        {"guid": "guid-2", "title": "An edited title"},
        {"guid": "guid-2", "url": "https://new.example/b"},
        {"guid": "", "title": "Edited", "published_on": None},
        *(
            {"guid": "", "url": url}
            for url in ("http://example.org/a/", "https://www.example.org/a?utm_source=x#y")
        ),
    ],
)
def test_a_changed_draft_is_known_again(changes: dict[str, str]) -> None:
    draft = replace(DRAFT, **changes)  # type: ignore[arg-type]
    assert known_again(draft, keys_of([draft], 1)[0], stored(DRAFT)) is not None


def test_the_same_item_in_another_feed_is_known_again() -> None:
    assert known_again(DRAFT, keys_of([DRAFT], 2)[0], stored(DRAFT)) is not None


def test_the_same_guid_in_another_feed_is_another_item() -> None:
    other = replace(DRAFT, title="Other", url="https://other.example/1")
    assert known_again(other, keys_of([other], 2)[0], stored(DRAFT)) is None


def test_a_link_that_several_items_share_is_no_identity() -> None:
    second = replace(DRAFT, title="Another", guid="guid-2")
    keys = keys_of([DRAFT, second], 1)
    assert [key.link for key in keys] == [None, None]
    assert known_again(second, keys[1], stored(DRAFT)) is None


def test_a_listing_page_that_shows_another_item_now_is_no_identity() -> None:
    later = replace(DRAFT, title="Another", guid="guid-2", published_on=DAY + timedelta(days=9))
    assert known_again(later, keys_of([later], 1)[0], stored(DRAFT)) is None


def test_two_monthly_items_with_the_same_words_are_two() -> None:
    later = replace(DRAFT, guid="", url="https://example.org/b", published_on=date(2026, 12, 2))
    assert known_again(later, keys_of([later], 1)[0], stored(DRAFT)) is None


def test_an_entry_that_stands_twice_in_a_feed_counts_once() -> None:
    assert distinct([DRAFT, replace(DRAFT, teaser="Older version."), DRAFT]) == [DRAFT]
    assert keys_of([DRAFT], None)[0].guid is None
    assert Keys(None, None, None).given() == []


def test_links_differ_by_path_and_query() -> None:
    assert plain_link("https://example.org/?p=1") != plain_link("https://example.org/?p=2")


def test_a_date_to_come_is_the_day_on_which_it_was_seen() -> None:
    today = DAY + timedelta(days=20)
    assert day_of(DRAFT, today) == DAY
    assert day_of(replace(DRAFT, published_on=date(2099, 1, 1)), today) == today
    assert day_of(replace(DRAFT, published_on=None), today) == today


def test_a_failing_feed_is_asked_less_and_less_often_but_daily() -> None:
    pauses = [next_poll(NOW, failures, 0.0) - NOW for failures in range(8)]
    assert pauses[:3] == [timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2)]
    assert pauses[-1] == timedelta(days=1)
    assert next_poll(NOW, 0, 1.0) - NOW == timedelta(minutes=33)

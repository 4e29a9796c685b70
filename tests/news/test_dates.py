"""Dates as people and feeds write them."""

from datetime import date

import pytest

from mailer.news.dates import read_date


@pytest.mark.parametrize(
    "text",
    [
        *("November 3, 2022", "3 November 2022", "Thursday, 3 November 2022", "Nov 3rd, 2022", "3 Nov. 2022"),
        *("03/11/2022", "3.11.2022", "2022-11-03", "2022/11/03", "2022-11-03T23:30:00-05:00", "03-Nov-2022"),
        *(
            "Thu, 03 Nov 2022 09:00:00 +0000",
            "Published on 3 November 2022",
            "Posted: November 3, 2022 at 10:30 am",
        ),
        *(
            "3 de noviembre de 2022",
            "le 3 novembre 2022",
            "3. November 2022",
            "3 de novembro de 2022",
            "3 نوفمبر 2022",
        ),
        "2022 November 3",
    ],
)
def test_a_date_is_read(text: str) -> None:
    assert read_date(text) == date(2022, 11, 3)


def test_day_and_month_change_places_where_only_that_is_a_date() -> None:
    assert read_date("11/23/2022") == date(2022, 11, 23)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "7 September",
        "Join us on 7 September 2022",
        "32 March 2022",
        "1970-01-01",
        "0001-01-01",
        "2022",
    ],
)
def test_what_is_no_date_or_more_than_one_is_none(text: str) -> None:
    assert read_date(text) is None

"""Contrast as WCAG computes it, and colours that can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.tools.colours import contrast, readable

colours = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21), ("#ffffff", "#ffffff", 1), ("#767676", "#ffffff", 4.54)],
)
def test_contrast_is_the_ratio_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.01)


@given(colours, st.sampled_from(["#ffffff", "#f3f0ea", "#1e1d1b", "#131211"]))
def test_every_brand_colour_becomes_readable(colour: str, ground: str) -> None:
    assert contrast(readable(colour, ground), ground) >= 4.5


def test_a_colour_that_can_be_read_stays_as_it_is() -> None:
    assert readable("#1d4f91", "#ffffff") == "#1d4f91"

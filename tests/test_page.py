"""The frame of all public pages."""

import pytest

from mailer.page import base_path, brand_css, button_colours, image_sources, page
from mailer.tools.colours import contrast
from tests.conftest import make_settings


@pytest.mark.parametrize(
    "colour", ["#1d4f91", "#ffcc00", "#ffffff", "#000000", "#777777", "#00ff00", "#e30613"]
)
@pytest.mark.parametrize("ground", ["#ffffff", "#f3f0ea", "#1e1d1b"])
def test_any_colour_of_an_operator_makes_a_button_that_can_be_read(colour: str, ground: str) -> None:
    button, words = button_colours(colour, ground)
    assert contrast(words, button) >= 4.5
    assert contrast(button, ground) >= 3


@pytest.mark.parametrize("colour", ["#1d4f91", "#ffcc00", "#777777"])
def test_links_can_be_read_on_both_grounds_of_a_scheme(colour: str) -> None:
    light, dark = brand_css(make_settings(brand_color=colour)).split("@media")
    for css, grounds in ((light, ("#ffffff", "#f3f0ea")), (dark, ("#131211", "#1e1d1b"))):
        accent = css.split("--accent: ")[1][:7]
        assert min(contrast(accent, ground) for ground in grounds) >= 4.5


def test_what_the_operator_has_said_stands_on_the_page_escaped() -> None:
    settings = make_settings(
        organisation='Bread & "Roses" <b>',
        logo_url="https://cdn.example.org/logo.png?a=1&b=2",
        funder_emblem_url="https://funder.example/emblem.png",
        funder_statement="Funded by X",
        funder_disclaimer="Views are ours.",
        imprint_url="https://www.example.org/imprint",
        website_url="https://www.example.org",
    )
    html = page(settings, "en", "confirmed.html")
    assert 'alt="Bread &amp; &#34;Roses&#34; &lt;b&gt;"' in html
    assert "<b>" not in html
    for words in ("Funded by X", "Views are ours.", "1 Example Street", "/imprint", "/privacy"):
        assert words in html
    assert image_sources(settings) == ("https://cdn.example.org", "https://funder.example")


def test_a_page_reads_from_right_to_left_in_arabic_and_offers_the_other_languages() -> None:
    html = page(make_settings(languages="en ar"), "ar", "confirmed.html")
    assert '<html lang="ar" dir="rtl">' in html
    assert 'href="?lang=en" lang="en"' in html
    assert "العربية" in html
    assert 'aria-current="true">العربية' in html
    assert "?lang=" not in page(make_settings(), "en", "confirmed.html")


def test_under_a_path_of_somebody_elses_site_all_links_begin_with_it() -> None:
    settings = make_settings(public_url="https://www.example.org/newsletter/")
    assert base_path(settings) == "/newsletter"
    html = page(settings, "en", "undo_late.html")
    assert 'href="/newsletter/static/site.css' in html
    assert 'href="/newsletter/subscribe"' in html


def test_an_operator_can_replace_a_single_template(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "confirmed.html").write_text("<p>{{ settings.organisation }}: thanks!</p>")
    settings = make_settings(templates_dir=tmp_path)
    assert page(settings, "en", "confirmed.html") == "<p>Example Facility: thanks!</p>"
    assert "Already confirmed" in page(settings, "en", "confirm_used.html")

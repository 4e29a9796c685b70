"""Which language a visitor gets."""

import pytest

from mailer.tools.languages import negotiate, own_name

OFFERED = ("en", "fr", "pt-BR", "ar")


@pytest.mark.parametrize(
    ("asked", "accepts", "language"),
    [
        ("", "", "en"),
        ("fr", "ar", "fr"),
        ("xx", "ar", "ar"),
        ("", "fr-CA, en;q=0.5", "fr"),
        ("", "en;q=0.5, fr;q=0.8", "fr"),
        ("", "de, *;q=0.1", "en"),
        ("", "fr;q=0, ar;q=0.1", "ar"),
        ("", "PT-br", "pt-BR"),
        ("", "fr;q=high, ar", "ar"),
        ("", "fr;q=nan", "en"),
        ("", ";;,,=;q=", "en"),
        ("../../etc", "x" * 100_000, "en"),
    ],
)
def test_it_is_the_one_asked_for_else_the_one_that_the_browser_prefers(
    asked: str, accepts: str, language: str
) -> None:
    assert negotiate(OFFERED, asked, accepts) == language


def test_a_language_calls_itself_by_its_own_name() -> None:
    assert own_name("fr") == "français"
    assert own_name("ar") == "العربية"
    assert own_name("pt-BR") == "português (Brasil)"
    assert own_name("tlh-x-none") == "tlh-x-none"

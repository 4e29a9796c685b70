"""Settings are read strictly, and docs/settings.md lists every one."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from mailer.settings import Settings, read_or_make_secret
from tests.conftest import make_settings

DOCS = Path(__file__).resolve().parent.parent / "docs" / "settings.md"


def rows() -> dict[str, str]:
    """The default in docs/settings.md of each setting that stands there."""
    found = re.findall(r"^\| `MAILER_(\w+)`[ *\\]*\| `?([^|`]*)`? \|", DOCS.read_text("utf-8"), re.MULTILINE)
    return {name.lower(): default.strip() for name, default in found}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_stands_in_the_docs_with_its_default(name: str) -> None:
    default = Settings.model_fields[name].default
    assert name in rows(), f"add MAILER_{name.upper()} to docs/settings.md"
    assert rows()[name] == str("" if default is None else default)


def test_the_docs_list_no_setting_that_is_gone() -> None:
    assert set(rows()) <= set(Settings.model_fields)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_says_what_it_is(name: str) -> None:
    assert Settings.model_fields[name].description


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("public_url", "news.example.org"),
        ("public_url", "ftp://news.example.org"),
        ("brand_color", "blue"),
        ("confirm_days", 99),
    ],
)
def test_a_wrong_value_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        make_settings(**{name: value})


def test_a_language_without_words_is_refused_and_the_message_names_those_that_have_them() -> None:
    with pytest.raises(ValidationError, match="no catalogue for tlh, pt-BR; we have en, ar, de, es, fr, pt"):
        make_settings(languages="en tlh fr pt-BR")
    assert make_settings(languages="fr en fr").language_list == ("fr", "en")


def test_a_dot_env_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text('MAILER_ORGANISATION="Ünïted Facility"\n', "utf-8")
    assert Settings(_env_file=file).organisation == "Ünïted Facility"  # type: ignore[call-arg]


def test_the_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    first = read_or_make_secret(tmp_path / "data")
    assert len(first) == 64
    assert read_or_make_secret(tmp_path / "data") == first
    assert (tmp_path / "data" / "mailer.secret").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["mailer.secret"]


def test_mail_may_leave_only_when_the_law_s_wishes_are_met() -> None:
    assert make_settings().missing_for_outside() == []
    lines = make_settings(
        sender="", postal_address=" ", privacy_url="", public_url="http://news.example.org"
    ).missing_for_outside()
    assert [line.split()[0] for line in lines] == [
        "MAILER_SENDER",
        "MAILER_POSTAL_ADDRESS",
        "MAILER_PRIVACY_URL",
        "MAILER_PUBLIC_URL",
    ]


def test_a_secret_is_never_shown() -> None:
    assert "0123456789abcdef" not in repr(make_settings())

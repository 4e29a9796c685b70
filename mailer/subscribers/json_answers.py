"""What the form answers to a script: the same words as the pages, as values for JSON."""

from typing import Any

from mailer.settings import Settings
from mailer.tools.templates import environment


def check_mail(settings: Settings, language: str, address: str, suggestion: str | None) -> dict[str, Any]:
    """The same whoever asked. suggestion: a familiar address that is one slip away."""
    said = {
        "status": "check-your-mail",
        "title": _say(settings, language, "check_mail_title"),
        "detail": _say(settings, language, "check_mail", address),
    }
    if suggestion:
        said |= {"suggestion": suggestion, "hint": _say(settings, language, "suggestion", suggestion)}
    return said


def mistakes(settings: Settings, language: str, wrong: dict[str, str]) -> dict[str, Any]:
    """A problem (RFC 9457) with the words for each field. wrong: field → reason."""
    words = environment(language, settings.templates_dir).get_template("pages/fields.html").module
    errors = [
        {"field": field, "reason": reason, "detail": str(words.mistake_words(reason)).strip()}  # type: ignore[attr-defined]
        for field, reason in wrong.items()
    ]
    return {"title": _say(settings, language, "mistakes"), "errors": errors}


def busy(settings: Settings, language: str) -> dict[str, Any]:
    return {"title": _say(settings, language, "busy")}


def unreadable(settings: Settings, language: str) -> dict[str, Any]:
    return {"title": _say(settings, language, "unreadable")}


def _say(settings: Settings, language: str, what: str, *values: str) -> str:
    words = environment(language, settings.templates_dir).get_template("pages/answers.txt").module
    return str(getattr(words, what)(*values)).strip()

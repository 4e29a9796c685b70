"""Read the date of a piece of news as people and feeds write it. The date is that of its own place."""

import re
from datetime import date
from email.utils import parsedate_tz
from functools import cache

from babel import Locale

_LANGUAGES = ("en", "fr", "es", "pt", "de", "it", "nl", "ar")
_EARLIEST = date(1990, 1, 1)  # before that it is a clock that was never set
_NUMBER = r"(\d{1,2})(?:st|nd|rd|th|er|º|ª|°|\.)?"
_AROUND = re.compile(
    r"\b(?:published|posted|updated|created|date|on|at|the|of|le|el|em|am|um|den|publié|publicado|"
    r"veröffentlicht|h|uhr|a\.?m\.?|p\.?m\.?|utc|gmt|ce?s?t|[ew]e?s?t)\b|\d{1,2}[:h]\d{2}(?::\d{2})?|[\W_]+",
    re.IGNORECASE,
)


def read_date(text: str) -> date | None:
    """The date that a text is, alone or with a weekday, a time or "published on" around it; else None.

    `03/11/2022` is read day first, unless only the other order is a date.
    """
    text = text.strip()
    if len(text) > 80:
        return None
    if match := re.match(r"(\d{4})-(\d{1,2})-(\d{1,2})(?=$|[T\s])", text):
        return _date(*match.groups())
    for pattern, order in _patterns():
        if (match := pattern.search(text)) and _only_around(
            text[: match.start()] + " " + text[match.end() :]
        ):
            day, month, year = (match.group(place) for place in order)
            return _date(year, _month(month), day) or _date(year, day, month)
    if parts := parsedate_tz(text):
        return _date(*parts[:3])
    return None


@cache
def _months() -> dict[str, int]:
    """Month names and their short forms, in small letters without full stops."""
    names: dict[str, int] = {"sept": 9}
    for language in _LANGUAGES:
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in Locale(language).months[context][width].items():
                    names.setdefault(name.casefold().rstrip("."), number)
    return {name: number for name, number in names.items() if not name.isdecimal()}


@cache
def _weekdays() -> re.Pattern[str]:
    names = {
        name.casefold().rstrip(".")
        for language in _LANGUAGES
        for width in ("wide", "abbreviated")
        for name in Locale(language).days["format"][width].values()
    }
    return re.compile(
        rf"\b(?:{'|'.join(map(re.escape, sorted(names, key=len, reverse=True)))})\b", re.IGNORECASE
    )


@cache
def _patterns() -> list[tuple[re.Pattern[str], tuple[int, int, int]]]:
    """Each with the groups of its day, month and year."""
    names = "|".join(map(re.escape, sorted(_months(), key=len, reverse=True)))
    of = r"[\s,.]*(?:de|del|of)?[\s,.]*"
    written = [
        (rf"\b{_NUMBER}[\s-]{of}({names})\b\.?[\s-]*{of}(\d{{4}})\b", (1, 2, 3)),
        (rf"\b({names})\b\.?\s*{_NUMBER}\s*,?\s*(\d{{4}})\b", (2, 1, 3)),
        (rf"\b(\d{{4}})\s*,?\s*({names})\b\.?\s*{_NUMBER}(?!\d)", (3, 2, 1)),
        (r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b", (3, 2, 1)),
        (r"\b(\d{1,2})[-/.]\s?(\d{1,2})[-/.]\s?(\d{4})\b", (1, 2, 3)),
    ]
    return [(re.compile(pattern, re.IGNORECASE), order) for pattern, order in written]


def _only_around(rest: str) -> bool:
    return not _AROUND.sub("", _weekdays().sub(" ", rest))


def _month(text: str) -> str:
    return text if text.isdecimal() else str(_months()[text.casefold().rstrip(".")])


def _date(year: str | int, month: str | int, day: str | int) -> date | None:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if found >= _EARLIEST else None

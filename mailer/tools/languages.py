"""Which language a visitor gets, and what a language calls itself."""

from collections.abc import Sequence
from functools import cache

from babel import Locale, UnknownLocaleError


def negotiate(offered: Sequence[str], asked: str = "", accept_language: str = "") -> str:
    """One of `offered` (its first is the default): what was asked for, else what the browser prefers.

    accept_language: as in RFC 9110 §12.5.4; a range also matches by its beginning (RFC 4647 §3.4).
    """
    for tag in (asked, *_by_preference(accept_language)):
        parts = tag.lower().split("-")
        for end in range(len(parts), 0, -1):
            wanted = "-".join(parts[:end])
            match = next((language for language in offered if language.lower() == wanted), None)
            if match:
                return match
    return offered[0]


def _by_preference(accept_language: str) -> list[str]:
    weighted: list[tuple[float, str]] = []
    for entry in accept_language[:500].split(","):
        tag, _, parameter = entry.strip().partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            quality = float(value) if name == "q" else 1.0
        except ValueError:
            continue
        if tag and tag != "*" and 0 < quality <= 1:
            weighted.append((quality, tag.strip()))
    return [tag for _, tag in sorted(weighted, key=lambda pair: -pair[0])]


@cache
def own_name(language: str) -> str:
    """`français` for `fr`."""
    try:
        name = Locale.parse(language, sep="-").get_display_name()
    except (UnknownLocaleError, ValueError):
        name = None
    return name or language

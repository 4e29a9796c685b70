"""A public page in the operator's look: name, logo, colours, language. Every room's pages are made here.

In goes the name of a template that extends `pages/base.html`, out comes HTML. It knows no requests.
"""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mailer.settings import Settings
from mailer.tools import web_guard
from mailer.tools.colours import contrast, readable
from mailer.tools.languages import own_name
from mailer.tools.templates import environment, templates_folder

_LIGHT, _DARK = "#f3f0ea", "#1e1d1b"
"""The harder of the two grounds on which text stands in site.css, for each scheme."""


def page(settings: Settings, language: str, template: str, **values: Any) -> str:
    """The HTML of `templates/pages/<template>`; values: what that template names."""
    languages = [(tag, own_name(tag)) for tag in settings.language_list]
    return (
        environment(language, settings.templates_dir)
        .get_template(f"pages/{template}")
        .render(
            settings=settings,
            base=base_path(settings),
            version=_version(settings),
            languages=languages if len(languages) > 1 else [],
            in_language=f"?lang={language}" if len(languages) > 1 else "",
            **values,
        )
    )


def base_path(settings: Settings) -> str:
    """The path under which we are reached: empty, or as "/news"; pages link to themselves by path."""
    return urlsplit(settings.public_url).path


@cache
def _version(settings: Settings) -> str:
    """Changes with the stylesheets, so that browsers may keep them for ever."""
    files = sorted(path for path in static_folder().iterdir() if path.is_file())
    seen = b"".join(path.read_bytes() for path in files) + brand_css(settings).encode()
    return hashlib.sha256(seen).hexdigest()[:10]


def static_folder() -> Path:
    return templates_folder() / "static"


def brand_css(settings: Settings) -> str:
    """The operator's colour, made readable on light and on dark ground (WCAG 2.2, 1.4.3 and 1.4.11).

    A stylesheet of its own, because our Content-Security-Policy allows no style inside a page.
    """
    colour = settings.brand_color.lower()
    return (
        f":root {{ {_scheme(colour, _LIGHT)} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {_scheme(colour, _DARK)} }} }}\n"
    )


def _scheme(colour: str, ground: str) -> str:
    button, on_button = button_colours(colour, ground)
    accent = readable(colour, ground, 5.5)
    return f"--accent: {accent}; --button: {button}; --on-button: {on_button};"


def button_colours(colour: str, ground: str) -> tuple[str, str]:
    """(the button's own, its words'), seen well on the ground and read well on the button."""
    button = readable(colour, ground, 3)
    return button, max(("#ffffff", "#000000"), key=lambda words: contrast(words, button))


def content_policy(settings: Settings, framed_by: Iterable[str]) -> str:
    """The Content-Security-Policy of the one page that those sites may frame."""
    return web_guard.content_policy(image_sources(settings), framed_by)


def image_sources(settings: Settings) -> tuple[str, ...]:
    """Where the operator's own pictures come from, for the Content-Security-Policy: scheme and host."""
    addresses = (settings.logo_url, settings.funder_emblem_url)
    origins = (urlsplit(address)._replace(path="", query="", fragment="").geturl() for address in addresses)
    return tuple(dict.fromkeys(origin for origin in origins if origin))

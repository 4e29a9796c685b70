"""The dress of a digest: templates, colours and style, put on one block at a time, once per language.

A frame is rendered whole, with marks where an edition's own words will stand, and then cut at them.
"""

import re
from functools import cached_property
from typing import Any

import css_inline
from markupsafe import Markup

from mailer.settings import Settings
from mailer.tools.colours import readable
from mailer.tools.templates import direction, environment

_MARK = re.compile("\ue002([a-z]+)\ue003\n?")

_LIGHT = {
    "paper": "#f3f0ea",
    "sheet": "#ffffff",
    "ink": "#1c1b19",
    "muted": "#5a5650",
    "line": "#dcd7cd",
    "edge": "#8a857c",
}
_DARK = {
    "paper": "#131211",
    "sheet": "#1e1d1b",
    "ink": "#f2efe9",
    "muted": "#b5b0a7",
    "line": "#45413b",
    "edge": "#8a857c",
}
_SERIF = "Georgia, 'Times New Roman', serif"
_SANS = "'Helvetica Neue', Helvetica, Arial, sans-serif"
_ARABIC = "'Segoe UI', Tahoma, Arial, sans-serif"
"""Serif faces of mail programs hold no Arabic; the browser's stand-ins are ugly."""


def place(name: str) -> Markup:
    """What a template receives where an edition's own words will stand; at best on a line of its own."""
    return Markup(f"\ue002{name}\ue003")  # noqa: S704 - letters between two private-use characters


def cut(rendered: str) -> list[tuple[str, str]]:
    """A frame as pieces in order: ("", literal text ending with a line feed) or (name of a place, "")."""
    pieces: list[tuple[str, str]] = []
    for number, piece in enumerate(_MARK.split(rendered)):
        if number % 2:
            pieces.append((piece, ""))
        elif piece:
            pieces.append(("", piece if piece.endswith("\n") else piece + "\n"))
    return pieces


class Look:
    """Renders the templates of `mail/digest/` in one language."""

    def __init__(self, settings: Settings, language: str) -> None:
        self.env = environment(language, settings.templates_dir)
        self.language = language
        self.direction = direction(language)
        self._brand = settings.brand_color

    def text(self, name: str, **values: Any) -> str:
        return self.env.get_template(f"mail/digest/{name}.txt").render(**values)

    def page(self, name: str, **values: Any) -> str:
        """A whole document, its style in `style` attributes; what only some programs know stays in <style>."""
        html = self.env.get_template(f"mail/digest/{name}.html").render(**values, dark=self._dark)
        inliner = css_inline.CSSInliner(
            extra_css=self._css, keep_style_tags=True, load_remote_stylesheets=False
        )
        return inliner.inline(html).replace(' data-css-inline="ignore"', "")

    def fragment(self, name: str, **values: Any) -> str:
        html = self.env.get_template(f"mail/digest/{name}.html").render(**values)
        return css_inline.inline_fragment(html, self._css, load_remote_stylesheets=False).strip() + "\n"

    @cached_property
    def _css(self) -> str:
        arabic = self.direction == "rtl"
        values = _LIGHT | {
            "brand": readable(self._brand, _LIGHT["paper"]),
            "brand_fill": readable(self._brand, _LIGHT["sheet"], 3),
            "serif": Markup(_ARABIC if arabic else _SERIF),  # noqa: S704 - constants
            "sans": Markup(_ARABIC if arabic else _SANS),  # noqa: S704
            "start": "right" if arabic else "left",
        }
        return self.env.get_template("mail/digest/style.css").render(**values)

    @cached_property
    def _dark(self) -> dict[str, str]:
        return _DARK | {"brand": readable(self._brand, _DARK["sheet"], 6)}

"""The blocks of which editions are joined: frame, headings, item cards. Each is made once per run and language.

A block is the same piece as text and as HTML, with marks where readers differ.
"""

import re
from binascii import b2a_qp
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from zoneinfo import ZoneInfo

from markupsafe import Markup

from mailer.choices import Choices
from mailer.delivery import Slot
from mailer.digests.choose import Chosen
from mailer.digests.look import Look, cut, place
from mailer.digests.schedule import Period
from mailer.digests.words import LONGEST_SUBJECT, Words, shorten
from mailer.links import Links
from mailer.settings import Settings
from mailer.tools.templates import direction

_ANSWER = re.compile(r"^(re|fwd?|aw|wg|tr|rv)\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Block:
    """The same piece as text and as HTML. size, encoded: bytes of the HTML, decoded and quoted-printable."""

    text: str
    html: str
    size: int
    encoded: int


def block(text: str, html: str) -> Block:
    raw = html.encode()
    return Block(text, html, len(raw), len(b2a_qp(raw)))


class Blocks:
    """The blocks of one run in one language, each made once."""

    def __init__(
        self, settings: Settings, choices: Choices, period: Period, links: Links, language: str
    ) -> None:
        self.words = Words(language, settings.default_language, choices)
        self.heading = cache(self._heading)
        self._cards: dict[tuple[object, ...], Block] = {}
        self.more = cache(self._more)
        self._look = Look(settings, language)
        values = self._frame_values(settings, period, links)
        address = Slot.ADDRESS.mark
        self._text = cut(self._look.text("body", **values, address=address))
        # an address reads from left to right wherever it stands
        aside = Markup(f'<span dir="ltr">{address}</span>')  # noqa: S704 - letters between two private-use characters
        self._html = cut(self._look.page("body", **values, address=aside))

    def _frame_values(self, settings: Settings, period: Period, links: Links) -> dict[str, object]:
        day = period.due_at.astimezone(ZoneInfo(settings.timezone)).date()
        same = ("organisation", "postal_address", "privacy_url", "imprint_url", "website_url", "logo_url")
        funder = ("funder_emblem_url", "funder_statement", "funder_disclaimer")
        return {
            **{name: getattr(settings, name) for name in (*same, *funder)},
            "logo_size": settings.logo_size.split("x"),
            "emblem_size": settings.funder_emblem_size.split("x"),
            "home": self._in(settings.default_language),
            "heading": self.words.heading(period.frequency),
            "date": self.words.date(day),
            "sign_up": links.sign_up(),
            "preferences": Slot.PREFERENCES.mark,
            "unsubscribe": Slot.UNSUBSCRIBE.mark,
            **{name: place(name) for name in ("preheader", "summary", "items", "reason")},
        }

    def frame(self, own: dict[str, str]) -> tuple[list[Block], list[Block]]:
        """What stands before and after the items. own: an edition's words for the places in the frame."""
        before: list[Block] = []
        after: list[Block] = []
        side = before
        for name, literal in self._html:
            if name == "items":
                side = after
            else:
                side.append(block("", literal or escape(own[name]) + "\n"))
        side = before
        for name, literal in self._text:
            if name == "items":
                side = after
            else:
                side.append(block(literal or own[name] + "\n", ""))
        return before, after

    def preheader(self, chosen: Sequence[Chosen]) -> str:
        """What the inbox shows behind the subject: the next titles, else the teaser."""
        others = " · ".join(one.text.title for one in chosen[1:4])
        if len(others) < 40:
            others = " · ".join(filter(None, (others, chosen[0].text.teaser)))
        return shorten(others or chosen[0].text.title, 110)

    def subject(self, chosen: Sequence[Chosen]) -> str:
        """The first title, and how many more there are."""
        title, others = chosen[0].text.title, len(chosen) - 1
        if _ANSWER.match(title):  # "Re: …" would look like an answer
            title = f"“{title}”"
        room = LONGEST_SUBJECT - len(self._look.text("subject", title="", others=others).strip()) - 1
        return self._look.text("subject", title=shorten(title, room), others=others).strip()

    def card(self, one: Chosen, level: int, lead: bool, line: bool) -> Block:
        """An item. level: of its heading; lead: the first, larger; line: another one follows below."""
        key = (one.item.id, one.text.language, level, lead, line)
        if key not in self._cards:
            self._cards[key] = self._card(one, level, lead, line)
        return self._cards[key]

    def _card(self, one: Chosen, level: int, lead: bool, line: bool) -> Block:
        tongue = self.words.tongue(one.text)
        values = {
            "label": self.words.label(one.item),
            "date": self.words.date(one.item.published_on),
            "tongue": tongue,
            "title": one.text.title,
            "teaser": one.text.teaser,
            "url": one.text.url,
        }
        html = self._look.fragment(
            "card", **values, level=level, lead=lead, line=line, foreign=self._in(one.text.language)
        )
        return block(self._look.text("card", **values), html)

    def _in(self, language: str) -> Markup:
        """The attributes of what is in another language than the rest (WCAG 3.1.2)."""
        if language.split("-")[0] == self.words.language.split("-")[0]:
            return Markup("")
        return Markup(' lang="{}" dir="{}"').format(language, direction(language))

    def _heading(self, region: int, line: bool) -> Block:
        values = {"heading": self.words.group(region), "line": line}
        return block(self._look.text("heading", **values), self._look.fragment("heading", **values))

    def _more(self, count: int, url: str) -> Block:
        values = {"words": self.words.more(count), "url": url}
        return block(self._look.text("more", **values), self._look.fragment("more", **values))

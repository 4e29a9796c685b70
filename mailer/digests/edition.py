"""Makes editions: from chosen items to a finished Content, with marks where readers differ.

Every block (frame, heading, item card) is rendered and inlined once per language and run, then joined.
It knows neither readers nor the database.
"""

import re
from binascii import b2a_qp
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from zoneinfo import ZoneInfo

from markupsafe import Markup

from mailer.choices import Choices
from mailer.delivery import Content, Slot
from mailer.digests.choose import Chosen, Group
from mailer.digests.look import Look, cut, place
from mailer.digests.schedule import Period
from mailer.digests.words import LONGEST_SUBJECT, Words, frame_language, shorten
from mailer.links import Links
from mailer.settings import Settings
from mailer.subscribers import Audience
from mailer.tools.templates import direction

HTML_BUDGET = 95_000
"""Bytes of decoded HTML, and a little more of encoded: Gmail clips what is longer, and the footer with it."""
ENCODED_BUDGET = 102_000
SLOT_ROOM = 1_500
"""Bytes kept free for what stands in the slots: three links and an address of 254 characters."""

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


class Room:
    """How much of what mail programs show is still free."""

    def __init__(self, used: Iterable[Block]) -> None:
        self.size, self.encoded = SLOT_ROOM, SLOT_ROOM
        self.take(used)

    def take(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            self.size += block.size
            self.encoded += block.encoded

    def fits(self, blocks: Iterable[Block]) -> bool:
        size = self.size + sum(block.size for block in blocks)
        quoted = self.encoded + sum(block.encoded for block in blocks)
        as_base64 = size * 4 // 3 * 78 // 76
        return size <= HTML_BUDGET and min(quoted, as_base64) <= ENCODED_BUDGET


class Press:
    """Makes the editions of one run."""

    def __init__(self, settings: Settings, choices: Choices, period: Period) -> None:
        self.settings = settings
        self.choices = choices
        self.period = period
        self.links = Links(settings)
        self._dress = cache(self._make_dress)

    def make(self, audience: Audience, groups: Sequence[Group]) -> Content:
        """The edition for an audience. groups: not empty, as choose.arrange gives them."""
        dress = self._dress(frame_language(audience.languages))
        chosen = [one for group in groups for one in group.items]
        own = {
            "preheader": dress.preheader(chosen),
            "summary": dress.words.summary(groups),
            "reason": dress.words.reason(audience),
        }
        before, after = dress.frame(own)
        blocks = [*before, *self._items(dress, audience, groups, [*before, *after]), *after]
        return Content(
            language=dress.words.language,
            subject=dress.subject(chosen),
            text=tuple(block.text for block in blocks if block.text),
            html=tuple(block.html for block in blocks if block.html),
            headers=self.headers(),
        )

    def subject(self, audience: Audience, groups: Sequence[Group]) -> str:
        """The subject alone, for a look ahead."""
        chosen = [one for group in groups for one in group.items]
        return self._dress(frame_language(audience.languages)).subject(chosen)

    def _items(
        self, dress: "Dress", audience: Audience, groups: Sequence[Group], frame: Sequence[Block]
    ) -> list[Block]:
        """Headings and cards, as many as fit; what doesn't becomes "and n more" with a link to the web."""
        total = sum(len(group.items) for group in groups)
        room = Room(frame)
        shown: list[Block] = []
        count = 0
        for group in groups:
            for number, one in enumerate(group.items):
                lead = count == 0 and group.region is None and total > 1
                line = number + 1 < len(group.items)
                following = [dress.card(one, 2 if group.region is None else 3, lead, line)]
                if number == 0 and group.region is not None:
                    following.insert(0, dress.heading(group.region, bool(shown)))
                rest = self._more(dress, audience, total - count)
                if not room.fits([*following, rest]):
                    return [*shown, rest]
                room.take(following)
                shown += following
                count += 1
        return shown

    def _more(self, dress: "Dress", audience: Audience, count: int) -> Block:
        regions, kinds = self.choices.all_regions, self.choices.all_kinds
        url = self.links.latest(
            region=",".join(regions[number].code for number in audience.regions),
            kind=",".join(kinds[number].code for number in audience.kinds),
            language=dress.words.language,
        )
        return dress.more(count, url)

    def headers(self) -> tuple[tuple[str, str], ...]:
        """RFC 2369, 2919 and 8058, and what keeps automatic replies away. The same for every reader but the slot."""
        settings = self.settings
        name = settings.organisation.replace('"', "").replace("\\", "")
        phrase = f'"{name}" ' if name.isascii() and name.isprintable() else ""
        mailbox = settings.unsubscribe_mailbox
        mailto = f", <mailto:{mailbox}?subject=unsubscribe>" if mailbox else ""
        owner = settings.reply_to or settings.sender_address
        return (
            ("List-Id", f"{phrase}<{settings.digest_list_id}>"),
            ("List-Unsubscribe", f"<{Slot.UNSUBSCRIBE.mark}>{mailto}"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("List-Subscribe", f"<{self.links.sign_up()}>"),
            ("List-Owner", f"<mailto:{owner}>"),
            ("List-Post", "NO"),
            ("Precedence", "bulk"),
            ("X-Auto-Response-Suppress", "OOF, AutoReply"),
            ("Feedback-ID", self._feedback_id()),
        )

    def _feedback_id(self) -> str:
        """Campaign, frequency, kind of mail, and a sender id of 5 to 15 characters (Google's feedback loop)."""
        sender = re.sub("[^a-z0-9]", "", self.settings.mail_domain.lower())[:15].ljust(5, "0")
        campaign = self.period.name.replace(":", "")
        return f"{campaign}:{self.period.frequency}:digest:{sender}"

    def _make_dress(self, language: str) -> "Dress":
        return Dress(self.settings, self.choices, self.period, self.links, language)


class Dress:
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

"""Makes editions: from chosen items to a finished Content, with marks where readers differ.

Every block (frame, heading, item card) is rendered and inlined once per language and run, then joined.
It knows neither readers nor the database.
"""

import re
from collections.abc import Iterable, Sequence
from email.utils import parseaddr
from functools import cache

from mailer.choices import Choices
from mailer.delivery import Content, Slot
from mailer.digests.blocks import Block, Blocks
from mailer.digests.choose import Group
from mailer.digests.schedule import Period
from mailer.digests.words import frame_language
from mailer.links import Links
from mailer.settings import Settings
from mailer.subscribers import Audience

HTML_BUDGET = 95_000
"""Bytes of decoded HTML, and a little more of encoded: Gmail clips what is longer, and the footer with it."""
ENCODED_BUDGET = 102_000
SLOT_ROOM = 1_500
"""Bytes kept free for what stands in the slots: three links and an address of 254 characters."""
MORE_ROOM = 2_000
"""Bytes kept free for "and n more" and its link, needed or not."""


class Room:
    """How much of what mail programs show is still free."""

    def __init__(self, used: Iterable[Block]) -> None:
        self.size = self.encoded = SLOT_ROOM + MORE_ROOM
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


class EditionMaker:
    """Makes the editions of one run."""

    def __init__(self, settings: Settings, choices: Choices, period: Period) -> None:
        self.settings = settings
        self.choices = choices
        self.period = period
        self.links = Links(settings)
        self._blocks = cache(self._make_blocks)

    def make(self, audience: Audience, groups: Sequence[Group]) -> Content:
        """The edition for an audience. groups: not empty, as choose.arrange gives them."""
        blocks = self._blocks(frame_language(audience.languages))
        chosen = [one for group in groups for one in group.items]
        own = {
            "preheader": blocks.preheader(chosen),
            "summary": blocks.words.summary(groups),
            "reason": blocks.words.reason(audience),
        }
        before, after = blocks.frame(own)
        joined = [*before, *self._items(blocks, audience, groups, [*before, *after]), *after]
        return Content(
            language=",".join(audience.languages),
            subject=blocks.subject(chosen),
            text=tuple(block.text for block in joined if block.text),
            html=tuple(block.html for block in joined if block.html),
            headers=self.headers(),
        )

    def subject(self, audience: Audience, groups: Sequence[Group]) -> str:
        """The subject alone, for a look ahead."""
        chosen = [one for group in groups for one in group.items]
        return self._blocks(frame_language(audience.languages)).subject(chosen)

    def _items(
        self, blocks: Blocks, audience: Audience, groups: Sequence[Group], frame: Sequence[Block]
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
                following = [blocks.card(one, 2 if group.region is None else 3, lead, line)]
                if number == 0 and group.region is not None:
                    following.insert(0, blocks.heading(group.region, bool(shown)))
                if not room.fits(following):
                    return [*shown, self._more(blocks, audience, total - count)]
                room.take(following)
                shown += following
                count += 1
        return shown

    def _more(self, blocks: Blocks, audience: Audience, count: int) -> Block:
        regions, kinds = self.choices.all_regions, self.choices.all_kinds
        url = self.links.latest(
            region=",".join(regions[number].code for number in audience.regions),
            kind=",".join(kinds[number].code for number in audience.kinds),
            language=",".join(audience.languages),
        )
        return blocks.more(count, url)

    def headers(self) -> tuple[tuple[str, str], ...]:
        """RFC 2369, 2919 and 8058, and what keeps automatic replies away. The same for every reader but the slot."""
        settings = self.settings
        name = settings.organisation.replace('"', "").replace("\\", "")
        phrase = f'"{name}" ' if name.isascii() and name.isprintable() else ""
        mailbox = settings.unsubscribe_mailbox
        mailto = f", <mailto:{mailbox}?subject=unsubscribe>" if mailbox else ""
        owner = parseaddr(settings.reply_to)[1] or settings.sender_address
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

    def _make_blocks(self, language: str) -> Blocks:
        return Blocks(self.settings, self.choices, self.period, self.links, language)

"""The words that people agree to, and what is recorded of it. The record only ever grows."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from mailer.choices import Choices
from mailer.settings import Settings
from mailer.subscribers.wish import Wish
from mailer.tools.templates import environment


class Act(StrEnum):
    ASKED = "asked"  # filled in the form: not yet consent
    CONFIRMED = "confirmed"  # pressed the button on the page that the mailbox alone can open
    CHANGED = "changed"
    REFUSED = "refused"  # "that wasn't me"
    UNSUBSCRIBED = "unsubscribed"
    ALLOWED = "allowed"  # an admin lifted their refusal
    REASON = "reason"  # said why, after unsubscribing
    RESUMED = "resumed"  # took an unsubscribing back on the page that followed it
    IMPORTED = "imported"  # taken over from an old list
    ERASED = "erased"  # only in the chain: the records of somebody were deleted


@dataclass(frozen=True, slots=True)
class Wording:
    """A consent text, one paragraph a line."""

    language: str
    text: str

    @property
    def hash(self) -> str:
        return hashlib.sha256(f"{self.language}\n{self.text}".encode()).hexdigest()

    @property
    def paragraphs(self) -> list[str]:
        return self.text.splitlines()


def current_wording(settings: Settings, language: str) -> Wording:
    """What the form and the confirmation page say now: the same words on both."""
    template = environment(language, settings.templates_dir).get_template("pages/consent.txt")
    text = template.render(organisation=settings.organisation, privacy_url=settings.privacy_url)
    lines = (" ".join(line.split()) for line in text.splitlines())
    return Wording(language, "\n".join(line for line in lines if line))


def in_codes(wish: Wish, offered: Choices) -> dict[str, object]:
    """A choice in words that stay readable when ids are gone: for the record and for export."""
    return {
        "regions": [offered.all_regions[number].code for number in wish.regions],
        "kinds": [offered.all_kinds[number].code for number in wish.kinds],
        "languages": list(wish.languages),
        "frequency": wish.frequency,
    }

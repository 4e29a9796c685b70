"""What a digest says of itself and of its items, in the reader's language. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from mailer.choices import Choices
from mailer.digests.choose import Group
from mailer.news import Item, ItemText
from mailer.subscribers import Audience
from mailer.tools.templates import catalogue, catalogue_languages

LONGEST_SUBJECT = 70
"""Visible characters; phones show about 40, and mail programs cut at about 70."""


def frame_language(languages: Iterable[str]) -> str:
    """The first of a reader's languages that we have words in, else English: what `lang` says must be true."""
    ours = catalogue_languages()
    for language in languages:
        for tag in (language, language.split("-")[0]):
            if tag in ours:
                return tag
    return "en"


def shorten(text: str, length: int) -> str:
    """One line of at most so many characters, cut between words."""
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    head = text[: length - 1].rpartition(" ")[0] or text[: length - 1]
    return head.rstrip(" .,:;–—-") + "…"


@dataclass(frozen=True, slots=True)
class Words:
    """default_language: the operator's; short labels such as "LAC" are in it."""

    language: str
    default_language: str
    choices: Choices

    def _(self, message: str) -> str:
        return str(catalogue(self.language).gettext(message))

    def heading(self, frequency: str) -> str:
        match frequency:
            case "daily":
                return self._("Your daily digest")
            case "weekly":
                return self._("Your weekly digest")
            case "monthly":
                return self._("Your monthly digest")
            case _:
                return self._("News for you")

    def date(self, day: date) -> str:
        return format_date(day, format="long", locale=Locale.parse(self.language, sep="-"))

    def number(self, count: int) -> str:
        return format_decimal(count, locale=Locale.parse(self.language, sep="-"))

    def summary(self, groups: Sequence[Group]) -> str:
        """How much there is: "9 new items: Africa 4 · Asia 5"."""
        count = sum(len(group.items) for group in groups)
        message = catalogue(self.language).ngettext("%(count)s new item", "%(count)s new items", count)
        total = message % {"count": self.number(count)}
        parts = [
            f"{self.group(group.region)} {self.number(len(group.items))}"
            for group in groups
            if group.region is not None
        ]
        # For translators: a name and what belongs to it, as "Read more: https://…"
        named = self._("%(name)s: %(value)s")
        return named % {"name": total, "value": " · ".join(parts)} if parts else total

    def more(self, count: int) -> str:
        message = catalogue(self.language).ngettext(
            "and %(count)s more, on the web", "and %(count)s more, on the web", count
        )
        return message % {"count": self.number(count)}

    def label(self, item: Item) -> str:
        """The label line: "News • LAC"."""
        places = [self.region(number, short=True) for number in item.regions]
        if item.everyone or not places:
            places = [self._("All regions")]
        return " • ".join((self.kind(item.kind_id), *places))

    def group(self, region: int) -> str:
        """A heading over items; 0 stands for everyone's."""
        return self.region(region) if region else self._("For all regions")

    def region(self, number: int, *, short: bool = False) -> str:
        region = self.choices.all_regions[number]
        base = self.language.split("-")[0]
        if short and (base == self.default_language.split("-")[0] or base not in region.names):
            return region.label
        return region.name(self.language)

    def kind(self, number: int) -> str:
        return self.choices.all_kinds[number].name(self.language)

    def tongue(self, text: ItemText) -> str:
        """The name of the item's language where it isn't that of the mail, else ""."""
        if text.language.split("-")[0] == self.language.split("-")[0]:
            return ""
        return Locale.parse(text.language, sep="-").get_display_name(self.language) or text.language

    def reason(self, audience: Audience) -> str:
        """Why the reader gets this mail: their own choice, in words."""
        regions = [self.region(number) for number in audience.regions]
        kinds = [self.kind(number) for number in audience.kinds]
        # For translators: what stands between the entries of a list
        comma = self._(", ")
        chosen = [self._often(audience.frequency), comma.join(regions) or self._("all regions")]
        if len(self.choices.kinds) > 1:
            chosen.append(comma.join(kinds) or self._("all kinds of news"))
        message = self._(
            "You receive this because you signed up for it and confirmed. Your choice: %(choice)s."
        )
        return message % {"choice": " · ".join(chosen)}

    def _often(self, frequency: str) -> str:
        match frequency:
            case "daily":
                return self._("once a day")
            case "weekly":
                return self._("once a week")
            case "monthly":
                return self._("once a month")
            case _:
                return self._("as soon as there is news")

"""Choices, items and audiences as plain values, and an edition made of them: no database."""

import tomllib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mailer.choices import Choices, Kind, Region
from mailer.delivery import Content, Slot
from mailer.digests.choose import arrange, choose
from mailer.digests.edition import EditionMaker
from mailer.digests.schedule import Period
from mailer.news import Item, ItemText
from mailer.subscribers import Audience
from mailer.tools.templates import templates_folder
from tests.conftest import make_settings

AFRICA, ASIA, EECA, LAC, MIDDLE_EAST, PACIFIC, EUROPE = range(1, 8)
NEWS, EVENTS, VOICES, BLOG = range(1, 5)
EVERYTHING_ARRIVED = 10**6
MONDAY = Period("weekly", "2026-W48", datetime(2026, 11, 23, 8, tzinfo=UTC))

_CHOICES = tomllib.loads((templates_folder() / "choices.toml").read_text("utf-8"))
REGIONS = tuple(
    Region(number, region["code"], region.get("label", region["name"]["en"]), region["name"])
    for number, region in enumerate(_CHOICES["regions"], 1)
)
KINDS = tuple(Kind(number, kind["code"], kind["name"]) for number, kind in enumerate(_CHOICES["kinds"], 1))
CHOICES = Choices(
    REGIONS, KINDS, (), {}, {region.id: region for region in REGIONS}, {kind.id: kind for kind in KINDS}
)

FUNDED: dict[str, Any] = {
    "website_url": "https://www.example.org",
    "imprint_url": "https://www.example.org/imprint",
    "logo_url": "https://www.example.org/logo.png",
    "funder_emblem_url": "https://www.example.org/emblem.png",
    "funder_statement": "Funded by the European Union",
    "funder_disclaimer": "The views expressed are those of the Example Facility alone.",
}


def make_text(language: str, title: str = "A title", arrival: int = 1, teaser: str = "A teaser.") -> ItemText:
    return ItemText(language, title, teaser, f"https://www.example.org/{language}/{arrival}", arrival)


def make_item(
    number: int,
    *regions: int,
    kind: int = NEWS,
    title: str = "",
    teaser: str = "What happened, told in a sentence.",
    on: date | None = None,
    texts: Sequence[ItemText] = (),
) -> Item:
    """Item `number`, arrived with that number; no region means for everyone. Older ones have lower numbers."""
    texts = texts or [make_text("en", title or f"The title of item {number}", number, teaser)]
    day = on or date(2026, 11, 1) + timedelta(days=number % 20)
    return Item(number, kind, regions, not regions, day, {text.language: text for text in texts})


def make_audience(*regions: int, kinds: Sequence[int] = (), languages: Sequence[str] = ("en",)) -> Audience:
    return Audience(regions=regions, kinds=tuple(kinds), languages=tuple(languages), frequency="weekly", id=1)


def make_edition(items: Sequence[Item], audience: Audience | None = None, **values: Any) -> Content:
    """The edition that an audience (everything, if none is given) gets of all these items."""
    audience = audience or make_audience()
    chosen = choose(items, audience, 0, EVERYTHING_ARRIVED)
    groups = arrange(chosen, audience, [region.id for region in REGIONS])
    return EditionMaker(make_settings(**values), CHOICES, MONDAY).make(audience, groups)


def filled(blocks: Sequence[str]) -> str:
    """The blocks joined, with a reader's values in the slots."""
    text = "".join(blocks)
    values = {
        Slot.ADDRESS: "alice@example.com",
        Slot.UNSUBSCRIBE: "https://news.example.org/unsubscribe/token",
        Slot.PREFERENCES: "https://news.example.org/preferences/token",
    }
    for slot, value in values.items():
        text = text.replace(slot.mark, value)
    return text

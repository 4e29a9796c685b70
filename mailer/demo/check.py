"""Does everybody have what they should? Worked out anew from the feed files and the cast, without the service.

Deliberately simple, and independent of the rooms: nothing of `news`, `subscribers` or `digests` is used.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from selectolax.lexbor import LexborHTMLParser

from mailer.demo.cast import Fate, Reader
from mailer.demo.inbox import Mail

KINDS = {
    "news": "news",
    "project news": "news",
    "in focus": "news",
    "event": "events",
    "diaspora voices": "voices",
    "expert voice": "voices",
    "blog": "blog",
}
REGIONS = {"lac": "lac", "eastern europe": "eeca", "europe": "europe", "pacific": "pacific"}
EVERYONE = "global"


@dataclass(frozen=True, slots=True)
class Story:
    """One item of a feed file. regions: codes; empty = for everyone."""

    title: str
    kind: str
    regions: frozenset[str]

    def is_for(self, reader: Reader) -> bool:
        """No choice means all; an item without a region is for everyone."""
        kind = not reader.kinds or self.kind in reader.kinds
        return kind and (not reader.regions or not self.regions or bool(self.regions & set(reader.regions)))


def stories(files: Iterable[Path]) -> list[Story]:
    """The items of RSS and Atom files that we wrote ourselves."""
    found = []
    for file in files:
        root = ElementTree.parse(file).getroot()  # noqa: S314 - our own file
        for item in root.iter():
            if _name(item) in {"item", "entry"}:
                found.append(_story(item))
    return found


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _story(item: ElementTree.Element) -> Story:
    title = next(child.text or "" for child in item if _name(child) == "title")
    labels = [
        (child.get("term") or child.text or "").casefold() for child in item if _name(child) == "category"
    ]
    unknown = [label for label in labels if label not in {*KINDS, *REGIONS, EVERYONE}]
    if unknown:
        raise ValueError(f"check.py doesn't know the label {unknown[0]!r}")
    kind = next((KINDS[label] for label in labels if label in KINDS), "news")
    regions = () if EVERYONE in labels else (REGIONS[label] for label in labels if label in REGIONS)
    return Story(_plain(title), kind, frozenset(regions))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def check(cast: Sequence[Reader], told: Sequence[Story], mails: Sequence[Mail]) -> list[str]:
    """What is wrong, one sentence each; empty when everybody has exactly what they chose."""
    problems = []
    for reader in cast:
        digests = [mail for mail in mails if mail.is_digest and mail.recipient == reader.address]
        wanted = 1 if reader.fate is Fate.CONFIRMED else 0
        if len(digests) != wanted:
            problems.append(
                f"{reader.address} ({reader.fate}) got {len(digests)} digests instead of {wanted}"
            )
            continue
        for mail in digests:
            problems += _compare(reader, told, mail)
    strangers = {mail.recipient for mail in mails} - {reader.address for reader in cast}
    return problems + [f"a mail went to {address}, who never signed up" for address in sorted(strangers)]


def _compare(reader: Reader, told: Sequence[Story], mail: Mail) -> list[str]:
    """Each wanted title once and no other: as a link in the HTML part, as words in the text part."""
    links = Counter(_plain(link.text()) for link in LexborHTMLParser(mail.part("html")).css("a"))
    text = _plain(mail.part("plain"))
    problems = []
    for story in told:
        for part, count in (("HTML", links[story.title]), ("text", text.count(story.title))):
            if count != story.is_for(reader):
                problems.append(f"{reader.address}: “{story.title}” stands {count} times in the {part} part")
    return problems

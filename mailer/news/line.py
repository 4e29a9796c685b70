"""What a line on a news page is: a date, labels, a link to more, page furniture, or words. Rules only.

A line is never looked at alone where its neighbours decide (plain_page.py does that).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from mailer.choices import label_key
from mailer.news.dates import read_date

_BETWEEN_LABELS = re.compile(r"\s*[•·●∙‧⋅|¦]\s*")
_MAYBE_BETWEEN = re.compile(r"\s*[/,;>»›&]\s*|\s+[-–—]\s+")
_NAMED = re.compile(
    r"^(?:categor(?:y|ies)|kinds?|types?|regions?|topics?|tags?|filed under|published|posted|date)\s*:\s*",
    re.I,
)
_READ_MORE = re.compile(
    r"(?:read|learn|find out|see|discover|know|show) more|read (?:on|the (?:full )?(?:article|story|post))|"
    r"continue reading|(?:view|full) (?:article|story|post)|more info(?:rmation)?|more|details|"
    r"lire (?:la suite|plus)|en savoir plus|leer más|saber más|ver más|ler mais|saiba mais|"
    r"weiterlesen|mehr (?:lesen|erfahren)|mehr|اقرأ المزيد",
    re.IGNORECASE,
)
_RELATED = re.compile(
    r"(?:related|similar|recommended|further|more|other|latest|recent)"
    r"(?: (?:news|articles?|stories|story|posts?|items?|content|reading|publications?|updates|events|from .{1,40}))+"
    r"(?: (?:and|&) \w+)?|related|see also|read (?:also|next)|you (?:may|might) (?:also )?(?:like|be interested in)|"
    r"also of interest|keep reading|what to read next|up next|(?:actualités|articles) (?:liée?s|similaires|connexes)|"
    r"à lire aussi|(?:noticias|artículos) relacionad[ao]s|notícias relacionadas|artigos relacionados|"
    r"(?:verwandte|ähnliche|weitere) (?:nachrichten|artikel|beiträge|meldungen)|أخبار ذات صلة",
    re.IGNORECASE,
)
_FURNITURE = re.compile(
    r"share(?: (?:this|on|via)\b.*)?|print(?: this.*)?|home|menu|search|skip to .*|back(?: to .*)?|"
    r"(?:by|author|written by|photo|image|credit|source)s?\b:? .{1,60}|\d+ min(?:ute)?s?(?: read)?|"
    r"facebook|twitter|x|linkedin|whatsapp|e-?mail|copy link|previous|next|close|all news|news ?room",
    re.IGNORECASE,
)
_END = re.compile(
    r"(?:sign up|subscribe|register|join)\b.{0,60}\b(?:newsletter|mailing list|updates)\b.*|\*? ?required fields?\b.*|"
    r"©.*|copyright\b.*|.*\ball rights reserved\b.*|follow us\b.*|privacy policy|cookies?\b.{0,40}|contact us|"
    r"newsletter|leave a (?:reply|comment)|comments?",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"(?:(?:link|url|source|permalink|address|web ?page)\s*:\s*)?<?(https?://[^\s<>]+)>?", re.I
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line and what stands in it. link: where the first link in it leads, "" if there is none.

    labels: what it names, if it is nothing but labels (and perhaps a date).
    """

    text: str
    link: str = ""
    day: date | None = None
    labels: tuple[str, ...] = ()

    @property
    def is_words(self) -> bool:
        return not self.day and not self.labels

    @property
    def is_read_more(self) -> bool:
        return _whole(_READ_MORE, self.text)

    @property
    def is_related_heading(self) -> bool:
        return self.is_words and len(self.text) <= 60 and _whole(_RELATED, self.text.rstrip(":"))

    @property
    def is_furniture(self) -> bool:
        return _whole(_FURNITURE, self.text) or bool(_ADDRESS.fullmatch(self.text))

    @property
    def is_end(self) -> bool:
        return len(self.text) <= 150 and bool(_END.fullmatch(self.text))

    @property
    def is_sentence(self) -> bool:
        """Rather a paragraph than a heading."""
        return len(self.text) > 200 or self.text.rstrip("\"'”’»)")[-1:] in set(".…:;,。")

    @property
    def address(self) -> str:
        """The web address that the line is, "" if it is none."""
        match = _ADDRESS.fullmatch(self.text)
        return match.group(1) if match else ""


def _whole(pattern: re.Pattern[str], text: str) -> bool:
    return bool(pattern.fullmatch(text.strip(" \u00a0→›»>…[].:*+-–—\t")))


def read_line(text: str, link: str, known: Collection[str]) -> Line:
    """A line with its date and labels. known: the labels (as label_key writes them) that a mapping knows."""
    bare = _NAMED.sub("", text)
    if day := read_date(bare):
        return Line(text, link, day)
    if len(text) > 120:
        return Line(text, link)
    parts = [part for part in _BETWEEN_LABELS.split(bare) if part]
    day = next((day for part in parts if (day := read_date(part))), None)
    words = [part for part in parts if not read_date(part) and not _whole(_FURNITURE, part)]
    labels = [label for part in words for label in _smaller(part, known)]
    if _are_labels(labels, known, sure=len(parts) > 1 or bare != text):
        return Line(text, link, day, tuple(labels))
    return Line(text, link, None if words else day)


def _smaller(part: str, known: Collection[str]) -> list[str]:
    """`Africa, Asia` as two labels, if both are known and the whole isn't."""
    pieces = [piece for piece in _MAYBE_BETWEEN.split(part) if piece]
    fine = label_key(part) not in known and all(label_key(piece) in known for piece in pieces)
    return pieces if fine else [part]


def _are_labels(labels: list[str], known: Collection[str], *, sure: bool) -> bool:
    """One known label; or, between separators, several short phrases of which a stranger may be new to us."""
    if not labels:
        return False
    if all(label_key(label) in known for label in labels):
        return True
    return sure and len(labels) <= 5 and all(len(label.split()) <= 5 and len(label) <= 40 for label in labels)

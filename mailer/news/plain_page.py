"""From the lines of a news page to its article and the related items on it. Rules only.

Such a page has a head (labels, date and title, in any order), a body, and perhaps a block of related news:
cards of labels, title, date, teaser and "Read more", again in any order. Around them stands the furniture
of the site.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

from mailer.choices import label_key
from mailer.news.item import Draft
from mailer.news.line import Line, read_line
from mailer.news.teaser import TEASER, shorten

_BLANK = Line("")


@dataclass(frozen=True, slots=True)
class Head:
    """Where title, date and labels stand. end: the line behind them."""

    title: str
    day: date | None
    labels: tuple[str, ...]
    end: int


def read_plain_page(
    texts: Sequence[tuple[str, str]], known: Collection[str], title: str = ""
) -> tuple[Draft, list[Draft]]:
    """The article, and the related items, in the page's order. title: where something better than lines tells it.

    texts: lines with their links, "" for blank lines. What isn't found is "" or None, the title too.
    """
    lines = [read_line(text, link, known) if text else _BLANK for text, link in texts]
    start = next((i for i, line in enumerate(lines) if line.is_related_heading), len(lines))
    head = _head(lines[:start], title)
    address = next((line.address for line in lines if line.address), "")
    article = Draft(
        head.title, _teaser(lines[head.end : start]), address, published_on=head.day, labels=head.labels
    )
    return article, _related(lines[start + 1 :])


def _head(lines: Sequence[Line], title: str) -> Head:
    """The head of a page: around its title where that is known, else beside the first date or labels.

    A date that has labels near it goes before one that has none: that may be today's, over the menu.
    """
    solid = [(i, line) for i, line in enumerate(lines) if line.text and not line.is_furniture]
    named = [n for n, (_, line) in enumerate(solid) if title and label_key(line.text) == label_key(title)]
    marks = [n for n, (_, line) in enumerate(solid) if not line.is_words]
    dated = [n for n in marks if solid[n][1].day] or marks
    places = named or [place for n in dated if (place := _beside(solid, n)) is not None]
    places = places or [n for n, (_, line) in enumerate(solid) if not line.is_sentence][:1]
    heads = [_around(solid, place) for place in dict.fromkeys(places)]
    best = next(
        (head for head in heads if head.day and head.labels), heads[0] if heads else Head("", None, (), 0)
    )
    return replace(best, title=title) if title else best


def _around(solid: Sequence[tuple[int, Line]], title: int) -> Head:
    """The head whose title is this line: the dates and labels next to it, above and below."""
    first = last = title
    while first > 0 and not solid[first - 1][1].is_words:
        first -= 1
    while last + 1 < len(solid) and not solid[last + 1][1].is_words:
        last += 1
    near = sorted(range(first, last + 1), key=lambda n: abs(n - title))
    day = next((solid[n][1].day for n in near if solid[n][1].day), None)
    marks = [line for _, line in solid[first : last + 1]]
    labels = _labels(marks) or _unknown_label(solid, first, title)
    return Head(solid[title][1].text, day, labels, solid[last][0] + 1)


def _labels(lines: Sequence[Line]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(label for line in lines for label in line.labels))


def _beside(solid: Sequence[tuple[int, Line]], mark: int) -> int | None:
    """Which line is the title to a date or label line: the words above or below it."""
    first = last = mark
    while first > 0 and not solid[first - 1][1].is_words:
        first -= 1
    while last + 1 < len(solid) and not solid[last + 1][1].is_words:
        last += 1
    before = first - 1 if first > 0 and not solid[first - 1][1].is_sentence else None
    after = last + 1 if last + 1 < len(solid) and not solid[last + 1][1].is_sentence else None
    if before is None or after is None:
        return before if after is None else after
    if before > 0 and not solid[before - 1][1].is_words:
        return before  # labels · title · date
    if after + 1 < len(solid) and not solid[after + 1][1].is_words:
        return after  # date · title · labels
    short = len(solid[before][1].text.split()) < 4
    return after if short else before  # a short line above the date is a menu's or a label's


def _unknown_label(solid: Sequence[tuple[int, Line]], first: int, title: int) -> tuple[str, ...]:
    """A short line that begins the page, above date and title: a label that no mapping knows yet."""
    return (solid[0][1].text,) if first == 1 and first < title and _like_a_label(solid[0][1]) else ()


def _like_a_label(line: Line) -> bool:
    return len(line.text.split()) <= 3 and not line.is_sentence


def _teaser(body: Sequence[Line]) -> str:
    """The first paragraphs, cut at the end of a sentence."""
    text = ""
    for solid, group in groupby(body, key=lambda line: bool(line.text)):
        lines = [line for line in group if not line.is_furniture]
        if not solid or not lines:
            continue
        if lines[0].is_end:
            break
        paragraph = " ".join(line.text for line in lines)
        if Line(paragraph).is_sentence or len(paragraph) > 120 or paragraph[-1] in "!?":
            text = f"{text} {paragraph}".strip()
        if len(text) > TEASER // 2:
            break
    return shorten(text)


def _related(lines: Sequence[Line]) -> list[Draft]:
    """The cards of a block of related news, each as a draft of its own."""
    end = next((i for i, line in enumerate(lines) if line.is_end), len(lines))
    block = lines[:end]
    split = _at_read_more if any(line.is_read_more for line in block) else _at_blanks
    cards = [_card(group) for group in split(block)]
    return [card for card in cards if card is not None]


def _at_read_more(lines: Sequence[Line]) -> list[list[Line]]:
    """Groups that end with "Read more"; what comes behind the last one is no card."""
    groups: list[list[Line]] = [[]]
    for line in lines:
        groups[-1] += [line] if line.text else []
        if line.is_read_more:
            groups.append([])
    if groups[0] and groups[0][0].is_read_more:  # the link stands first in each card
        groups = [groups[i][-1:] + groups[i + 1] for i in range(len(groups) - 1)]
        return [[line for line in g if not (line.is_read_more and line is g[-1])] for g in groups]
    return groups[:-1]


def _at_blanks(lines: Sequence[Line]) -> list[list[Line]]:
    """Groups between blank lines, if each has one date or labels; else a group begins where the first kind of line recurs."""
    groups = [list(g) for solid, g in groupby(lines, key=lambda line: bool(line.text)) if solid]
    if groups and all(len(g) > 1 and len([line for line in g if line.day]) == 1 for g in groups):
        return groups
    solid = [line for line in lines if line.text]
    marked = [i for i, line in enumerate(solid) if line.day] or [
        i for i, line in enumerate(solid) if line.labels
    ]
    if not marked:
        return []
    starts = [i - marked[0] for i in marked]
    return [solid[a:b] for a, b in zip(starts, [*starts[1:], len(solid)], strict=True)]


def _card(lines: Sequence[Line]) -> Draft | None:
    words = [line for line in lines if line.is_words and not line.is_read_more and not line.is_furniture]
    day = next((line.day for line in lines if line.day), None)
    labels = _labels(lines)
    if not words or (day is None and not labels):
        return None
    if not labels and len(words) > 2 and _like_a_label(words[0]) and not words[1].is_sentence:
        labels = (words.pop(0).text,)
    title = words[0]
    if len(words) > 1 and title.is_sentence and not words[1].is_sentence:
        title = words[1]  # the teaser came first
    teaser = shorten(" ".join(line.text for line in words if line is not title))
    link = title.link or next((line.link for line in lines if line.link), "")
    return Draft(title.text, teaser, link, published_on=day, labels=labels)

"""Cut a text to the length of a teaser: at the end of a sentence, else behind a word."""

import re
import unicodedata

TEASER = 280
"""Characters: three to four lines on a phone."""

_SHORTEST = 60  # a first sentence shorter than that tells too little to stand alone
_END = re.compile(r"[.!?…؟。！？।]+[\"'”’»)\]]*(?=\s|$)|[。！？]")
_SHORT_FORMS = (
    "dr mr mrs ms prof st no nos vol fig eg ie e.g i.e etc vs approx dept gov gen hon jr sr inc ltd co "
    "art sec nr bzw z.b d.h u.a ca evtl mme mlle sra srta ej p.ej núm av"
)
_ABBREVIATED = frozenset(_SHORT_FORMS.split())
_CUT_BY_OTHERS = re.compile(r"\s*(?:\[\s*(?:…|\.\.\.)\s*\])\s*$")


def shorten(text: str, limit: int = TEASER) -> str:
    """The text itself if it fits, else its whole sentences that do, else its whole words and an ellipsis.

    text: on one line. The result has at most `limit` characters.
    """
    text = _CUT_BY_OTHERS.sub("…", text)
    if len(text) <= limit:
        return text
    ends = [m.end() for m in _END.finditer(text, 0, limit + 1) if _ends_sentence(text, m)]
    fitting = [end for end in ends if _SHORTEST <= end <= limit]
    return text[: fitting[-1]] if fitting else at_word(text, limit)


def at_word(text: str, limit: int) -> str:
    """The whole words that fit, and an ellipsis. A script without spaces is cut between characters."""
    if len(text) <= limit:
        return text
    cut = max((m.start() for m in re.finditer(r"\s", text[:limit])), default=0)
    if not cut:
        cut = limit - 1
        while cut > 1 and (
            unicodedata.combining(text[cut]) or text[cut] == "\u200d" or text[cut - 1] == "\u200d"
        ):
            cut -= 1
    return text[:cut].rstrip(" ,;:–—-([“\"'") + "…"


def _ends_sentence(text: str, mark: re.Match[str]) -> bool:
    """Whether a full stop ends a sentence: not behind an abbreviation or initial, not before a small letter."""
    behind = text[mark.end() :].lstrip()
    if mark.group()[0] != "." or mark.group().startswith(".."):
        return not behind[:1].islower()
    word = re.split(r"[\s(\[“\"']", text[max(0, mark.start() - 30) : mark.start()])[-1]
    if (
        word.casefold() in _ABBREVIATED
        or (len(word) == 1 and word.isalpha())
        or re.fullmatch(r"(?:\w\.)+\w", word)
    ):
        return False
    return not behind[:1].islower() and not (word.isdecimal() and len(word) < 3)  # "7. September"

"""What every kind of feed has in common: an entry's parts, cleaned, become a draft, or a line that says why not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from babel import Locale, UnknownLocaleError

from mailer.news.dates import read_date
from mailer.news.item import Draft
from mailer.news.teaser import at_word, shorten
from mailer.tools.html import title_text, web_link

_MAX_TITLE = 300
_MAX_MARKUP = 50_000  # characters of an entry that are looked at for its teaser
_MAX_LABELS = 50


@dataclass(slots=True)
class FeedContent:
    """A feed that was read. skipped: a line for each entry that can't be taken, with its remedy."""

    title: str = ""
    language: str = ""
    drafts: list[Draft] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def take(self, draft: Draft) -> None:
        if not draft.title:
            self.skipped.append(
                f"an item without title or text ({draft.url or draft.guid or 'no link either'})"
            )
        elif not draft.url:
            self.skipped.append(
                f"“{draft.title}” has no link that readers could follow; it waits until it has one"
            )
        else:
            self.drafts.append(draft)


def make_draft(
    *,
    title: str,
    summary: str,
    links: Iterable[str],
    base: str,
    guid: str = "",
    dates: Iterable[str] = (),
    labels: Iterable[str] = (),
    language: str = "",
) -> Draft:
    """Each part as the feed wrote it, HTML or text; the first usable link and date count."""
    teaser = shorten(title_text(summary[:_MAX_MARKUP]))
    name = at_word(title_text(title[:_MAX_MARKUP]), _MAX_TITLE) or at_word(teaser, 80)
    cleaned = dict.fromkeys(title_text(label[:500])[:200] for label in labels)
    return Draft(
        title=name,
        teaser="" if teaser == name else teaser,
        url=next((link for href in links if href and (link := web_link(href, base))), ""),
        guid=guid.strip()[:2000],
        published_on=next((day for text in dates if (day := read_date(text))), None),
        labels=tuple(label for label in cleaned if label)[:_MAX_LABELS],
        language=language_tag(language),
    )


def language_tag(text: str) -> str | None:
    """`en-gb`, `EN_GB` → `en-GB`; None where it is no language that Babel knows."""
    try:
        locale = Locale.parse(text.strip()[:35].replace("-", "_"))
    except (ValueError, UnknownLocaleError, TypeError):
        return None
    return str(locale).replace("_", "-")


def as_offered(tag: str, languages: Sequence[str]) -> str:
    """The language on offer that a tag means (`en-GB` → `en`), or the tag itself where none does."""
    base = tag.split("-")[0]
    return tag if tag in languages else next((one for one in languages if one.split("-")[0] == base), tag)

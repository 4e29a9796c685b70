"""One page becomes one item, and what it shows as related is offered."""

from datetime import date
from pathlib import Path

import pytest

from mailer import choices, news
from mailer.choices import Meaning, label_key
from mailer.database import Database
from mailer.news import ArticleError, Instead
from mailer.news.item import Draft
from mailer.news.page import read_page
from mailer.news.plain_page import read_plain_page
from mailer.tools.http_fetch import Fetcher
from tests.conftest import FrozenClock
from tests.tools.web import LOCAL, answer, web

KNOWN = frozenset(
    map(
        label_key,
        ("News", "Event", "Events", "Blog", "Diaspora voices", "LAC", "Asia", "Africa", "Pacific", "Global"),
    )
)
TITLE = "Third call for proposals opens for public institutions"
BODY = """

The facility opened its third call today. Applications are welcome until May, from all public bodies.

How to apply

Send the form to the office before the last day of the month, and mind the annexes.
"""


def read(text: str) -> tuple[Draft, list[Draft]]:
    return read_plain_page([(line.strip(), "") for line in text.splitlines()], KNOWN)


@pytest.mark.parametrize(
    ("head", "labels"),
    [
        (f"News • LAC\nMarch 12, 2024\n{TITLE}", ("News", "LAC")),
        (f"{TITLE}\nNews • LAC\n12 March 2024", ("News", "LAC")),
        (f"{TITLE}\n12 March 2024\nNews | Asia", ("News", "Asia")),
        (f"Event\n{TITLE}\n12/03/2024", ("Event",)),
        (f"2024-03-12\nBlog · Africa\n{TITLE}", ("Blog", "Africa")),
        (f"12. März 2024\n{TITLE}\nEvents • Pacific", ("Events", "Pacific")),
        (f"News • Asia • Pacific • March 12, 2024\n{TITLE}", ("News", "Asia", "Pacific")),
        (f"News / LAC\n{TITLE}\nPosted on 12 March 2024", ("News", "LAC")),
        (f"Kind: News\nRegion: Africa\nDate: 12 March 2024\n{TITLE}", ("News", "Africa")),
        (
            f"Home\n\nDiaspora voices • Balkans\n\n{TITLE}\n\nMarch 12th, 2024\n\nBy Anna",
            ("Diaspora voices", "Balkans"),
        ),
        (f"Success story\nMarch 12, 2024\n{TITLE}", ("Success story",)),
        (f"News · Africa, Asia\n{TITLE}\nMarch 12, 2024 · 3 min read", ("News", "Africa", "Asia")),
        (f"{TITLE}\nMarch 12, 2024 | By Anna Smith", ()),
        (f"Monday, 20 May 2024\nMenu\nSearch\n\nNews • LAC\n12 March 2024\n{TITLE}", ("News", "LAC")),
    ],
)
def test_the_head_of_a_page_is_read_in_any_order(head: str, labels: tuple[str, ...]) -> None:
    article, related = read(head + BODY)
    assert (article.title, article.published_on, article.labels) == (TITLE, date(2024, 3, 12), labels)
    assert article.teaser.startswith(
        "The facility opened its third call today. Applications are welcome until May"
    )
    assert related == []


@pytest.mark.parametrize(
    "cards",
    [
        "News • LAC\nFirst\nJune 6, 2022\nTeaser one.\nRead more\nEvent\nSecond\n7 June 2022\nTeaser two.\nRead more",
        "First\nJune 6, 2022\nNews • LAC\nTeaser one.\nRead more →\nSecond\nJune 7, 2022\nEvent\nTeaser two.\nRead more →",
        "June 6, 2022\nFirst\nTeaser one.\nNews | LAC\n\nJune 7, 2022\nSecond\nTeaser two.\nEvent",
        "First\n\nJune 6, 2022\n\nNews • LAC\n\nTeaser one.\n\nSecond\n\nJune 7, 2022\n\nEvent\n\nTeaser two.",
        "Teaser one.\nFirst\nNews • LAC\n06/06/2022\nRead more\nTeaser two.\nSecond\nEvent\n07/06/2022\nRead more",
    ],
)
@pytest.mark.parametrize("heading", ["Related news", "More articles", "You might also like"])
def test_the_cards_of_related_news_are_read_in_any_order(heading: str, cards: str) -> None:
    page = f"News\nMarch 12, 2024\n{TITLE}{BODY}\n{heading}\n\n{cards}\n\nSign up for the newsletter\n\nLearn more"
    _, related = read(page)
    assert [(d.title, d.teaser, d.labels, d.published_on) for d in related] == [
        ("First", "Teaser one.", ("News", "LAC"), date(2022, 6, 6)),
        ("Second", "Teaser two.", ("Event",), date(2022, 6, 7)),
    ]


async def test_a_page_without_an_address_leads_home_and_is_not_taken_for_another(
    database: Database, clock: FrozenClock, tmp_path: Path
) -> None:
    home = Instead(home="https://example.org/news")
    for title in ("Harvest in the hills", "Boats on the lake"):
        page = tmp_path / "page.txt"
        page.write_text(
            f"News • LAC\nNovember 3, 2022\n{title}\n\nA first sentence of this news. A second one.\n"
        )
        added = await news.add_article(database, str(page), Fetcher(), clock, home)
        assert added.new
        assert added.item.texts["en"].url == "https://example.org/news"
    again = await news.add_article(database, str(page), Fetcher(), clock, home)
    assert not again.new


@pytest.mark.corpus
async def test_a_real_page_becomes_an_item_with_three_offers(
    database: Database, clock: FrozenClock, corpus: Path
) -> None:
    file = str(corpus / "news" / "article.txt")
    with pytest.raises(ArticleError, match="add --url"):
        await news.add_article(database, file, Fetcher(), clock)
    added = await news.add_article(database, file, Fetcher(), clock, Instead(url="https://example.org/peru"))
    async with database.reading() as db:
        offered = await choices.read(db)
    text = added.item.texts["en"]
    assert offered.all_kinds[added.item.kind_id].code == "news"
    assert [offered.all_regions[r].code for r in added.item.regions] == ["lac"]
    assert added.item.published_on == date(2022, 11, 3)
    assert text.title == "Action launch: Enhancing institutional capacities for diaspora engagement in Peru"
    assert text.teaser.startswith("We officially launched our CDL action")
    assert text.teaser.endswith("in October 2022.")
    assert (added.new, text.arrival) == (True, 1)
    assert [(o.draft.labels, o.draft.published_on, o.draft.title[:20]) for o in added.related] == [
        (("News", "Eastern Europe"), date(2021, 5, 26), "Launching our first "),
        (("Diaspora voices", "Eastern Europe"), date(2021, 9, 28), "Dr Viorica Olaru-Cem"),
        ((), date(2022, 6, 6), "Research results dis"),
    ]
    taken = await news.add_draft(
        database, added.related[0].draft, clock, Instead(url="https://example.org/dp4d")
    )
    assert [offered.all_regions[r].code for r in taken.item.regions] == ["eeca"]
    again = await news.add_article(database, file, Fetcher(), clock, Instead(url="https://example.org/peru/"))
    assert (again.new, again.item.id) == (False, added.item.id)
    assert [offer.known for offer in again.related] == [True, False, False]


HTML = """<!doctype html><html lang="fr"><head><title>Un titre &amp; plus — Le site</title>{head}</head><body>
<nav>1 January 2020</nav><main><p>News • Asia</p><h1>Un titre &amp; plus</h1><time datetime="2024-03-12">mardi</time>
<p>La première phrase est assez longue pour se tenir seule ici. La seconde aussi.</p>
<section><h2>Related news</h2><div><a href="/eins"><h3>Eins</h3></a><p>Event • Pacific</p><p>May 3, 2023</p><p>Zwei.</p>
<a href="/eins">Read more</a></div></section></main></body></html>"""
JSON_LD = """<script type="application/ld+json">{"@context": "https://schema.org", "@graph": [{"@type": "WebSite", "name": "S"},
{"@type": "NewsArticle", "headline": "Un titre &amp; plus", "datePublished": "2024-03-12T08:00:00+01:00",
"description": "La première phrase est assez longue pour se tenir seule ici. La seconde aussi.",
"articleSection": ["News", "Asia"], "keywords": "unknown, tags", "url": "https://site.example/un-titre"}]}</script>"""
GRAPH = """<meta property="og:title" content="Un titre &amp;amp; plus"><meta property="og:url" content="/un-titre">
<meta property="article:published_time" content="2024-03-12T08:00:00Z"><link rel="canonical" href="https://site.example/">
<meta property="og:description" content="La première phrase est assez longue pour se tenir seule ici. La seconde aussi.">"""


@pytest.mark.parametrize(
    "head", [JSON_LD, GRAPH, '<link rel="canonical" href="/un-titre">'], ids=["ld", "og", "bare"]
)
def test_a_web_page_is_read_by_what_it_says_for_machines_or_by_its_lines(head: str) -> None:
    page = read_page(
        HTML.replace("{head}", head).encode(), "https://site.example/x?y", "text/html; charset=utf-8", KNOWN
    )
    article = page.article
    assert (article.title, article.published_on) == ("Un titre & plus", date(2024, 3, 12))
    assert (article.url, article.language) == ("https://site.example/un-titre", "fr")
    assert article.labels == ("News", "Asia")
    assert article.teaser == "La première phrase est assez longue pour se tenir seule ici. La seconde aussi."
    (related,) = page.related
    assert (related.title, related.url, related.labels) == (
        "Eins",
        "https://site.example/eins",
        ("Event", "Pacific"),
    )


async def test_a_page_is_fetched_and_waits_while_a_label_is_unknown(
    database: Database, clock: FrozenClock
) -> None:
    async with web() as site:
        site.answers["/page"] = answer(HTML.replace("Asia", "Balkans").encode(), Content_Type="text/html")
        added = await news.add_article(database, site.url("/page"), LOCAL, clock, languages=("en", "fr"))
    assert added.unknown == ("Balkans",)
    async with database.transaction() as db:
        assert await news.last_arrival(db) == 0
        assert await choices.unknown_labels(db) == ["Balkans"]
        assert await news.explain_label(db, "Balkans", Meaning(ignored=True), clock()) == [added.item.id]


async def test_the_operator_has_the_last_word(database: Database, clock: FrozenClock, tmp_path: Path) -> None:
    file = tmp_path / "page.txt"
    file.write_text(f"Gossip\nMarch 12, 2024\n{TITLE}{BODY}\nhttps://example.org/own\n")
    instead = Instead(kind="blog", regions=["asia", "pacific"], language="de")
    added = await news.add_article(database, str(file), Fetcher(), clock, instead)
    assert (added.unknown, len(added.item.regions), list(added.item.texts)) == ((), 2, ["de"])
    assert added.item.texts["de"].url == "https://example.org/own"
    for bad in (
        Instead(kind="gossip"),
        Instead(regions=["moon"]),
        Instead(language="klingon"),
        Instead(url="javascript:x"),
    ):
        with pytest.raises(ArticleError):
            await news.add_article(database, str(file), Fetcher(), clock, bad)


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "empty"), ("<?xml version='1.0'?><rss></rss>", "this is a feed"), ("\n.\n", "add --url|no title")],
)
async def test_what_is_no_page_is_refused_in_words(
    database: Database, clock: FrozenClock, tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "page.txt").write_text(content)
    with pytest.raises(ArticleError, match=words):
        await news.add_article(database, str(tmp_path / "page.txt"), Fetcher(), clock)
    with pytest.raises(ArticleError, match="can't be read"):
        await news.add_article(database, str(tmp_path / "nowhere.txt"), Fetcher(), clock)

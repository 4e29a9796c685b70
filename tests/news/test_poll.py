"""What a poll makes of feeds: announced once, known again, waiting, or history."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from mailer import choices, news
from mailer.choices import Meaning
from mailer.database import Database
from mailer.news import Cage, FeedError, FeedReport, Item
from mailer.tables import item, item_text
from mailer.tools.http_fetch import Fetcher
from tests.conftest import FrozenClock
from tests.tools.web import LOCAL, answer, web

DEMO = Path(news.__file__).parent.parent / "demo_news"


def entry(number: int, *labels: str, title: str = "", teaser: str = "Teaser.", link: str = "") -> str:
    """One entry of an RSS feed, with guid, link and date of its own."""
    categories = "".join(f"<category>{label}</category>" for label in labels)
    return (
        f"<item><title>{title or f'Title {number}'}</title><link>{link or f'https://example.org/{number}'}</link>"
        f"<guid isPermaLink='false'>g{number}</guid><pubDate>{number:02} Nov 2026 09:00:00 +0000</pubDate>"
        f"<description>{teaser}</description>{categories}</item>"
    )


class Desk:
    """A feed in a file, and a database that polls it."""

    def __init__(self, database: Database, clock: FrozenClock, folder: Path, cage: Cage) -> None:
        self.database, self.clock, self.folder, self.cage = database, clock, folder, cage

    async def feed(self, name: str = "feed.xml", **options: object) -> None:
        (self.folder / name).touch()
        async with self.database.transaction() as db:
            await news.add_feed(db, str(self.folder / name), **options)  # type: ignore[arg-type]

    async def poll(self, *entries: str, name: str = "feed.xml") -> FeedReport:
        text = f"<rss version='2.0'><channel><title>F</title>{''.join(entries)}</channel></rss>"
        (self.folder / name).write_text(text)
        reports = await news.poll(self.database, Fetcher(), self.clock, cage=self.cage)
        return next(report for report in reports if report.url.endswith(name))

    async def arrived(self, after: int = 0) -> list[Item]:
        async with self.database.reading() as db:
            return await news.arrived(db, after, await news.last_arrival(db))


@pytest.fixture
async def desk(database: Database, clock: FrozenClock, tmp_path: Path) -> AsyncIterator[Desk]:
    async with Cage() as cage:
        yield Desk(database, clock, tmp_path, cage)


async def test_the_demo_feeds_are_announced_and_found_unchanged_afterwards(
    database: Database, clock: FrozenClock
) -> None:
    async with database.transaction() as db:
        for file in sorted(DEMO.glob("*.xml")):
            await news.add_feed(db, str(file), kind="news", announce_first=True)
    first = await news.poll(database, Fetcher(), clock)
    assert [(r.new, r.waiting, r.history, r.error) for r in first] == [(19, 0, 0, None), (11, 0, 0, None)]
    again = await news.poll(database, Fetcher(), clock)
    assert [(r.new, r.changed) for r in again] == [(0, 0), (0, 0)]
    async with database.reading() as db:
        offered = await choices.read(db)
        last = await news.last_arrival(db)
        items = await news.arrived(db, 0, last)
        assert len(await news.arrived(db, 10, 12)) == 2
    assert last == len(items) == 30
    peru = next(item for item in items if "Peru" in item.texts["en"].title)
    assert [offered.all_regions[r].label for r in peru.regions] == ["LAC"]
    assert offered.all_kinds[peru.kind_id].code == "news"
    assert str(peru.published_on) == "2022-11-03"


async def test_the_first_poll_is_history_and_what_comes_later_is_announced(desk: Desk) -> None:
    await desk.feed()
    first = await desk.poll(entry(1, "News"), entry(2, "News"))
    assert (first.history, first.new) == (2, 0)
    assert await desk.arrived() == []
    second = await desk.poll(entry(3, "News", "LAC"), entry(1, "News"), entry(2, "News"))
    assert (second.history, second.new) == (0, 1)
    assert [one.texts["en"].title for one in await desk.arrived()] == ["Title 3"]
    async with desk.database.reading() as db:
        assert len(await news.latest(db, 10)) == 3
        lac = (await choices.read(db)).region("lac")
        assert lac is not None
        assert [one.regions for one in await news.latest(db, 1, regions=[lac.id])] == [(lac.id,)]


async def test_an_item_has_all_its_regions_and_is_for_everyone_without_one(desk: Desk) -> None:
    await desk.feed(announce_first=True)
    await desk.poll(entry(1, "Event", "Asia", "EECA"), entry(2, "News"), entry(3, "Global", "News"))
    global_, bare, both = await desk.arrived()
    assert len(both.regions) == 2
    assert not both.everyone
    assert bare.everyone
    assert global_.everyone


async def test_the_defaults_of_the_feed_count_where_an_item_names_none(desk: Desk) -> None:
    await desk.feed(announce_first=True, kind="blog", region="africa")
    await desk.poll(entry(1), entry(2, "Event", "Asia"))
    named, bare = await desk.arrived()
    async with desk.database.reading() as db:
        offered = await choices.read(db)
    assert [offered.all_kinds[one.kind_id].code for one in (named, bare)] == ["events", "blog"]
    assert [offered.all_regions[one.regions[0]].code for one in (named, bare)] == ["asia", "africa"]


async def test_an_unknown_label_is_shown_and_its_item_waits_until_it_is_explained(desk: Desk) -> None:
    await desk.feed(announce_first=True)
    report = await desk.poll(entry(1, "News", "Balkans"))
    assert (report.new, report.waiting, report.unknown) == (0, 1, ("Balkans",))
    assert await desk.arrived() == []
    async with desk.database.transaction() as db:
        assert await choices.unknown_labels(db) == ["Balkans"]
        europe = (await choices.read(db)).region("europe")
        assert europe is not None
        with pytest.raises(ValueError, match="say what it means"):
            await news.explain_label(db, "Balkans", Meaning(), desk.clock())
        ready = await news.explain_label(db, "balkans", Meaning(region_id=europe.id), desk.clock())
    (one,) = await desk.arrived()
    assert (one.id, one.regions, one.arrival) == (ready[0], (europe.id,), 1)


async def test_a_label_that_a_new_file_of_choices_explains_lets_its_items_go(desk: Desk) -> None:
    await desk.feed(announce_first=True)
    await desk.poll(entry(1, "News", "Balkans"))
    async with desk.database.transaction() as db:
        await choices.say_label(db, "Balkans", Meaning(ignored=True))
    await desk.poll(entry(1, "News", "Balkans"))
    assert len(await desk.arrived()) == 1


async def test_an_edited_item_keeps_its_number_and_shows_its_new_words(desk: Desk) -> None:
    await desk.feed(announce_first=True)
    await desk.poll(entry(1))
    report = await desk.poll(entry(1, title="Mended", teaser="Better."))
    assert (report.new, report.changed) == (0, 1)
    (one,) = await desk.arrived()
    text = one.texts["en"]
    assert (text.title, text.teaser, text.arrival) == ("Mended", "Better.", 1)


async def test_the_same_item_in_two_feeds_is_one(desk: Desk) -> None:
    await desk.feed(announce_first=True)
    await desk.feed("other.xml", announce_first=True)
    await desk.poll(entry(1))
    report = await desk.poll(entry(1, link="http://www.example.org/1/?utm_source=x"), name="other.xml")
    assert (report.new, report.changed) == (0, 0)
    assert len(await desk.arrived()) == 1


async def test_a_year_of_edits_and_rebuilds_announces_each_item_once(desk: Desk) -> None:
    await desk.feed(announce_first=True)
    for day in range(1, 26):
        window = [
            entry(
                n,
                "News",
                teaser=f"Teaser, version {day // 7}.",
                link=f"https://example.org/{n}?utm_campaign={day}",
            )
            for n in range(max(1, day - 9), day + 1)
        ]
        await desk.poll(*(text.replace("'>g", f"'>{day // 10}-g") for text in window))
    assert sorted(one.arrival for one in await desk.arrived()) == list(range(1, 26))


async def test_an_item_whose_link_is_mended_is_announced_then(desk: Desk) -> None:
    await desk.feed(announce_first=True)
    report = await desk.poll(entry(1, link="javascript:alert(1)"), entry(2))
    assert (report.new, len(report.skipped)) == (1, 1)
    assert (await desk.poll(entry(1), entry(2))).new == 1


async def test_the_language_is_one_on_offer(desk: Desk) -> None:
    await desk.feed(announce_first=True, language="fr-BE")
    (desk.folder / "feed.xml").write_text(
        f"<rss version='2.0'><channel><language>en-us</language>{entry(1)}</channel></rss>"
    )
    await news.poll(desk.database, Fetcher(), desk.clock, languages=("en", "fr"))
    assert list((await desk.arrived())[0].texts) == ["fr"]


async def test_a_bad_feed_is_told_and_stops_no_other(desk: Desk) -> None:
    names = ["page.xml", "empty.xml", "dtd.xml", "good.xml", "gone.xml"]
    for name in names:
        await desk.feed(name, announce_first=True)
    (desk.folder / "page.xml").write_text("<!DOCTYPE html><html></html>")
    (desk.folder / "dtd.xml").write_text("<!DOCTYPE rss [<!ENTITY a 'b'>]><rss></rss>")
    (desk.folder / "gone.xml").unlink()
    report = await desk.poll(entry(1), name="good.xml")
    assert report.new == 1
    async with desk.database.reading() as db:
        errors = {Path(feed.url).name: feed.error for feed in await news.list_feeds(db)}
    assert errors["good.xml"] is None
    assert [
        word in (errors[name] or "") for name, word in zip(names, ("web page", "empty", "DTD"), strict=False)
    ] == [True] * 3
    assert "can't be read" in (errors["gone.xml"] or "")


async def test_a_failing_feed_is_not_due_again_before_its_time(desk: Desk) -> None:
    await desk.feed()
    (desk.folder / "feed.xml").write_text("")
    for pause in (60, 120, 240):
        (report,) = await news.poll(
            desk.database, Fetcher(), desk.clock, due_only=True, jitter=lambda: 0.0, cage=desk.cage
        )
        assert report.error
        desk.clock.move(minutes=pause - 1)
        assert await news.poll(desk.database, Fetcher(), desk.clock, due_only=True) == []
        desk.clock.move(minutes=1)


async def test_a_feed_on_the_web_is_asked_only_for_what_changed(desk: Desk) -> None:
    async with web() as site:
        text = f"<rss version='2.0'><channel>{entry(1)}</channel></rss>".encode()
        site.answers["/feed"] = answer(text, ETag='"1"')
        async with desk.database.transaction() as db:
            await news.add_feed(db, site.url("/feed"), announce_first=True)
        (first,) = await news.poll(desk.database, LOCAL, desk.clock, cage=desk.cage)
        site.answers["/feed"] = b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"
        (second,) = await news.poll(desk.database, LOCAL, desk.clock, cage=desk.cage)
    assert (first.new, second.unchanged, second.error) == (1, True, None)
    assert site.asked[1][1]["if-none-match"] == '"1"'


async def test_numbers_are_given_in_order_when_many_poll_at_a_time(desk: Desk) -> None:
    for number in range(4):
        await desk.feed(f"{number}.xml", announce_first=True)
        entries = [
            entry(n, link=f"https://example.org/{number}/{n}", title=f"{number} {n}") for n in range(1, 9)
        ]
        (desk.folder / f"{number}.xml").write_text(
            f"<rss version='2.0'><channel>{''.join(entries)}</channel></rss>"
        )
    await asyncio.gather(*(news.poll(desk.database, Fetcher(), desk.clock) for _ in range(2)))
    async with desk.database.reading() as db:
        numbers = list(
            (await db.execute(select(item_text.c.arrival).order_by(item_text.c.arrival))).scalars()
        )
        assert len(list(await db.execute(select(item.c.id)))) == 32
    assert numbers == list(range(1, 33))


async def test_a_feed_can_be_changed_and_removed_and_keeps_its_items(desk: Desk) -> None:
    await desk.feed(announce_first=True)
    await desk.poll(entry(1))
    await desk.feed(kind="events")
    async with desk.database.transaction() as db:
        (feed,) = await news.list_feeds(db)
        assert not feed.announce_first
        await news.remove_feed(db, str(desk.folder / "feed.xml"))
        assert await news.list_feeds(db) == []
        with pytest.raises(FeedError, match="no feed"):
            await news.remove_feed(db, "https://example.org/")
    assert len(await desk.arrived()) == 1


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        ("nowhere.xml", {}, "no file"),
        ("ftp://example.org/x", {}, "not a web address"),
        ("https://example.org/x", {"kind": "gossip"}, "no kind 'gossip'; write one of news, events"),
        ("https://example.org/x", {"region": "moon"}, "no region 'moon'; write one of africa"),
        ("https://example.org/x", {"language": "klingon"}, "no language"),
    ],
)
async def test_a_feed_that_cannot_be_added_says_what_to_write(
    database: Database, source: str, options: dict[str, str], words: str
) -> None:
    async with database.transaction() as db:
        with pytest.raises(FeedError, match=words):
            await news.add_feed(db, source, **options)  # type: ignore[arg-type]

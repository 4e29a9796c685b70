"""What a poll makes of feeds: announced once, known again, waiting, or history."""

from pathlib import Path

from mailer import choices, news
from mailer.database import Database
from mailer.tools.http_fetch import Fetcher
from tests.conftest import FrozenClock

DEMO = Path(news.__file__).parent.parent / "demo_news"


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

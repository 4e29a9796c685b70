"""A reader pauses until a date."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailer.settings import Settings
from mailer.subscribers import readers, release
from tests.conftest import make_settings
from tests.subscribers.conftest import Visitor, path


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url=database_url, data_dir=tmp_path, offer_pause=True)


async def test_a_reader_pauses_until_a_date_and_then_goes_on(visitor: Visitor) -> None:
    number = await visitor.join()
    before = await visitor.person()
    link = path(visitor.links.preferences(number))
    page = await visitor.post(f"{link}/pause", data={"until": "2026-12-24"})
    assert "December 24, 2026" in page.text
    assert (await visitor.person())["paused_until"] == datetime(2026, 12, 24, tzinfo=UTC)
    assert await visitor.rows(readers("weekly")) == []
    assert (await visitor.acts())[-1] == "changed"
    visitor.clock.now = datetime(2026, 12, 23, 23, 59, tzinfo=UTC)
    await release(visitor.database, visitor.settings, visitor.clock())
    assert await visitor.rows(readers("weekly")) == []
    visitor.clock.move(minutes=1)
    await release(visitor.database, visitor.settings, visitor.clock())
    assert await visitor.person() == before
    assert len(await visitor.rows(readers("weekly"))) == 1


async def test_a_break_ends_at_once_by_a_button_or_by_confirming_anew(visitor: Visitor) -> None:
    number = await visitor.join()
    link = path(visitor.links.preferences(number))
    await visitor.post(f"{link}/pause", data={"until": "2026-12-24"})
    await visitor.post(f"{link}/pause", data={"on": "1"})
    assert (await visitor.person())["paused_until"] is None
    await visitor.post(f"{link}/pause", data={"until": "2026-12-24"})
    visitor.clock.move(days=2)
    await visitor.join()
    assert (await visitor.person())["paused_until"] is None


@pytest.mark.parametrize("until", ["", "soon", "2026-11-23", "2020-01-01", "2028-01-01", "2026-12-24' --"])
async def test_a_break_needs_a_day_within_a_year(visitor: Visitor, until: str) -> None:
    number = await visitor.join()
    before = await visitor.everything()
    answer = await visitor.post(path(visitor.links.preferences(number)) + "/pause", data={"until": until})
    assert answer.status_code == 422
    assert "Choose a day" in answer.text
    assert await visitor.everything() == before

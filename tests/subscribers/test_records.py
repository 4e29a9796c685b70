"""Looking people up."""

import csv
import io

import pytest

from mailer import choices
from mailer.subscribers import COLUMNS, UnknownWord, csv_line, find, list_subscribers, segment, show, store
from mailer.tools.address import AddressError
from tests.subscribers.conftest import Visitor, path


async def listed(visitor: Visitor, **words: str) -> list[str]:
    async with visitor.database.reading() as db:
        wanted = segment(await choices.read(db), **words)
        return [row["address"].split("@")[0] async for row in list_subscribers(db, wanted)]


async def cast(visitor: Visitor) -> None:
    await visitor.join("alice@example.org", region=["lac"], kind=["events"], frequency="monthly")
    await visitor.sign_up("bob@example.org", region=["lac"])
    carol = await visitor.join("carol@example.org", region=["asia"])
    await visitor.post(path(visitor.links.unsubscribe(carol)))
    await visitor.join("erin@example.org")


async def test_it_lists_those_who_fit_all_that_is_asked(visitor: Visitor) -> None:
    await cast(visitor)
    assert await listed(visitor) == ["alice", "bob", "carol", "erin"]
    assert await listed(visitor, status="confirmed") == ["alice", "erin"]
    assert await listed(visitor, status="pending") == ["bob"]
    assert await listed(visitor, region="LAC", status="confirmed") == ["alice", "erin"]
    assert await listed(visitor, region="Latin America and the Caribbean") == ["alice", "erin"]
    assert await listed(visitor, region="asia") == ["carol", "erin"]
    assert await listed(visitor, kind="blog") == ["carol", "erin"]
    assert await listed(visitor, frequency="monthly") == ["alice"]
    assert await listed(visitor, language="en", status="confirmed") == ["alice", "erin"]


@pytest.mark.parametrize("words", [{"region": "Atlantis"}, {"kind": "gossip"}, {"status": "happy"}])
async def test_an_unknown_word_is_named_with_those_that_are_known(
    visitor: Visitor, words: dict[str, str]
) -> None:
    with pytest.raises(UnknownWord, match="there are"):
        await listed(visitor, **words)


async def test_a_long_list_is_read_page_by_page(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_PAGE", 3)
    names = [f"reader{number}" for number in range(9)]
    for name in names:
        await visitor.join(f"{name}@example.org")
    assert await listed(visitor, status="confirmed") == names


async def test_a_row_is_in_words_that_last(visitor: Visitor) -> None:
    await cast(visitor)
    async with visitor.database.reading() as db:
        wanted = segment(await choices.read(db))
        rows = [row async for row in list_subscribers(db, wanted)]
    assert tuple(rows[0]) == COLUMNS
    assert (rows[0]["regions"], rows[0]["kinds"], rows[0]["confirmed_at"]) == (
        "lac",
        "events",
        "2026-11-23T09:00:00+00:00",
    )
    assert (rows[1]["regions"], rows[3]["regions"]) == ("", "all")


@pytest.mark.parametrize("cell", ["=1+1", "+a@example.org", "-2", "@x", "\tx", "\rx", "=x"])
def test_no_cell_is_run_as_a_formula(cell: str) -> None:
    """W07: the apostrophe is what spreadsheets take for "this is text"."""
    line = csv_line([cell, 'a "quoted", one'])
    assert line.endswith("\r\n")
    assert next(csv.reader(io.StringIO(line, newline=""))) == [f"'{cell}", 'a "quoted", one']


async def test_show_tells_everything_with_the_words_that_were_agreed_to(visitor: Visitor) -> None:
    await cast(visitor)
    async with visitor.database.reading() as db:
        known = await show(db, "ALICE@example.org")
        assert await show(db, "nobody@example.org") is None
        assert await find(db, "nobody@example.org") is None
        with pytest.raises(AddressError):
            await find(db, "nonsense")
    assert known is not None
    assert known["choice"]["regions"] == ["lac"]
    assert [row["act"] for row in known["consent"]] == ["asked", "confirmed"]
    assert "Example Facility" in known["consent"][1]["wording"]
    assert known["consent"][1]["form"] == "https://news.example.org/"
    assert known["signups"][0]["network"] == "192.0.2.0/24"

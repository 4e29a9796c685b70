"""The caged process: nothing that it reads can hang it for long, fill the memory, or bring it down for the next one."""

from pathlib import Path

import pytest

from mailer.news.cage import Cage
from mailer.news.decode import NotReadable
from tests.news.test_parse import RSS2


async def test_one_process_reads_many_documents() -> None:
    async with Cage() as cage:
        for number in range(5):
            feed = await cage.feed(RSS2.replace(b"Same", b"No %d" % number), "https://example.org/")
            assert feed.drafts[0].title == f"No {number}"
            with pytest.raises(NotReadable, match="empty"):
                await cage.feed(b"", "")


async def test_a_document_that_takes_too_long_costs_only_itself() -> None:
    huge = (
        b"<rss version='2.0'><channel>"
        + b"<item><title>T</title><link>/1</link></item>" * 100_000
        + b"</channel></rss>"
    )
    async with Cage(seconds=0.4) as cage:
        with pytest.raises(NotReadable, match=r"longer than 0\.4 seconds"):
            await cage.feed(huge, "https://example.org/")
        cage.seconds = 20
        assert (await cage.feed(RSS2, "")).drafts


async def test_a_document_that_takes_too_much_memory_costs_only_itself() -> None:
    huge = (
        b"<rss version='2.0'><channel><item><title>" + b"T" * 30_000_000 + b"</title></item></channel></rss>"
    )
    async with Cage(megabytes=200) as cage:
        with pytest.raises(NotReadable, match="memory"):
            await cage.feed(huge, "https://example.org/")
        assert (await cage.feed(RSS2, "")).drafts


@pytest.mark.corpus
async def test_no_file_of_the_corpus_hangs_or_breaks_it(corpus: Path) -> None:
    files = [file for file in sorted((corpus / "feeds").rglob("*")) if file.is_file()]
    read, stopped = 0, []
    async with Cage(seconds=2, megabytes=512) as cage:
        for file in files:
            try:
                feed = await cage.feed(file.read_bytes(), "https://example.org/feed")
            except NotReadable as error:
                stopped += [file] if "so we stopped" in str(error) else []
                continue
            read += 1
            assert all(d.title and d.url.startswith(("http://", "https://")) for d in feed.drafts), file
    assert stopped == []
    assert len(files) > 2000
    assert read > 1500


@pytest.mark.corpus
async def test_no_bomb_and_no_external_entity_is_read(corpus: Path) -> None:
    async with Cage(seconds=2) as cage:
        for file in (corpus / "feeds" / "hostile").glob("*.xml"):
            with pytest.raises(NotReadable):
                await cage.feed(file.read_bytes(), "https://example.org/feed")

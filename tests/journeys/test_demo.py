"""The demo's way, from the sign-up form to the digest in the inbox, as `make demo ONCE=1` goes it."""

import dataclasses
import io
from pathlib import Path

import pytest
from rich.console import Console

from mailer.demo import demo
from mailer.demo.cast import CAST, Fate
from mailer.demo.check import check, stories
from mailer.demo.inbox import Inbox
from mailer.demo.run import FEEDS


@pytest.fixture
def screen() -> Console:
    return Console(file=io.StringIO(), width=200)


def said(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


async def test_everybody_gets_exactly_what_they_chose_and_the_second_run_sends_nothing(
    tmp_path: Path, screen: Console
) -> None:
    assert await demo(tmp_path, screen, once=True), said(screen)
    mails = Inbox(tmp_path / "inbox").mails()
    assert len([mail for mail in mails if mail.is_digest]) == 20
    assert "27 readers signed up" in said(screen)

    assert await demo(tmp_path, screen, once=True), said(screen)
    assert "nothing new to send" in said(screen)
    assert len(Inbox(tmp_path / "inbox").mails()) == len(mails)

    # The self-check is no rubber stamp: it sees a wrong item, a missing letter, a doubled one and a stranger.
    told, digest = stories(FEEDS), next(mail for mail in mails if mail.is_digest)
    assert check(CAST, told, mails) == []
    assert check(CAST, [*told, dataclasses.replace(told[0], title="Not sent", regions=frozenset())], mails)
    assert check(CAST, told, [mail for mail in mails if mail is not digest])
    assert check(CAST, told, [*mails, digest])
    late = next(reader for reader in CAST if reader.fate is Fate.UNCONFIRMED)
    assert check(CAST, told, [*mails, dataclasses.replace(digest, recipient=late.address)])
    assert check(CAST, told, [*mails, dataclasses.replace(digest, recipient="eve@elsewhere.example")])


async def test_the_check_reads_the_feeds_by_itself() -> None:
    told = stories(FEEDS)
    assert len(told) == 30
    peru = next(story for story in told if "Peru" in story.title)
    assert (peru.kind, peru.regions) == ("news", frozenset({"lac"}))
    assert next(story for story in told if "4th Future Forum" in story.title).regions == frozenset()

"""An operator at the command line: the real program, in this process, with settings from the environment."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvloop
from sqlalchemy import select

from mailer.cli import main
from mailer.database import Database
from mailer.subscribers import Wish, store
from mailer.tables import ledger
from tests.subscribers.people import meet

FEED = Path(__file__).resolve().parent.parent.parent / "mailer" / "demo_news" / "eudif.rss.xml"


@dataclass
class Said:
    """What a command answered. words: everything that it wrote, on one line."""

    status: int
    out: str
    err: str

    @property
    def words(self) -> str:
        return " ".join((self.out + self.err).split())


class Operator:
    """Types commands."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str], url: str) -> None:
        self.patch = patch
        self.capture = capture
        self.url = url
        self.set(database_url=url)

    def set(self, **settings: str) -> None:
        for name, value in settings.items():
            self.patch.setenv(f"MAILER_{name.upper()}", value)

    def types(self, *command: str) -> Said:
        self.patch.setattr(sys, "argv", ["mailer", *command])
        self.capture.readouterr()
        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        said = self.capture.readouterr()
        return Said(status, said.out, said.err)

    def has_readers(self, addresses: Iterable[str], frequency: str = "weekly") -> None:
        """Confirmed readers of everything, as a sign-up would have left them."""

        async def seed() -> None:
            database, now = Database(self.url), datetime.now(UTC)
            async with database.transaction() as db:
                wish = await store.keep_wish(db, Wish((), (), ("en",), frequency))
                for address in addresses:
                    person = await meet(db, address, now)
                    await store.accept(db, person.id, wish, now)
            await database.close()

        uvloop.run(seed())

    def ledger(self) -> dict[str, str]:
        """What became of the letter to each address."""

        async def read() -> dict[str, str]:
            database = Database(self.url)
            async with database.reading() as db:
                rows = await db.execute(select(ledger.c.address, ledger.c.status).order_by(ledger.c.id))
                found = {row.address: row.status for row in rows}
            await database.close()
            return found

        return uvloop.run(read())

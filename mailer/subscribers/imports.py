"""Takes over an old list: who left first, then only those for whom there is a right, in stages.

`examine` says what would happen, `take` does it, `undo` takes a whole import back. Known people are never
changed: who left here, or was stopped, or erased, stays so.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import choices
from mailer.choices import Choices
from mailer.database import Database
from mailer.settings import Settings
from mailer.subscribers import import_store, rights_store, store
from mailer.subscribers.consent import in_codes
from mailer.subscribers.forms import filled, read_wish
from mailer.subscribers.import_plan import Fate, Plan, Report
from mailer.subscribers.import_store import Newcomer
from mailer.subscribers.old_list import Row, Standing
from mailer.subscribers.privacy import PersonalData, Reason, forget, hashed, suppress
from mailer.subscribers.proof import seal, take_turn
from mailer.subscribers.status import Status
from mailer.subscribers.unsubscribe import unsubscribe
from mailer.subscribers.wish import Wish
from mailer.tools.address import Address, AddressError, parse

T = TypeVar("T")

_GROUP = 500
"""Rows looked at, and people added, in one transaction."""

_PERIOD = {"immediate": 1, "daily": 1, "weekly": 7, "monthly": 31}
"""Days between two digests: so far apart are the stages of the first sends."""


async def examine(database: Database, settings: Settings, plan: Plan, now: datetime) -> Report:
    """What `take` would do; nothing is changed."""
    return await _Import(database, settings, plan, now).run(None)


async def take(
    database: Database, settings: Settings, plan: Plan, now: datetime, *, last_arrival: int
) -> Report:
    """Import. last_arrival: what came before isn't news to them. An import that was interrupted is just repeated."""
    async with database.transaction() as db:
        number = await import_store.open_import(
            db, plan.people.file.name, plan.people.hash, str(plan.basis), plan.evidence, plan.actor, now
        )
    report = await _Import(database, settings, plan, now, last_arrival).run(number)
    report.number = number
    return report


async def undo(
    database: Database, rooms: Sequence[PersonalData], number: int, now: datetime
) -> tuple[int, int] | None:
    """(forgotten, kept) of an import; None where there is none of this number.

    Kept is who confirmed, changed or ended something by themselves since. Opt-outs stay opt-outs.
    """
    forgotten = 0
    while True:
        async with database.transaction() as db:
            if not await import_store.close_import(db, number, now):
                return None
            await take_turn(db)
            people = await import_store.untouched(db, number, _GROUP)
            await forget(db, rooms, people, now)
            if not people:
                return forgotten, await import_store.count_imported(db, number)
        forgotten += len(people)


class _Import:
    """One pass over the list. With a number it writes; without, it only looks."""

    def __init__(
        self, database: Database, settings: Settings, plan: Plan, now: datetime, last_arrival: int = 0
    ) -> None:
        self.database = database
        self.settings = settings
        self.plan = plan
        self.now = now
        self.last_arrival = last_arrival
        self.report = Report()
        self.seen: set[str] = set()
        self.placed = Counter[Fate]()
        self.audiences: dict[Wish, int] = {}

    async def run(self, number: int | None) -> Report:
        async with self.database.reading() as db:
            offered = await choices.read(db)
        out = self._opted_out()
        for keys in _groups(sorted(out)):
            await self._let_go(keys, number)
        for rows in _groups(self.plan.people.rows()):
            if number is None:
                async with self.database.reading() as db:
                    await self._sort(db, rows, out, offered)
            else:
                async with self.database.transaction() as db:
                    newcomers = await self._sort(db, rows, out, offered)
                    await self._add(db, number, newcomers, offered)
        return self.report

    def _opted_out(self) -> dict[str, int]:
        """Everybody who left, by either file: address key → line."""
        out: dict[str, int] = {}
        lists = [(self.plan.people, False)] + ([(self.plan.opt_outs, True)] if self.plan.opt_outs else [])
        for source, is_all_out in lists:
            for row in source.rows():
                if is_all_out or row.standing is Standing.OUT:
                    try:
                        out.setdefault(parse(row.address).key, row.line)
                    except AddressError as error:
                        if is_all_out:
                            self.report.remarks.append((row.line, f"of the opt-outs: {error}"))
        return out

    async def _let_go(self, keys: Sequence[str], number: int | None) -> None:
        """Opt-outs come first, so that whatever happens later, none of them comes back."""
        if number is None:
            return
        async with self.database.transaction() as db:
            await suppress(db, self.settings.keyring, keys, Reason.OPTED_OUT, self.now)
            for person in await import_store.imported_among(db, keys):
                await unsubscribe(db, person, self.now, actor=f"import:{number}")

    async def _sort(
        self, db: AsyncConnection, rows: Sequence[Row], out: dict[str, int], offered: Choices
    ) -> list[Newcomer]:
        """Say what becomes of each row; returns those who are new."""
        parsed = [(row, _read(row.address)) for row in rows]
        keys = [address.key for _, address in parsed if isinstance(address, Address)]
        known = await import_store.known(db, keys)
        hashes = {key: hashed(self.settings.keyring, key) for key in keys}
        suppressed = await rights_store.suppressed(db, list(hashes.values()))
        newcomers = []
        for row, address in parsed:
            if isinstance(address, str):
                self.report.add(row, Fate.INVALID, address)
                continue
            is_new = address.key not in self.seen
            self.seen.add(address.key)
            if address.key in out:
                self._report_opted_out(row, known.get(address.key))
            elif not is_new:
                self.report.add(row, Fate.REPEATED)
            elif address.key in known:
                self.report.add(row, Fate.KNOWN)
            elif reason := suppressed.get(hashes[address.key]):
                self.report.add(row, Fate.SUPPRESSED, f"suppressed: {reason}")
            elif newcomer := self._newcomer(row, address, offered):
                newcomers.append(newcomer)
        return newcomers

    def _report_opted_out(self, row: Row, status: Status | None) -> None:
        remark = (
            "opted out there, but confirmed here since: see to it by hand"
            if status is Status.CONFIRMED
            else ""
        )
        self.report.add(row, Fate.OPTED_OUT, remark)

    def _newcomer(self, row: Row, address: Address, offered: Choices) -> Newcomer | None:
        if row.standing is Standing.UNCLEAR:
            self.report.add(row, Fate.INVALID, f"nobody knows what the status {row.status!r} means: left out")
            return None
        wish = read_wish(filled(row.choice), offered, self.settings.language_list)
        if isinstance(wish, list):
            self.report.add(row, Fate.INVALID, f"not on offer: the {wish[0].field} of this row")
            return None
        confirmed_at = row.confirmed_at
        is_proven = row.standing is Standing.IN and confirmed_at is not None and confirmed_at <= self.now
        fate = Fate.READER if is_proven else Fate.HELD
        self.report.add(row, fate, "" if is_proven else _why_held(row))
        return Newcomer(
            row.line,
            address,
            wish,
            row.confirmed,
            confirmed_at if is_proven else None,
            self._turn(fate, wish),
        )

    def _turn(self, fate: Fate, wish: Wish) -> datetime | None:
        """When this one's first letter may go; None: never by itself. Each stage is a mixture of the whole list."""
        if fate is Fate.HELD and not self.plan.reconfirm:
            return None
        stage = self.placed[fate] % self.plan.stages
        self.placed[fate] += 1
        days = _PERIOD.get(wish.frequency, 7) if fate is Fate.READER else 1
        return self.now + timedelta(days=stage * days)

    async def _add(
        self, db: AsyncConnection, number: int, newcomers: Sequence[Newcomer], offered: Choices
    ) -> None:
        for wish in {newcomer.wish for newcomer in newcomers} - self.audiences.keys():
            self.audiences[wish] = await store.keep_wish(db, wish)
        ids = await import_store.add_people(
            db, number, newcomers, self.audiences, self.now, news_after=self.last_arrival
        )
        about = {
            "basis": str(self.plan.basis),
            "evidence": self.plan.evidence,
            "file": self.plan.people.file.name,
        }
        rows = [
            (
                ids[newcomer.address.key],
                {
                    **about,
                    **in_codes(newcomer.wish, offered),
                    "line": newcomer.line,
                    "confirmed": newcomer.given,
                },
            )
            for newcomer in newcomers
            if newcomer.address.key in ids  # not if they signed up by themselves a moment ago
        ]
        await import_store.record_imported(db, rows, f"import:{number}", self.now)
        await seal(db)


def _why_held(row: Row) -> str:
    """Worth a remark only where there seems to be evidence."""
    if not row.confirmed:
        return ""
    return "never confirmed there" if row.standing is Standing.WAITING else f"no past date: {row.confirmed!r}"


def _read(text: str) -> Address | str:
    """The address, or what is wrong with it."""
    try:
        address = parse(text)
    except AddressError as error:
        return f"{text[:60]!r}: {error}"
    return address if address.is_read else f"{text[:60]!r}: nobody reads this mailbox"


def _groups(items: Iterable[T]) -> Iterator[list[T]]:
    source = iter(items)
    while group := list(islice(source, _GROUP)):
        yield group

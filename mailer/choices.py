"""What the operator offers: regions, kinds, schedules, and which labels of feeds mean them.

In goes a TOML file (`mailer choices load`), out comes a `Choices` value that forms, mails and the news
mapping read. The tables are the truth; a fresh database begins with `templates/choices.toml`.
It knows neither items nor subscribers, only their numbers.
"""

import asyncio
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer.database import Database
from mailer.tables import kind, label, region, schedule
from mailer.tools.templates import templates_folder

FREQUENCIES = ("immediate", "daily", "weekly", "monthly")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)


class ChoicesError(ValueError):
    """The file can't be taken; the message says where and what to write. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Region:
    id: int
    code: str
    label: str
    names: Mapping[str, str]

    def name(self, language: str) -> str:
        return _in_language(self.names, language)


@dataclass(frozen=True, slots=True)
class Kind:
    id: int
    code: str
    names: Mapping[str, str]

    def name(self, language: str) -> str:
        return _in_language(self.names, language)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a frequency is due, in local time. weekday: 0 is Monday."""

    frequency: str
    hour: int
    weekday: int | None = None
    day: int | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a feed's label means. All empty: nobody has said yet."""

    kind_id: int | None = None
    region_id: int | None = None
    everyone: bool = False
    ignored: bool = False

    @property
    def known(self) -> bool:
        return bool(self.kind_id or self.region_id or self.everyone or self.ignored)


@dataclass(frozen=True, slots=True)
class Choices:
    """Everything on offer, in the operator's order. `all_*` hold retired ones too, for names in old mail."""

    regions: tuple[Region, ...]
    kinds: tuple[Kind, ...]
    schedules: tuple[Schedule, ...]
    labels: Mapping[str, Meaning]
    all_regions: Mapping[int, Region]
    all_kinds: Mapping[int, Kind]

    def region(self, code: str) -> Region | None:
        return next((r for r in self.regions if r.code == code), None)

    def kind(self, code: str) -> Kind | None:
        return next((k for k in self.kinds if k.code == code), None)

    def meaning(self, text: str) -> Meaning:
        return self.labels.get(label_key(text), Meaning())


def _in_language(names: Mapping[str, str], language: str) -> str:
    for wanted in (language, language.split("-")[0], "en"):
        if wanted in names:
            return names[wanted]
    return next(iter(names.values()))


def label_key(text: str) -> str:
    """By what a label is known again: case and white space don't count."""
    return " ".join(text.casefold().split())[:200]


async def read(db: AsyncConnection) -> Choices:
    regions = [
        (Region(row.id, row.code, row.label, row.names), row.retired)
        for row in await db.execute(select(region).order_by(region.c.position, region.c.id))
    ]
    kinds = [
        (Kind(row.id, row.code, row.names), row.retired)
        for row in await db.execute(select(kind).order_by(kind.c.position, kind.c.id))
    ]
    schedules = await db.execute(select(schedule).where(schedule.c.offered).order_by(schedule.c.position))
    labels = await db.execute(select(label))
    return Choices(
        regions=tuple(r for r, retired in regions if not retired),
        kinds=tuple(k for k, retired in kinds if not retired),
        schedules=tuple(Schedule(s.frequency, s.hour, s.weekday, s.day) for s in schedules),
        labels={row.key: Meaning(row.kind_id, row.region_id, row.everyone, row.ignored) for row in labels},
        all_regions={r.id: r for r, _ in regions},
        all_kinds={k.id: k for k, _ in kinds},
    )


class Offer:
    """What is on offer, kept for a second: forms ask for it with every request, and it hardly ever changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reading = asyncio.Lock()
        self._choices: Choices | None = None
        self._fresh_until = 0.0

    async def choices(self) -> Choices:
        async with self._reading:  # all who come while it is read wait for the same answer
            if self._choices is None or monotonic() > self._fresh_until:
                async with self._database.reading() as db:
                    self._choices = await read(db)
                self._fresh_until = monotonic() + 1
            return self._choices


async def note_unknown(db: AsyncConnection, texts: Iterable[str], now: datetime) -> None:
    """Remember labels that no mapping knows, so that `mailer news labels` shows them."""
    for text in texts:
        await _upsert(db, label, {"key": label_key(text)}, {"text": text[:200], "seen_at": now}, keep=True)


async def say_label(db: AsyncConnection, text: str, meaning: Meaning) -> None:
    """Set what a label means from now on."""
    values = {
        "text": text[:200],
        "kind_id": meaning.kind_id,
        "region_id": meaning.region_id,
        "everyone": meaning.everyone,
        "ignored": meaning.ignored,
    }
    await _upsert(db, label, {"key": label_key(text)}, values)


async def unknown_labels(db: AsyncConnection) -> list[str]:
    """Labels that were seen in feeds and wait for somebody to say what they mean."""
    nothing_said = (
        label.c.kind_id.is_(None) & label.c.region_id.is_(None) & ~label.c.everyone & ~label.c.ignored
    )
    return list((await db.execute(select(label.c.text).where(nothing_said).order_by(label.c.key))).scalars())


async def load_defaults(db: AsyncConnection) -> bool:
    """Fill an empty database from the file that comes with us; True if it was empty."""
    if (await db.execute(select(func.count()).select_from(schedule))).scalar_one():
        return False
    await load(db, (templates_folder() / "choices.toml").read_text("utf-8"))
    return True


async def load(db: AsyncConnection, toml: str) -> None:
    """Take a whole file: what it names is offered, in its order; what it leaves out is retired, never deleted.

    Labels are only added or changed. Raises ChoicesError before anything is written.
    """
    try:
        document = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise ChoicesError(f"this is not TOML: {error}") from None
    regions = _entries(document, "regions")
    kinds = _entries(document, "kinds")
    schedules = _schedules(document)
    await db.execute(update(region).values(retired=True))
    await db.execute(update(kind).values(retired=True))
    await db.execute(update(schedule).values(offered=False))
    for position, entry in enumerate(regions):
        values = {
            "label": entry.get("label", _in_language(entry["name"], "en")),
            "names": entry["name"],
            "position": position,
            "retired": False,
        }
        await _upsert(db, region, {"code": entry["code"]}, values)
        await _say_all(db, region, entry, "region_id")
    for position, entry in enumerate(kinds):
        values = {"names": entry["name"], "position": position, "retired": False}
        await _upsert(db, kind, {"code": entry["code"]}, values)
        await _say_all(db, kind, entry, "kind_id")
    for position, (frequency, when) in enumerate(schedules.items()):
        await _upsert(db, schedule, {"frequency": frequency}, {**when, "position": position, "offered": True})
    for text in document.get("everyone", []):
        await say_label(db, text, Meaning(everyone=True))
    for text in document.get("ignored", []):
        await say_label(db, text, Meaning(ignored=True))


async def _say_all(db: AsyncConnection, table: Any, entry: dict[str, Any], column: str) -> None:
    number = (await db.execute(select(table.c.id).where(table.c.code == entry["code"]))).scalar_one()
    texts = {
        label_key(text): text
        for text in (*entry.get("labels", []), entry.get("label", entry["code"]), *entry["name"].values())
    }
    for text in texts.values():
        await say_label(db, text, Meaning(**{column: number}))


def _entries(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = document.get(name, [])
    if not isinstance(entries, list) or not entries:
        raise ChoicesError(f"[[{name}]] is missing: name at least one, with code and name.en")
    seen: set[str] = set()
    for place, entry in enumerate(entries, 1):
        where = f"[[{name}]] number {place}"
        code = entry.get("code")
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            raise ChoicesError(f"{where}: code must be small letters, digits and hyphens, as 'lac'")
        if code in seen:
            raise ChoicesError(f"{where}: the code {code!r} stands twice")
        seen.add(code)
        names = entry.get("name")
        if isinstance(names, str):
            entry["name"] = names = {"en": names}
        if (
            not isinstance(names, dict)
            or not names
            or not all(isinstance(n, str) and n.strip() for n in names.values())
        ):
            raise ChoicesError(f"{where} ({code}): give it a name, as name.en = 'Latin America'")
        if not all(isinstance(text, str) and text.strip() for text in entry.get("labels", [])):
            raise ChoicesError(f"{where} ({code}): labels must be a list of words")
    return entries


def _schedules(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    given = document.get("schedules")
    if not isinstance(given, dict) or not given:
        raise ChoicesError("[schedules] is missing: write weekly = { weekday = 'monday', hour = 8 }")
    schedules: dict[str, dict[str, Any]] = {}
    for frequency, when in given.items():
        if frequency not in FREQUENCIES:
            raise ChoicesError(f"schedules: {frequency!r} is none of {', '.join(FREQUENCIES)}")
        hour, weekday, day = when.get("hour", 8), when.get("weekday"), when.get("day")
        if not isinstance(hour, int) or not 0 <= hour <= 23:
            raise ChoicesError(f"schedules.{frequency}: hour must be 0 to 23")
        if frequency == "weekly" and weekday not in _WEEKDAYS:
            raise ChoicesError("schedules.weekly: weekday must be monday, …, sunday")
        if frequency == "monthly" and (not isinstance(day, int) or not 1 <= day <= 28):
            raise ChoicesError("schedules.monthly: day must be 1 to 28")
        schedules[frequency] = {
            "hour": hour,
            "weekday": _WEEKDAYS.index(weekday) if frequency == "weekly" else None,
            "day": day if frequency == "monthly" else None,
        }
    return schedules


async def _upsert(
    db: AsyncConnection, table: Any, key: dict[str, Any], values: dict[str, Any], *, keep: bool = False
) -> None:
    insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    statement = insert(table).values(**key, **values)
    if keep:
        await db.execute(statement.on_conflict_do_nothing(index_elements=list(key)))
    else:
        await db.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))

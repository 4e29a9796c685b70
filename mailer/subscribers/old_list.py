"""Reads an old list: a CSV file as some other program wrote it → rows, one by one. It knows no database.

Encoding, separator and columns are found out; where that fails, the error says what to do.
"""

import csv
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

LARGEST = 50_000_000
"""Bytes of a file that we take. A million rows are about that many; more is a mistake."""


class ListError(ValueError):
    """The file can't be taken; the message says why and what to do."""


class Column(StrEnum):
    """What a column can be to us."""

    ADDRESS = "address"
    STATUS = "status"
    OPTED_OUT = "opted-out"  # filled in where somebody left
    CONFIRMED = "confirmed"  # when they confirmed: the evidence
    LANGUAGE = "language"
    FREQUENCY = "frequency"
    REGION = "region"
    KIND = "kind"


_HEADERS = {
    Column.ADDRESS: "address email emailaddress mail mailaddress eaddress subscriberemail courriel adresseemail "
    "correo correoelectronico emailadresse mailadresse",
    Column.STATUS: "status state subscriptionstatus memberstatus emailstatus",
    Column.OPTED_OUT: "optedout optout optoutat optoutdate optouttime unsubscribed unsubscribedat unsubscribedate "
    "unsubtime unsubdate unsubscribetime blocklisted blacklisted donotmail donotcontact",
    Column.CONFIRMED: "confirmed confirmedat confirmedon confirmtime confirmdate confirmationdate "
    "confirmationtime consent consentat consentdate consenttime consentgivenat doubleoptin doubleoptindate",
    Column.LANGUAGE: "language lang locale preferredlanguage",
    Column.FREQUENCY: "frequency",
    Column.REGION: "region regions",
    Column.KIND: "kind kinds topic topics",
}
_MEANS = {name: column for column, names in _HEADERS.items() for name in names.split()}

_IN = frozenset({"", "subscribed", "active", "confirmed", "enabled", "yes", "true", "1", "on"})
_WAITING = frozenset({"pending", "unconfirmed", "notconfirmed", "new", "nonsubscribed", "transactional"})
_OUT = frozenset(
    [
        "unsubscribed",
        "unsubscribe",
        "optedout",
        "optout",
        "cancelled",
        "canceled",
        "cleaned",
        "bounced",
        "hardbounce",
        "hardbounced",
        "complained",
        "complaint",
        "spam",
        "abuse",
        "suppressed",
        "blocked",
        "blocklisted",
        "blacklisted",
        "disabled",
        "inactive",
        "deleted",
        "removed",
        "no",
        "false",
        "0",
        "off",
        "archived",
    ]
)
_NOTHING = frozenset({"", "no", "false", "n", "null", "none", "off"})


class Standing(StrEnum):
    """What the old list says about somebody."""

    IN = "in"
    WAITING = "waiting"  # never confirmed there either
    OUT = "out"
    UNCLEAR = "unclear"  # a status that we don't know


@dataclass(frozen=True, slots=True)
class Row:
    """line: of the file, from 1. confirmed: as it stands there; choice: cells of the choice, split into words."""

    line: int
    address: str
    standing: Standing
    status: str
    confirmed: str
    choice: Mapping[str, tuple[str, ...]]

    @property
    def confirmed_at(self) -> datetime | None:
        """None where that is no date that we can read."""
        return read_date(self.confirmed)


@dataclass(frozen=True, slots=True)
class OldList:
    """A file that can be read. columns: by their places; hash: SHA-256 of the file."""

    file: Path
    encoding: str
    separator: str
    columns: Mapping[int, Column]
    has_header: bool
    hash: str

    def rows(self) -> Iterator[Row]:
        """Every line with an address, read one by one. Raises ListError where the file breaks off its own form."""
        with self.file.open(encoding=self.encoding, newline="") as stream:
            reader = csv.reader(stream, delimiter=self.separator)
            if self.has_header:
                next(reader)
            try:
                for cells in reader:
                    if any(cell.strip() for cell in cells):
                        yield _row(reader.line_num, cells, self.columns)
            except csv.Error as error:
                raise ListError(f"{self.file}, line {reader.line_num}: {error}") from None


def open_list(file: Path, named: Mapping[Column, str] | None = None) -> OldList:
    """Look at a file. named: headers that the operator has told us, by what they are. Raises ListError."""
    encoding, digest = _look_at(file)
    with file.open(encoding=encoding, newline="") as stream:
        first = stream.readline(100_000)
    separator = max(",;\t|", key=first.count)
    header = next(csv.reader([first.removesuffix("\n")], delimiter=separator), [])
    columns = _columns(header, named or {})
    if Column.ADDRESS in columns.values():
        return OldList(file, encoding, separator, columns, True, digest)
    if len(header) == 1 and "@" in header[0]:
        return OldList(file, encoding, separator, {0: Column.ADDRESS}, False, digest)
    if any("@" in cell for cell in header):
        raise ListError(
            f"{file}: its first line names no columns. Put one above it, such as email,status,confirmed."
        )
    there = ", ".join(repr(cell) for cell in header[:20]) or "nothing"
    raise ListError(
        f"{file}: no column of addresses; there is {there}. Say which with --column address=NAME."
    )


def read_date(text: str) -> datetime | None:
    """ISO 8601, or day first: 31.12.2023, 31/12/2023. Without a zone it is taken as UTC."""
    text = text.strip()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        day_first = re.match(r"(\d{1,2})[./](\d{1,2})[./](\d{4})\b", text)
        if day_first is None:
            return None
        day, month, year = map(int, day_first.groups())
        try:
            found = datetime(year, month, day, tzinfo=UTC)
        except ValueError:
            return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _look_at(file: Path) -> tuple[str, str]:
    """(encoding, SHA-256). Windows programs write UTF-16 with a mark, or their code page."""
    try:
        if file.stat().st_size > LARGEST:
            raise ListError(f"{file} is larger than {LARGEST // 1_000_000} MB. Split it.")
        data = file.read_bytes()
    except OSError as error:
        raise ListError(f"{file} can't be read: {error.strerror}.") from None
    digest = hashlib.sha256(data).hexdigest()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16", digest
    if data[:2] == b"PK" or b"\0" in data:
        raise ListError(f"{file} is no text. Save the list as CSV.")
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # latin-1 reads the five bytes that Windows' code page leaves open
        try:
            data.decode("cp1252")
        except UnicodeDecodeError:
            return "latin-1", digest
        return "cp1252", digest
    return "utf-8-sig", digest


def _columns(header: list[str], named: Mapping[Column, str]) -> dict[int, Column]:
    """The place of each column that we know; of two that mean the same, the first counts."""
    told = {name.strip().casefold(): column for column, name in named.items()}
    unknown = [
        name
        for name in named.values()
        if name.strip().casefold() not in {c.strip().casefold() for c in header}
    ]
    if unknown:
        raise ListError(f"no column is called {unknown[0]!r}; there are {', '.join(map(repr, header[:20]))}")
    found: dict[int, Column] = {}
    for place, cell in enumerate(header):
        column = told.get(cell.strip().casefold())
        if column is None and (guess := _MEANS.get(_plain(cell))) and guess not in named:
            column = guess
        if column is not None and column not in found.values():
            found[place] = column
    return found


def _row(line: int, cells: list[str], columns: Mapping[int, Column]) -> Row:
    by_column = {column: cells[place].strip() for place, column in columns.items() if place < len(cells)}
    choice = (Column.LANGUAGE, Column.FREQUENCY, Column.REGION, Column.KIND)
    return Row(
        line=line,
        address=by_column.get(Column.ADDRESS, ""),
        standing=_standing(by_column),
        status=by_column.get(Column.STATUS, "")[:80],
        confirmed=by_column.get(Column.CONFIRMED, "")[:80],
        choice={
            column.value: tuple(re.split(r"[\s;|,]+", by_column[column]))
            for column in choice
            if by_column.get(column)
        },
    )


def _standing(cells: Mapping[Column, str]) -> Standing:
    """Any sign of leaving counts more than all others."""
    status = _plain(cells.get(Column.STATUS, ""))
    left = _plain(cells.get(Column.OPTED_OUT, "")).strip("0")  # 0, 0000-00-00: nothing
    if status in _OUT or left not in _NOTHING:
        return Standing.OUT
    if status in _WAITING:
        return Standing.WAITING
    return Standing.IN if status in _IN else Standing.UNCLEAR


def _plain(text: str) -> str:
    """Letters and digits alone: `Opt-in Time` and `opt_in_time` are the same."""
    return re.sub(r"[\W_]+", "", text.casefold())

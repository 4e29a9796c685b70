"""Looking people up: for the command line, for an export, and for the person who asks what we know."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import choices
from mailer.subscribers import store
from mailer.subscribers.consent import in_codes
from mailer.subscribers.segments import Segment
from mailer.subscribers.status import Subscriber
from mailer.tools.address import parse

COLUMNS = (
    "address",
    "status",
    "regions",
    "kinds",
    "languages",
    "frequency",
    "created_at",
    "confirmed_at",
    "ended_at",
)


async def find(db: AsyncConnection, address: str) -> Subscriber | None:
    """The subscriber with this address. Raises AddressError where it can't be one."""
    return await store.find(db, parse(address).key)


async def list_subscribers(db: AsyncConnection, wanted: Segment) -> AsyncIterator[dict[str, str]]:
    """One row of COLUMNS for each that fits, in the order in which they came. Any number of them."""
    offered = await choices.read(db)
    audiences = await store.audiences(db)
    async for person in store.walk(db, wanted.status):
        audience = audiences.get(person.audience_id or 0)
        if not wanted.fits(audience):
            continue
        chosen = in_codes(audience, offered) if audience else {}
        yield {name: _cell({**asdict(person), **chosen}.get(name)) for name in COLUMNS}


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value) or "all"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return "" if value is None else str(value)


def csv_line(cells: list[str]) -> str:
    """One line of RFC 4180. A cell that a spreadsheet would run as a formula begins with an apostrophe."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([_harmless(cell) for cell in cells])
    return out.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r", "=", "+", "-", "@")) else cell


async def show(db: AsyncConnection, address: str) -> dict[str, Any] | None:
    """Everything that this room knows about a person, the record of consent with its words included."""
    person = await find(db, address)
    if person is None:
        return None
    offered = await choices.read(db)
    chosen = (
        in_codes(await store.audience_of(db, person.audience_id), offered) if person.audience_id else None
    )
    return {
        **asdict(person),
        "choice": chosen,
        "signups": await store.signups_of(db, person.id),
        "address_changes": await store.address_changes_of(db, person.id),
        "consent": await store.trail(db, person.id),
    }

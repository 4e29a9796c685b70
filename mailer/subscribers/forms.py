"""What was typed into a form → a wish, or what is wrong with which field. Rules only.

A field that isn't there (because there is nothing to choose, or in a form on somebody else's site) means
the whole offer, or its first entry.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from mailer.choices import Choices
from mailer.subscribers.wish import Wish
from mailer.tools.address import Address, AddressError, parse

Fields = Mapping[str, Sequence[str]]
"""Every value of each field, in the order of the form."""

_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]-]{1,120}")

PAUSE = timedelta(days=366)
"""Nobody pauses longer; they unsubscribe."""

TRAP = "homepage"
"""A field that people don't see. Programs fill it in."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What stands in a form: kept when it comes back with mistakes. regions, kinds: codes."""

    address: str = ""
    regions: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    language: str = ""
    frequency: str = ""


@dataclass(frozen=True, slots=True)
class Mistake:
    """reason: a Fault of an address, "unread" (nobody reads it), "unknown": a choice that isn't on offer, or
    "no date": none on which a pause can end.

    The page has the words.
    """

    field: str
    reason: str


def filled(fields: Fields) -> Filled:
    def one(name: str) -> str:
        return next(iter(fields.get(name, ())), "").strip()

    return Filled(
        address=one("address")[:1000],
        regions=tuple(fields.get("region", ())),
        kinds=tuple(fields.get("kind", ())),
        language=one("language"),
        frequency=one("frequency"),
    )


def filled_from(wish: Wish, offered: Choices) -> Filled:
    """The form as it shows a choice that was made before."""
    return Filled(
        regions=tuple(r.code for r in offered.regions if r.id in wish.regions),
        kinds=tuple(k.code for k in offered.kinds if k.id in wish.kinds),
        language=wish.languages[0],
        frequency=wish.frequency,
    )


def site_of(ours: str, fetch_site: str, origin: str) -> str:
    """The other site on whose page a form stood; "" for ours, "unknown" where the request doesn't say.

    ours, origin: as in the Origin header; fetch_site: Sec-Fetch-Site, which browsers send even where our
    Referrer-Policy makes Origin "null". Programs can lie in both, and gain nothing but the common budgets.
    """
    if fetch_site == "same-origin" or origin == ours:
        return ""
    return origin if _ORIGIN.fullmatch(origin) else "unknown"


def is_trapped(fields: Fields) -> bool:
    return any(fields.get(TRAP, ()))


def read_address(form: Filled) -> Address | Mistake:
    try:
        address = parse(form.address)
    except AddressError as error:
        return Mistake("address", error.fault)
    return address if address.is_read else Mistake("address", "unread")


def read_wish(form: Filled, offered: Choices, languages: Sequence[str]) -> Wish | list[Mistake]:
    """languages: on offer; the first is the default, in which an item comes that has no other text."""
    regions = {code: offered.region(code) for code in form.regions}
    kinds = {code: offered.kind(code) for code in form.kinds}
    frequency = form.frequency or offered.schedules[0].frequency
    language = form.language or languages[0]
    fits = {
        "region": None not in regions.values(),
        "kind": None not in kinds.values(),
        "language": language in languages,
        "frequency": any(frequency == schedule.frequency for schedule in offered.schedules),
    }
    if not all(fits.values()):
        return [Mistake(field, "unknown") for field, fine in fits.items() if not fine]
    return Wish(
        regions=tuple(sorted(r.id for r in regions.values() if r)),
        kinds=tuple(sorted(k.id for k in kinds.values() if k)),
        languages=tuple(dict.fromkeys((language, languages[0]))),
        frequency=frequency,
    )


def read_pause(typed: str, today: date) -> date | Mistake:
    """The day on which somebody goes on: from tomorrow, for a year at most."""
    try:
        day = date.fromisoformat(typed.strip())
    except ValueError:
        return Mistake("until", "no date")
    return day if today < day <= today + PAUSE else Mistake("until", "no date")


def mistakes(*parts: Address | Mistake | Wish | list[Mistake]) -> dict[str, str]:
    """Field → reason, of everything that could not be read."""
    found: dict[str, str] = {}
    for part in parts:
        for mistake in part if isinstance(part, list) else [part]:
            if isinstance(mistake, Mistake):
                found[mistake.field] = mistake.reason
    return found

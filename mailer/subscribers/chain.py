"""The chain of seals over the record of consent: how a seal is made, and what a changed record looks like.

Rules only. A seal holds nothing personal: of the record it has a commitment, the hash of the record with a
random salt. Erasing a person deletes record and salt; the seals stay, and the chain still holds.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

START = ""
"""The hash "before" the first seal."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the record of consent. facts: the personal ones, with the wording's hash in place of its id.

    wording_stands: the kept text still has the hash under which it was kept.
    """

    id: int
    at: datetime
    act: str
    salt: str
    facts: Mapping[str, Any]
    wording_stands: bool = True


@dataclass(frozen=True, slots=True)
class Seal:
    """id: 1, 2, 3, … without a gap. erased: seals whose records were deleted by this act."""

    id: int
    at: datetime
    act: str
    commitment: str
    erased: tuple[int, ...]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """What was sealed last; 0 and START before the first."""

    seal_id: int
    hash: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the record that our own acts can't have done."""

    seal_id: int
    what: str


def commitment(record: Record) -> str:
    return _hash([record.salt, record.facts])


def next_seal(
    head: Head, at: datetime, act: str, committed: str = "", erased: Iterable[int] = ()
) -> tuple[Seal, Head]:
    """The seal that follows the head, and the head from then on. committed: empty for an erasure."""
    numbers = tuple(sorted(erased))
    seal_id = head.seal_id + 1
    digest = _seal_hash(seal_id, at, act, committed, numbers, head.hash)
    return Seal(seal_id, at, act, committed, numbers, head.hash, digest), Head(seal_id, digest)


def faults(last: Head, seal: Seal, record: Record | None, *, is_erased: bool) -> list[Fault]:
    """Where this seal, or its record, is not what was sealed. last: the seal before, as it was found.

    record: None where it is gone. is_erased: an erasure names this seal.
    """
    return [*_out_of_order(last, seal), *_changed(seal, record, is_erased)]


def missing_end(last: Head, head: Head) -> list[Fault]:
    """last: the last seal that was found. head: what was sealed last, kept apart."""
    if last == head:
        return []
    return [
        Fault(last.seal_id, f"the record ends here, but its head says {head.seal_id}: the end was removed")
    ]


def _out_of_order(last: Head, seal: Seal) -> Iterator[Fault]:
    if seal.id != last.seal_id + 1:
        upto = f" to {seal.id - 1}" if seal.id > last.seal_id + 2 else ""
        yield Fault(seal.id, f"before it, number {last.seal_id + 1}{upto} was removed")
    elif seal.previous != last.hash:
        yield Fault(seal.id, "it doesn't follow the one before: changed, swapped, or one between removed")


def _changed(seal: Seal, record: Record | None, is_erased: bool) -> Iterator[Fault]:
    digest = _seal_hash(seal.id, seal.at, seal.act, seal.commitment, seal.erased, seal.previous)
    if digest != seal.hash:
        yield Fault(seal.id, "the seal was changed")
    if record is None:
        if seal.commitment and not is_erased:
            yield Fault(seal.id, "its record was removed, and no erasure says so")
        return
    if is_erased:
        yield Fault(seal.id, "its record was put back after it was erased")
    if (record.at, record.act) != (seal.at, seal.act) or commitment(record) != seal.commitment:
        yield Fault(seal.id, f"its record (row {record.id}) was changed")
    if not record.wording_stands:
        yield Fault(seal.id, "the wording that they saw was changed")


def _seal_hash(
    number: int, at: datetime, act: str, committed: str, erased: tuple[int, ...], before: str
) -> str:
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    return _hash([before, number, moment, act, committed, list(erased)])


def _hash(values: Any) -> str:
    """SHA-256 over canonical JSON: sorted keys, no spaces."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()

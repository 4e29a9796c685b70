"""What to import and by what right; and what becomes of each row. Values only."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from mailer.subscribers.old_list import OldList, Row


class Basis(StrEnum):
    """By what right we write to them (GDPR art. 6, ePrivacy art. 13)."""

    CONSENT = "consent"
    SOFT_OPT_IN = "soft-opt-in"  # customers who could say no, and were told so each time


class Fate(StrEnum):
    """What becomes of a row."""

    READER = "reader"  # new, with evidence of their confirmation
    HELD = "held"  # new, without: nothing is sent
    KNOWN = "known"  # is in the database already, and stays as they are
    OPTED_OUT = "opted out"  # by the old list
    SUPPRESSED = "suppressed"  # erased here, or refused, or opted out by an earlier list
    REPEATED = "repeated"  # stands further up in the same file
    INVALID = "invalid"


class Unfounded(ValueError):
    """Nobody has said by what right these people may be written to."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to import and how. stages: the first digest goes to so many parts, one after the other.

    evidence: where and how they agreed, in words. reconfirm: ask those without evidence once, by mail.
    Raises Unfounded without a basis and its evidence.
    """

    people: OldList
    opt_outs: OldList | None
    basis: Basis | None
    evidence: str
    actor: str
    stages: int = 3
    reconfirm: bool = False

    def __post_init__(self) -> None:
        if self.basis is None:
            raise Unfounded(
                "Say by what right you may write to them: --basis consent or --basis soft-opt-in."
            )
        if len(self.evidence.split()) < 3:
            raise Unfounded(
                "Say in some words where and how they agreed, and where that is kept: --evidence '…'."
            )


@dataclass(slots=True)
class Report:
    """How many rows have which fate, and what to look at: (line, what about it)."""

    counts: Counter[Fate] = field(default_factory=Counter)
    remarks: list[tuple[int, str]] = field(default_factory=list)
    number: int | None = None

    def add(self, row: Row, fate: Fate, remark: str = "") -> None:
        self.counts[fate] += 1
        if remark:
            self.remarks.append((row.line, remark))

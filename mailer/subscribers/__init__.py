"""PEOPLE AND CONSENT. In come forms and links that readers follow; out go sign-ups, confirmations and choices.

Every change is made by a person's POST and recorded with the words that they saw. Letters are put *down*
into the ledger, in the same transaction. It knows neither news nor digests, and never sends anything itself.
"""

from mailer.subscribers.allow import allow
from mailer.subscribers.bursts import Burst, bursts, left_from, take_back
from mailer.subscribers.import_plan import Basis, Fate, Plan, Report, Unfounded
from mailer.subscribers.imports import examine, take, undo
from mailer.subscribers.old_list import Column, ListError, open_list
from mailer.subscribers.pages import routes
from mailer.subscribers.privacy import PersonalData, erase
from mailer.subscribers.privacy import export as export_person
from mailer.subscribers.proof import Verdict, seal, verify
from mailer.subscribers.records import COLUMNS, csv_line, find, list_subscribers, show
from mailer.subscribers.release import release
from mailer.subscribers.retention import Swept, sweep
from mailer.subscribers.segments import Segment, UnknownWord, segment
from mailer.subscribers.snippets import Embedding, snippet
from mailer.subscribers.status import Status, Subscriber
from mailer.subscribers.store import audiences, forget_budgets, readers
from mailer.subscribers.unsubscribe import unsubscribe
from mailer.subscribers.wish import Audience, Wish

__all__ = [
    "COLUMNS",
    "Audience",
    "Basis",
    "Burst",
    "Column",
    "Embedding",
    "Fate",
    "ListError",
    "PersonalData",
    "Plan",
    "Report",
    "Segment",
    "Status",
    "Subscriber",
    "Swept",
    "Unfounded",
    "UnknownWord",
    "Verdict",
    "Wish",
    "allow",
    "audiences",
    "bursts",
    "csv_line",
    "erase",
    "examine",
    "export_person",
    "find",
    "forget_budgets",
    "left_from",
    "list_subscribers",
    "open_list",
    "readers",
    "release",
    "routes",
    "seal",
    "segment",
    "show",
    "snippet",
    "sweep",
    "take",
    "take_back",
    "undo",
    "unsubscribe",
    "verify",
]

"""PEOPLE AND CONSENT. In come forms and links that readers follow; out go sign-ups, confirmations and choices.

Every change is made by a person's POST and recorded with the words that they saw. Letters are put *down*
into the ledger, in the same transaction. It knows neither news nor digests, and never sends anything itself.
"""

from mailer.subscribers.pages import routes
from mailer.subscribers.records import COLUMNS, csv_line, find, list_subscribers, show
from mailer.subscribers.segments import Segment, UnknownWord, segment
from mailer.subscribers.status import Status, Subscriber
from mailer.subscribers.store import audiences, forget_budgets, readers
from mailer.subscribers.unsubscribe import unsubscribe
from mailer.subscribers.wish import Audience, Wish

__all__ = [
    "COLUMNS",
    "Audience",
    "Segment",
    "Status",
    "Subscriber",
    "UnknownWord",
    "Wish",
    "audiences",
    "csv_line",
    "find",
    "forget_budgets",
    "list_subscribers",
    "readers",
    "routes",
    "segment",
    "show",
    "unsubscribe",
]

"""CHOOSE, RENDER, ADDRESS. In come items, audiences and schedules; out go editions, and letters in the ledger.

`publish` plans each run that is due, once; `explain` says why an item goes to a reader or doesn't. This
room knows when and what, never how a letter leaves: what it plans stands in the ledger, and batch numbers
go to whoever was passed in.
"""

from mailer.digests.explain import Explanation, explain
from mailer.digests.pages import routes
from mailer.digests.publish import EditionCount, Published, publish
from mailer.digests.schedule import Period, last_due, next_due

__all__ = [
    "EditionCount",
    "Explanation",
    "Period",
    "Published",
    "explain",
    "last_due",
    "next_due",
    "publish",
    "routes",
]

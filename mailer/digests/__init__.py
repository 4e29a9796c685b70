"""CHOOSE, RENDER, ADDRESS. In come items, audiences and schedules; out go editions, and letters in the ledger.

`publish` plans each run that is due, once; `rehearse` says what it would do, and `explain` why an item
goes to a reader or doesn't. This room knows when and what, never how a letter leaves: what it plans stands
in the ledger, and batch numbers go to whoever was passed in.
"""

from mailer.digests.explain import Explanation, explain
from mailer.digests.pages import routes
from mailer.digests.publish import EditionCount, Published, publish
from mailer.digests.rehearse import Rehearsed, rehearse
from mailer.digests.schedule import Period, last_due, next_due
from mailer.digests.store import recent_runs

__all__ = [
    "EditionCount",
    "Explanation",
    "Period",
    "Published",
    "Rehearsed",
    "explain",
    "last_due",
    "next_due",
    "publish",
    "recent_runs",
    "rehearse",
    "routes",
]

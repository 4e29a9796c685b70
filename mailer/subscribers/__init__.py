"""PEOPLE AND CONSENT. In come forms and links that readers follow; out go sign-ups, confirmations and choices.

Every change is made by a person's POST and recorded with the words that they saw. Letters are put *down*
into the ledger, in the same transaction. It knows neither news nor digests, and never sends anything itself.
"""

from mailer.subscribers.status import Status, Subscriber
from mailer.subscribers.store import audiences, readers
from mailer.subscribers.wish import Audience, Wish

__all__ = ["Audience", "Status", "Subscriber", "Wish", "audiences", "readers"]

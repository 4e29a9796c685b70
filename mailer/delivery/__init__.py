"""ENVELOPE → SMTP → OUTCOME. The lowest room: it knows addresses and letters, never subscribers or digests.

In come editions (`save_edition`) and envelopes (`put`, `put_all`), in the caller's transaction; out go
letters over SMTP, and rows of the ledger that say what became of each. `recipient` and `reference` are
opaque numbers of the rooms above; links are derived from them when a letter is composed, never stored.
It never calls up: rooms above read the ledger.
"""

from mailer.delivery.envelope import Content, Envelope, Slot, Stream
from mailer.delivery.epoch import accept_restored
from mailer.delivery.mailings import (
    MailingState,
    hasten,
    open_digest_letters,
    open_mailing,
    put,
    put_all,
    put_to,
    resend_unknown,
    save_edition,
    save_editions,
    set_mailing_state,
    withdraw,
    withdraw_all,
)
from mailer.delivery.personal import blank_old, letter_about
from mailer.delivery.reconcile import reconcile
from mailer.delivery.sender import Sender
from mailer.delivery.standing import Answers, Counts, Standing, progress, standing, watch
from mailer.delivery.wheel import CannotSend, Withheld

__all__ = [
    "Answers",
    "CannotSend",
    "Content",
    "Counts",
    "Envelope",
    "MailingState",
    "Sender",
    "Slot",
    "Standing",
    "Stream",
    "Withheld",
    "accept_restored",
    "blank_old",
    "hasten",
    "letter_about",
    "open_digest_letters",
    "open_mailing",
    "progress",
    "put",
    "put_all",
    "put_to",
    "reconcile",
    "resend_unknown",
    "save_edition",
    "save_editions",
    "set_mailing_state",
    "standing",
    "watch",
    "withdraw",
    "withdraw_all",
]

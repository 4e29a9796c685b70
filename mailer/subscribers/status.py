"""Where a subscriber and a sign-up stand. Rules only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailer.subscribers.wish import Wish


class Status(StrEnum):
    PENDING = "pending"  # asked, never confirmed: gets nothing but the confirmation
    HELD = "held"  # from an old list: gets nothing until their turn comes, or until they confirm
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"
    STOPPED = "stopped"  # their mailbox refused us


@dataclass(frozen=True, slots=True)
class Subscriber:
    id: int
    address: str
    status: Status
    audience_id: int | None
    created_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    paused_until: datetime | None


@dataclass(frozen=True, slots=True)
class Signup:
    """One request to join or to change, and what became of it."""

    id: int
    subscriber_id: int
    address: str
    audience_id: int
    wish: Wish
    language: str
    form: str
    expires_at: datetime
    used_at: datetime | None
    refused_at: datetime | None


class SignupState(StrEnum):
    OPEN = "open"
    USED = "used"
    REFUSED = "refused"
    EXPIRED = "expired"
    GONE = "gone"  # deleted: nothing is known of it any more


def signup_state(signup: Signup | None, now: datetime) -> SignupState:
    """What its confirmation link can do at `now`."""
    if signup is None:
        return SignupState.GONE
    if signup.used_at is not None:
        return SignupState.USED
    if signup.refused_at is not None:
        return SignupState.REFUSED
    return SignupState.OPEN if now < signup.expires_at else SignupState.EXPIRED

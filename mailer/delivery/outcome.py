"""What became of one letter: four values, and the rule that makes them from a reply."""

import re
from dataclasses import dataclass
from enum import IntEnum


@dataclass(slots=True, unsafe_hash=True)  # one is made with every letter, and frozen ones take twice as long
class Accepted:
    """The relay took it (250 after the final dot). reply: its words, with its queue id."""

    reply: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now; try again. code: the reply code, 0 where none came (the connection broke before the content was sent).

    blame: see Rejected; or `relay`: it was busy, closing or gone, and the letter may go again at once elsewhere.
    """

    code: int
    reply: str
    blame: str = "recipient"


@dataclass(frozen=True, slots=True)
class Rejected:
    """Never again with this letter. blame: `recipient`, or `sender` where policy or the letter itself was refused."""

    code: int
    reply: str
    blame: str = "recipient"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Handed over, and nobody saw the reply."""

    reply: str


Outcome = Accepted | Deferred | Rejected | Unknown


class Step(IntEnum):
    """What a reply answers."""

    MAIL = 1
    RCPT = 2
    DATA = 3
    CONTENT = 4  # the final dot
    LONE_DOT = 5  # ends an empty content that nobody was to get
    RSET = 6
    QUIT = 7


REPLY_LENGTH = 500
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})\b", re.ASCII)
_GREYLISTED = re.compile(r"gr[ae]y-?\s?list", re.IGNORECASE)

# The relay wants us to log in, or stronger TLS (RFC 4954 §6): no letter is to blame, and a person can cure it.
_LOGIN = frozenset({530, 534, 535, 538})
# Replies to RCPT that speak of the mailbox even without an enhanced code (RFC 5321 §4.2.2, RFC 7504).
_MAILBOX = frozenset({450, 451, 452, 521, 550, 551, 552, 553, 556})


_CONTENT = Step.CONTENT  # looked up once: it is asked for with every letter


def judge(step: Step, code: int, text: str) -> Outcome:
    """The outcome of a letter whose `step` was answered with `code` and `text`."""
    if step is _CONTENT and 200 <= code < 300:
        return Accepted(clean(text))
    if code == 421 or code in _LOGIN:
        return Deferred(code, clean(text), "relay")
    blame = "recipient" if _speaks_of_mailbox(step, code, text) else "sender"
    # RFC 5321 §4.5.3.1.10: 552 in answer to RCPT means "too many recipients", and is treated as 452
    if 500 <= code < 600 and not (step is Step.RCPT and code == 552):
        return Rejected(code, clean(text), blame)
    return Deferred(code, clean(text), blame)


def _speaks_of_mailbox(step: Step, code: int, text: str) -> bool:
    """Enhanced code first, then the basic code (RFC 3463: x.1 address, x.2 mailbox, x.4 routing, x.7 policy …)."""
    if step is Step.MAIL:
        return False
    enhanced = _ENHANCED.match(text)
    if enhanced is None:
        return step is Step.RCPT and code in _MAILBOX
    subject, detail = int(enhanced[2]), int(enhanced[3])
    if (
        subject == 7
    ):  # greylisting answers 4.7.1 to everyone once: waiting cures it, and nothing else need wait
        return code < 500 and _GREYLISTED.search(text) is not None
    if subject == 1:
        return detail not in {7, 8}  # 5.1.7 and 5.1.8: the sender's address
    return subject in {2, 4} or (subject == 0 and step is Step.RCPT and code in _MAILBOX)


def clean(text: str) -> str:
    """The relay's words on one line: nothing unprintable, at most REPLY_LENGTH characters."""
    text = text[:REPLY_LENGTH]
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)

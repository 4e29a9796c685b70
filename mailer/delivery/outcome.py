"""What became of one letter: four values, and the rule that makes them from a reply."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
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

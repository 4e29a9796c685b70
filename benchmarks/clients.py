"""The senders that are measured, each a process of its own: python -m benchmarks.clients NAME ARGUMENTS.

pipeline PORT LETTERS CONNECTIONS [PEM]   composed letters through bare pipelines, no ledger; with TLS
path DATABASE PORT CONNECTIONS        the whole path: ledger rows in, outcomes written
plain PORT LETTERS CONNECTIONS        what many programs do: Jinja2, EmailMessage, aiosmtplib
signing LETTERS                       raw RSA-2048 signatures, then whole DKIM signatures: two lines
"""

import asyncio
import gc
import sys
import tempfile
from collections.abc import Callable, Coroutine
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import uvloop
from cryptography.hazmat.primitives.asymmetric import rsa
from jinja2 import Environment

from benchmarks.measure import Stopwatch
from benchmarks.sample import content, printed, row, settings
from mailer.database import Database
from mailer.delivery import Sender, Slot
from mailer.delivery.compose import date_line
from mailer.delivery.courier import connect
from mailer.delivery.dkim import Key, Signer
from mailer.delivery.envelope import Letter
from mailer.delivery.outcome import Accepted, Outcome
from mailer.delivery.relay import parse_relays
from mailer.delivery.watchdog import Watchdog
from mailer.tools.clock import utc_now


def relay_url(port: str, connections: str, pem: str = "") -> str:
    """pem: the certificate to trust; with it, TLS from the start."""
    limits = f"connections={connections}&per_connection=1000000&seconds=86400"
    return (
        f"smtps://127.0.0.1:{port}?ca={pem}&{limits}" if pem else f"smtp://127.0.0.1:{port}?tls=none&{limits}"
    )


class Stack:
    """A source of so many composed letters; `done` when all are accepted."""

    def __init__(self, letters: int) -> None:
        self._composer, self._edition = printed(settings("", Path()))
        self._date = date_line(utc_now())
        self._letters = letters
        self._given = self._accepted = 0
        self.done = asyncio.Event()

    def next_letter(self) -> Letter | None:
        if self._given == self._letters:
            return None
        self._given += 1
        return self._composer.compose(self._edition, row(self._given), self._date)

    def settle(self, letter: Letter, outcome: Outcome) -> None:
        if not isinstance(outcome, Accepted):
            raise RuntimeError(f"not accepted: {outcome}")
        self._accepted += 1
        if self._accepted == self._letters:
            self.done.set()


async def pipeline(port: str, letters: str, connections: str, pem: str = "") -> None:
    source, watchdog = Stack(int(letters)), Watchdog()
    (relay,) = parse_relays(relay_url(port, connections, pem))
    watch = Stopwatch()
    pipelines = await asyncio.gather(
        *(
            connect(relay, source, local_hostname="mailer.example.org", watchdog=watchdog)
            for _ in range(relay.connections)
        )
    )
    await source.done.wait()
    watch.tell(int(letters))
    await asyncio.gather(*(one.close() for one in pipelines))


async def path(url: str, port: str, connections: str) -> None:
    database = Database(url)
    with tempfile.TemporaryDirectory() as folder:
        own = settings(relay_url(port, connections), Path(folder))
        async with Sender(own, database, utc_now) as sender:
            watch = Stopwatch()
            counts = await sender.work_off()
            watch.tell(counts.accepted)
    await database.close()


async def plain(port: str, letters: str, connections: str) -> None:
    """One task per connection, one template rendering and one EmailMessage per letter."""
    said, templates = content(), Environment(autoescape=False)
    marks = {Slot.ADDRESS: "address", Slot.PREFERENCES: "preferences", Slot.UNSUBSCRIBE: "unsubscribe"}
    sources = ["".join(said.text), "".join(said.html)]
    for slot, name in marks.items():
        sources = [text.replace(slot.mark, "{{ " + name + " }}") for text in sources]
    text, html = (templates.from_string(text) for text in sources)
    numbers = iter(range(int(letters)))

    async def work() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=int(port), start_tls=False) as smtp:
            for number in numbers:
                link = f"https://news.example.org/preferences/{number}"
                values = {"address": f"reader{number}@example.com", "preferences": link, "unsubscribe": link}
                message = EmailMessage()
                message["From"], message["To"] = "news@example.org", values["address"]
                message["Subject"], message["List-Unsubscribe"] = said.subject, f"<{link}>"
                message.set_content(text.render(values))
                message.add_alternative(html.render(values), subtype="html")
                await smtp.send_message(message)

    watch = Stopwatch()
    await asyncio.gather(*(work() for _ in range(int(connections))))
    watch.tell(int(letters))


async def signing(letters: str) -> None:
    key = Key("s", rsa.generate_private_key(65537, 2048))
    composer, edition = printed(settings("", Path()))
    signer, date = Signer("example.org", [key]), date_line(utc_now())
    data = b"x" * 1500  # about what a header with its signature field is
    watch = Stopwatch()
    for _ in range(int(letters)):
        key.sign(data)
    watch.tell(int(letters))
    made = [composer.compose(edition, row(number), date) for number in range(int(letters))]
    watch = Stopwatch()
    for letter in made:
        signer.sign(letter.content, 1_795_000_000)
    watch.tell(int(letters))


CLIENTS: dict[str, Callable[..., Coroutine[None, None, None]]] = {
    "pipeline": pipeline,
    "path": path,
    "plain": plain,
    "signing": signing,
}

if __name__ == "__main__":
    gc.freeze()  # as each command of ours does: cli/frame.py
    uvloop.run(CLIENTS[sys.argv[1]](*sys.argv[2:]))

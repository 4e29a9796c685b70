"""The demo's mailbox: an SMTP server on loopback that takes every letter and keeps it as a file.

For demo and tests only. In come letters over real SMTP; out go `Mail` values, in the order of arrival.
"""

import asyncio
import email
import email.policy
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from aiosmtpd.smtp import SMTP


@dataclass(frozen=True)
class Mail:
    """One letter as it came. number: its place in the order of arrival; source: its bytes."""

    number: int
    recipient: str
    arrived_at: datetime
    source: bytes

    @cached_property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.source, policy=email.policy.default)

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    @property
    def is_digest(self) -> bool:
        """Only the digest is a list; a confirmation has no List-Id."""
        return self.message["List-Id"] is not None

    def part(self, kind: str) -> str:
        """The body as `plain` or `html`, decoded."""
        body = self.message.get_body((kind,))
        return str(body.get_content()) if body is not None else ""


class Inbox:
    """A folder of mails, and the server that fills it: `async with Inbox(folder) as inbox`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._last = max((mail.number for mail in self.mails()), default=0)
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "Inbox":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, enable_SMTPUTF8=True, ident="mailer demo inbox", loop=loop), "127.0.0.1", 0
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def port(self) -> int:
        """The port that was free."""
        assert self._server is not None  # noqa: S101 - asked for inside `async with` only
        return int(self._server.sockets[0].getsockname()[1])

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Called by aiosmtpd for each letter. Each recipient gets a copy, as a real server does it."""
        for recipient in envelope.rcpt_tos:
            self._last += 1
            file = self.folder / f"{self._last:06d} {quote(recipient, safe='@+')}.eml"
            draft = file.with_suffix(".part")
            draft.write_bytes(envelope.original_content)
            draft.rename(file)
        return f"250 2.0.0 Ok: queued as {self._last}"

    def mails(self) -> list[Mail]:
        """Everything that ever came, oldest first."""
        return [_read(file) for file in sorted(self.folder.glob("*.eml"))]

    def mail(self, number: int) -> Mail | None:
        file = next(self.folder.glob(f"{number:06d} *.eml"), None)
        return _read(file) if file else None

    async def wait_for(self, recipient: str, after: int) -> Mail:
        """The newest mail to a recipient that came after mail number `after`. Raises TimeoutError."""
        async with asyncio.timeout(30):
            while True:
                found = self.folder.glob(f"* {quote(recipient, safe='@+')}.eml")
                newest = max(found, default=None)
                if newest is not None and int(newest.name[:6]) > after:
                    return _read(newest)
                await asyncio.sleep(0.02)

    @property
    def last(self) -> int:
        """The number of the newest mail; 0 before the first."""
        return self._last


def _read(file: Path) -> Mail:
    number, _, recipient = file.stem.partition(" ")
    arrived = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return Mail(int(number), unquote(recipient), arrived, file.read_bytes())

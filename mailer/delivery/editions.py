"""Printed editions: from memory, or read from the tables and printed; and letters signed off the loop."""

import asyncio
import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

from mailer.delivery.compose import Claimed, Composer, Press, Printed, date_line
from mailer.delivery.dkim import Signer
from mailer.delivery.envelope import Letter
from mailer.delivery.ledger import Ledger
from mailer.delivery.memory import Memory
from mailer.delivery.slots import Unfit

EDITION_MEMORY = 8_000_000
"""Octets of printed editions that a process remembers."""
SIGN_AT_ONCE = 25
"""Letters that a thread signs before it reports: a few milliseconds."""


class Editions:
    """What a letter is made out from, by number."""

    def __init__(self, ledger: Ledger, press: Press) -> None:
        self._ledger = ledger
        self._press = press
        self._known: Memory[int, Printed] = Memory(EDITION_MEMORY, lambda edition: edition.octets)

    async def printed(self, numbers: Collection[int]) -> dict[int, Printed | Unfit]:
        """Each of these editions; Unfit with words for one that can't become a letter. Raises LedgerDown."""
        found: dict[int, Printed | Unfit] = {}
        for number in numbers:
            if (edition := self._known.get(number)) is not None:
                found[number] = edition
        if not (missing := set(numbers) - found.keys()):
            return found
        stored = await self._ledger.editions(missing)
        hashes = {name for content in stored.values() for name in (*content.text, *content.html)}
        blocks = self._press.known(hashes)
        if unknown := hashes - blocks.keys():
            blocks |= self._press.learn(await self._ledger.bodies(unknown))
        for number, content in stored.items():
            try:
                printed = self._press.print(content, blocks)
            except ValueError as error:
                found[number] = Unfit(str(error))
            else:
                self._known.put(number, printed)
                found[number] = printed
        return found


class Signing:
    """Composes and signs letters in threads: while it computes, `cryptography` leaves the interpreter to others."""

    def __init__(self, signer: Signer, composer: Composer) -> None:
        self._signer = signer
        self._composer = composer
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="sign")

    async def letters(
        self, rows: Sequence[Claimed], editions: Mapping[int, Printed | Unfit], now: datetime
    ) -> dict[int, Letter]:
        """By number; a letter that can't be made is left out, and found unfit again by who wants to send it."""
        loop = asyncio.get_running_loop()
        groups = [rows[at : at + SIGN_AT_ONCE] for at in range(0, len(rows), SIGN_AT_ONCE)]
        signed = await asyncio.gather(
            *(loop.run_in_executor(self._threads, self._sign, group, editions, now) for group in groups)
        )
        return {letter.number: letter for group in signed for letter in group}

    def _sign(
        self, rows: Sequence[Claimed], editions: Mapping[int, Printed | Unfit], now: datetime
    ) -> list[Letter]:
        date, when = date_line(now), int(now.timestamp())
        letters = []
        for row in rows:
            edition = editions[row.edition]
            if isinstance(edition, Unfit):
                continue
            try:
                letter = self._composer.compose(edition, row, date)
            except Unfit:
                continue
            signature = self._signer.sign(letter.content, when)
            letters.append(
                replace(letter, content=[signature, *letter.content], size=letter.size + len(signature))
            )
        return letters

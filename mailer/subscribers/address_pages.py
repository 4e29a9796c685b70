"""The pages of a lost link and of a new address. Each answer is the same, whoever is known here."""

from starlette.requests import Request
from starlette.responses import Response

from mailer.site import read_fields
from mailer.subscribers import address_store, forms
from mailer.subscribers.addresses import ChangeState, change_state, move, say_address, send_links
from mailer.subscribers.forms import Filled, Mistake
from mailer.subscribers.room_pages import RoomPages
from mailer.subscribers.status import Status
from mailer.tools.address import Address, suggest
from mailer.tools.tokens import Purpose


class AddressPages(RoomPages):
    # ── "send me my links" ──────────────────────────────────────────────────────────────────────────

    async def link_page(self, request: Request) -> Response:
        return self._ask(self.language(request), "link.html", Filled())

    async def link(self, request: Request) -> Response:
        fields = await read_fields(request)
        language = self.language(request, next(iter(fields.get("lang", ())), ""))
        form = forms.filled(fields)
        address = forms.read_address(form)
        if isinstance(address, Mistake):
            return self._ask(language, "link.html", form, address)
        if not forms.is_trapped(fields):
            await self._send_links(request, address, language)
        return self.answer(language, "link_sent.html", address=address.text, suggestion=suggest(address))

    async def fresh_link(self, request: Request) -> Response:
        """From the preferences: the links of a digest don't change an address, so a fresh one goes to it."""
        number = self._number(Purpose.PREFERENCES, request)
        async with self.database.reading() as db:
            person, preferred = await self._person(db, number)
        language = self.language(request, preferred)
        if person is None or person.status is not Status.CONFIRMED:
            return self.answer(language, "no_reader.html")
        address = Address(person.address)
        await self._send_links(request, address, language)
        return self.answer(language, "link_sent.html", address=address.masked, suggestion=None)

    async def _send_links(self, request: Request, address: Address, language: str) -> None:
        async with self.database.transaction() as db:
            batch = await send_links(db, self.settings, address, language, self.client(request), self.clock())
        if batch is not None:
            await self.wake(batch)

    # ── the new address ─────────────────────────────────────────────────────────────────────────────

    async def address_page(self, request: Request) -> Response:
        change, state, language = await self._change(request, Purpose.NEW_ADDRESS)
        if change is None or state is not ChangeState.OPEN:
            return self._no_change(language, state)
        return self._ask(language, "address.html", Filled())

    async def address(self, request: Request) -> Response:
        change, state, language = await self._change(request, Purpose.NEW_ADDRESS)
        if change is None or state is not ChangeState.OPEN:
            return self._no_change(language, state)
        form = forms.filled(await read_fields(request))
        address = forms.read_address(form)
        if isinstance(address, Mistake):
            return self._ask(language, "address.html", form, address)
        async with self.database.transaction() as db:
            batch = await say_address(db, self.settings, change, address, self.client(request), self.clock())
        if batch is not None:
            await self.wake(batch)
        return self.answer(language, "address_sent.html", address=address.text, suggestion=suggest(address))

    async def move_page(self, request: Request) -> Response:
        change, state, language = await self._change(request, Purpose.MOVE)
        if change is None or change.address is None or state is not ChangeState.OPEN:
            return self._no_change(language, state)
        return self.answer(language, "move.html", masked=Address(change.address).masked)

    async def move(self, request: Request) -> Response:
        change, _, language = await self._change(request, Purpose.MOVE)
        number = change.id if change else 0
        async with self.database.transaction() as db:
            state, batch = await move(db, self.settings, number, self._network(request), self.clock())
        if batch is None:
            return self._no_change(language, state)
        await self.wake(batch)
        return self.answer(language, "moved.html")

    # ── shared ──────────────────────────────────────────────────────────────────────────────────────

    async def _change(
        self, request: Request, purpose: Purpose
    ) -> tuple[address_store.Change | None, ChangeState, str]:
        """What the link in this request is about, what it can do, and the language of the page."""
        number = self._number(purpose, request)
        async with self.database.reading() as db:
            change = await address_store.get(db, number)
            state = await change_state(db, change, self.clock())
        return change, state, self.language(request, change.language if change else "")

    def _ask(self, language: str, template: str, form: Filled, mistake: Mistake | None = None) -> Response:
        wrong = forms.mistakes(mistake) if mistake else {}
        status = 422 if mistake else 200
        return self.answer(language, template, status, form=form, wrong=wrong, trap=forms.TRAP)

    def _no_change(self, language: str, state: ChangeState) -> Response:
        status = 410 if state is ChangeState.EXPIRED else 200
        return self.answer(language, "no_change.html", status, state=state)

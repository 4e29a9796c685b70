"""The visitor's pages. A GET changes nothing; every change is a POST by a person's button (or RFC 8058's)."""

import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mailer import choices
from mailer.choices import Choices
from mailer.database import Database
from mailer.links import Links
from mailer.settings import Settings
from mailer.site import Site, read_fields
from mailer.subscribers import forms, signup, store
from mailer.subscribers.confirm import confirm, refuse
from mailer.subscribers.consent import Wording, current_wording
from mailer.subscribers.forms import Filled, Mistake
from mailer.subscribers.preferences import change
from mailer.subscribers.status import SignupState, Status, Subscriber, signup_state
from mailer.subscribers.unsubscribe import undo, unsubscribe
from mailer.tools.address import Address, suggest
from mailer.tools.clock import Clock
from mailer.tools.network import truncated
from mailer.tools.tokens import Purpose

Wake = Callable[[int], Awaitable[None]]
"""Is told the batch of a letter once the transaction that wrote it is committed."""

_HASH = re.compile(r"[0-9a-f]{64}")
_ANSWERS = {  # what a link of a confirmation mail says when it can't act: template, status
    SignupState.USED: ("confirm_used.html", 200),
    SignupState.REFUSED: ("refused.html", 200),
    SignupState.EXPIRED: ("confirm_expired.html", 410),
    SignupState.GONE: ("confirm_gone.html", 410),
}


def routes(settings: Settings, database: Database, clock: Clock, wake: Wake) -> list[BaseRoute]:
    """Every route of this room."""
    pages = _Pages(settings, database, clock, wake)
    table = [
        ("/", pages.form, "GET"),
        ("/subscribe", pages.form, "GET"),
        ("/subscribe", pages.subscribe, "POST"),
        ("/confirm/{token}", pages.confirm_page, "GET"),
        ("/confirm/{token}", pages.confirm, "POST"),
        ("/confirm/{token}/again", pages.ask_again, "POST"),
        ("/refuse/{token}", pages.refuse_page, "GET"),
        ("/refuse/{token}", pages.refuse, "POST"),
        ("/preferences/{token}", pages.preferences_page, "GET"),
        ("/preferences/{token}", pages.preferences, "POST"),
        ("/unsubscribe/{token}", pages.unsubscribe_page, "GET"),
        ("/unsubscribe/{token}", pages.unsubscribe, "POST"),
        ("/unsubscribe/{token}/", pages.unsubscribe_page, "GET"),  # RFC 8058 §3.1: never a redirect
        ("/unsubscribe/{token}/", pages.unsubscribe, "POST"),
        ("/undo/{token}", pages.undo, "POST"),
    ]
    return [Route(path, endpoint, methods=[method]) for path, endpoint, method in table]


class _Pages(Site):
    def __init__(self, settings: Settings, database: Database, clock: Clock, wake: Wake) -> None:
        super().__init__(settings)
        self.database = database
        self.clock = clock
        self.wake = wake
        self.links = Links(settings)

    # ── the form ────────────────────────────────────────────────────────────────────────────────────

    async def form(self, request: Request) -> Response:
        async with self.database.reading() as db:
            offered = await choices.read(db)
        return self._form(self.language(request), offered, Filled(), {})

    def _form(self, language: str, offered: Choices, form: Filled, wrong: dict[str, str]) -> Response:
        return self.answer(
            language,
            "subscribe.html",
            422 if wrong else 200,
            indexed=not wrong,
            offered=offered,
            form=form,
            wrong=wrong,
            wording=current_wording(self.settings, language),
            trap=forms.TRAP,
        )

    async def subscribe(self, request: Request) -> Response:
        fields = await read_fields(request)
        language = self.language(request, next(iter(fields.get("lang", ())), ""))
        form = forms.filled(fields)
        async with self.database.reading() as db:
            offered = await choices.read(db)
        address = forms.read_address(form)
        wish = forms.read_wish(form, offered, self.settings.language_list)
        if isinstance(address, Mistake) or isinstance(wish, list):
            return self._form(language, offered, form, forms.mistakes(address, wish))
        asked = signup.Request(address, wish, language, self.links.sign_up(), self.client(request))
        if not forms.is_trapped(fields):
            await self._sign_up(offered, asked)
        return self._check_mail(language, address.text, suggest(address))

    async def _sign_up(self, offered: Choices, asked: signup.Request) -> None:
        async with self.database.transaction() as db:
            batch = await signup.sign_up(db, self.settings, offered, asked, self.clock())
        if batch is not None:
            await self.wake(batch)

    def _check_mail(self, language: str, address: str, suggestion: str | None = None) -> Response:
        """The same whoever asked, and whether a letter goes out or not."""
        return self.answer(language, "check_mail.html", address=address, suggestion=suggestion)

    # ── the links of the confirmation mail ──────────────────────────────────────────────────────────

    async def confirm_page(self, request: Request) -> Response:
        number = self._number(Purpose.CONFIRM, request)
        async with self.database.reading() as db:
            asked = await store.get_signup(db, number)
            offered = await choices.read(db)
        state = signup_state(asked, self.clock())
        language = self.language(request, asked.language if asked else "")
        if asked is None or state is not SignupState.OPEN:
            return self._signup_answer(language, state, request)
        return self.answer(
            language,
            "confirm.html",
            masked=Address(asked.address).masked,
            wish=asked.wish,
            offered=offered,
            wording=current_wording(self.settings, language),
        )

    async def confirm(self, request: Request) -> Response:
        number = self._number(Purpose.CONFIRM, request)
        fields = await read_fields(request)
        async with self.database.transaction() as db:
            asked = await store.get_signup(db, number)
            language = self.language(request, asked.language if asked else "")
            shown = await self._shown(db, next(iter(fields.get("wording", ())), ""), language)
            if shown is not None:
                state = await confirm(db, number, shown, self._network(request), self.clock())
        if shown is None:  # our text has changed since they opened the page: show them the new one
            return await self.confirm_page(request)
        if state is not SignupState.OPEN:
            return self._signup_answer(language, state, request)
        return self.answer(language, "confirmed.html")

    async def _shown(self, db: AsyncConnection, digest: str, language: str) -> Wording | None:
        """The consent text that stood on the page from which a form came."""
        current = current_wording(self.settings, language)
        if digest in ("", current.hash):
            return current
        return await store.wording_with(db, digest) if _HASH.fullmatch(digest) else None

    def _signup_answer(self, language: str, state: SignupState, request: Request) -> Response:
        template, status = _ANSWERS[state]
        return self.answer(language, template, status, again=f"{request.url.path.rstrip('/')}/again")

    async def ask_again(self, request: Request) -> Response:
        number = self._number(Purpose.CONFIRM, request)
        async with self.database.reading() as db:
            asked = await store.get_signup(db, number)
            offered = await choices.read(db)
        state = signup_state(asked, self.clock())
        language = self.language(request, asked.language if asked else "")
        if asked is None or state is not SignupState.EXPIRED:
            return await self.confirm_page(request)
        await self._sign_up(offered, signup.same_again(asked, self.client(request)))
        return self._check_mail(language, Address(asked.address).masked)

    async def refuse_page(self, request: Request) -> Response:
        number = self._number(Purpose.REFUSE, request)
        async with self.database.reading() as db:
            asked = await store.get_signup(db, number)
        state = signup_state(asked, self.clock())
        language = self.language(request, asked.language if asked else "")
        if state in (SignupState.OPEN, SignupState.EXPIRED):
            return self.answer(language, "refuse.html")
        return self._signup_answer(language, state, request)

    async def refuse(self, request: Request) -> Response:
        number = self._number(Purpose.REFUSE, request)
        async with self.database.transaction() as db:
            asked = await store.get_signup(db, number)
            state = await refuse(db, number, self._network(request), self.clock())
        language = self.language(request, asked.language if asked else "")
        if state is not SignupState.OPEN:
            return self._signup_answer(language, state, request)
        return self.answer(language, "refused.html")

    # ── the links of every digest ───────────────────────────────────────────────────────────────────

    async def preferences_page(self, request: Request) -> Response:
        return await self._preferences(request, self._number(Purpose.PREFERENCES, request))

    async def preferences(self, request: Request) -> Response:
        number = self._number(Purpose.PREFERENCES, request)
        form = forms.filled(await read_fields(request))
        async with self.database.transaction() as db:
            offered = await choices.read(db)
            wish = forms.read_wish(form, offered, self.settings.language_list)
            if not isinstance(wish, list):
                network = self._network(request)
                await change(db, number, wish, self.clock(), network=network)
        if isinstance(wish, list):
            return await self._preferences(request, number, form, forms.mistakes(wish))
        return await self._preferences(request, number, saved=True)

    async def _preferences(
        self,
        request: Request,
        number: int,
        form: Filled | None = None,
        wrong: dict[str, str] | None = None,
        *,
        saved: bool = False,
    ) -> Response:
        async with self.database.reading() as db:
            person, preferred = await self._person(db, number)
            offered = await choices.read(db)
            if person is None or person.status is not Status.CONFIRMED or person.audience_id is None:
                return self.answer(self.language(request, preferred), "no_reader.html")
            audience = await store.audience_of(db, person.audience_id)
        return self.answer(
            self.language(request, preferred),
            "preferences.html",
            422 if wrong else 200,
            masked=Address(person.address).masked,
            offered=offered,
            form=form or forms.filled_from(audience, offered),
            wrong=wrong or {},
            saved=saved,
            unsubscribe=_path(self.links.unsubscribe(number)),
        )

    async def unsubscribe_page(self, request: Request) -> Response:
        number = self._number(Purpose.UNSUBSCRIBE, request)
        async with self.database.reading() as db:
            person, preferred = await self._person(db, number)
        language = self.language(request, preferred)
        if person is None or person.status is Status.UNSUBSCRIBED:
            return self.answer(language, "unsubscribed.html", undo=None)
        return self.answer(language, "unsubscribe.html")

    async def unsubscribe(self, request: Request) -> Response:
        """The button of our page, and RFC 8058's one click: 200 whatever the body says and whoever is left."""
        number = self._number(Purpose.UNSUBSCRIBE, request)
        try:
            fields = await read_fields(request)
        except HTTPException:  # the token says all that we must know
            fields = {}
        actor = "one-click" if "List-Unsubscribe" in fields else "reader"
        async with self.database.transaction() as db:
            person, preferred = await self._person(db, number)
            act = person and await unsubscribe(
                db, number, self.clock(), actor=actor, network=self._network(request)
            )
        way_back = _path(self.links.undo(act)) if act else None
        return self.answer(self.language(request, preferred), "unsubscribed.html", undo=way_back)

    async def undo(self, request: Request) -> Response:
        number = self._number(Purpose.UNDO, request)
        async with self.database.transaction() as db:
            done = await undo(db, number, self._network(request), self.clock())
        return self.answer(self.language(request), "resumed.html" if done else "undo_late.html")

    # ── shared ──────────────────────────────────────────────────────────────────────────────────────

    def _number(self, purpose: Purpose, request: Request) -> int:
        number = self.links.read(purpose, request.path_params["token"])
        if number is None:
            raise HTTPException(404, "link")
        return number

    def _network(self, request: Request) -> str:
        return truncated(self.client(request))

    async def _person(self, db: AsyncConnection, number: int) -> tuple[Subscriber | None, str]:
        """A subscriber, if there is one still, and the language that they chose."""
        person = await store.get(db, number)
        if person is None or person.audience_id is None:
            return person, ""
        return person, (await store.audience_of(db, person.audience_id)).languages[0]


def _path(link: str) -> str:
    """Of a link of ours, what pages use: it works under whatever name we were reached."""
    return urlsplit(link).path

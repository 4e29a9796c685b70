"""The pages behind the links of a confirmation mail: "yes", "that wasn't me", and a new link for an expired one."""

import re

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from mailer import choices
from mailer.site import read_fields
from mailer.subscribers import signup, store
from mailer.subscribers.confirm import confirm, refuse
from mailer.subscribers.consent import Wording, current_wording
from mailer.subscribers.room_pages import RoomPages
from mailer.subscribers.status import SignupState, signup_state
from mailer.tools.address import Address
from mailer.tools.tokens import Purpose

_HASH = re.compile(r"[0-9a-f]{64}")
_ANSWERS = {  # what a link of a confirmation mail says when it can't act: template, status
    SignupState.USED: ("confirm_used.html", 200),
    SignupState.REFUSED: ("refused.html", 200),
    SignupState.EXPIRED: ("confirm_expired.html", 410),
    SignupState.GONE: ("confirm_gone.html", 410),
}


class ConfirmPages(RoomPages):
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

"""The form by which a visitor asks to join: on our page, in a frame, or on somebody else's site."""

from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mailer.choices import Choices
from mailer.page import content_policy
from mailer.site import is_json, read_fields, read_json_fields
from mailer.subscribers import forms, json_answers, signup, store
from mailer.subscribers.budgets import site_bucket
from mailer.subscribers.consent import current_wording
from mailer.subscribers.forms import Fields, Filled, Mistake
from mailer.subscribers.room_pages import RoomPages
from mailer.tools.address import Address, suggest

_MADE_FOR = {"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "Content-Type"}


@dataclass(frozen=True, slots=True)
class _Taken:
    """What became of a form. address: None where something is wrong. busy: its site sends too many just now."""

    language: str
    offered: Choices
    form: Filled
    address: Address | None = None
    wrong: dict[str, str] | None = None
    busy: bool = False


class FormPages(RoomPages):
    # ── our own page, and the plain form of another site ────────────────────────────────────────────

    async def form(self, request: Request) -> Response:
        return self._form(await self._empty(request))

    async def subscribe(self, request: Request) -> Response:
        if is_json(request):
            return await self._subscribe_json(request)
        site = self._site(request)
        taken = await self._take(request, await read_fields(request), site or self.links.sign_up(), site)
        if taken.address is None or taken.busy:
            return self._form(taken)
        return self._check_mail(taken.language, taken.address.text, suggest(taken.address))

    # ── the same in a frame ─────────────────────────────────────────────────────────────────────────

    async def framed_form(self, request: Request) -> Response:
        return self._framed(self._form(await self._empty(request), framed=True))

    async def framed_subscribe(self, request: Request) -> Response:
        taken = await self._take(request, await read_fields(request), self.links.embed(), "")
        if taken.address is None:
            return self._framed(self._form(taken, framed=True))
        address, suggestion = taken.address.text, suggest(taken.address)
        return self._framed(self._check_mail(taken.language, address, suggestion, framed=True))

    def _framed(self, response: Response) -> Response:
        sites = self.settings.embed_site_list
        response.headers["Content-Security-Policy"] = content_policy(self.settings, sites)
        return response

    # ── JSON: for a script that keeps the visitor on the other site's page ──────────────────────────

    async def preflight(self, request: Request) -> Response:
        """Whether a page of that origin may send us JSON (Fetch, CORS-preflight): only those on our list."""
        allowed = self._cross_origin(request)
        return Response(status_code=204, headers=allowed | _MADE_FOR if len(allowed) > 1 else allowed)

    async def _subscribe_json(self, request: Request) -> Response:
        headers = self._cross_origin(request)
        try:
            fields = await read_json_fields(request)
        except HTTPException as error:
            return _problem(
                json_answers.unreadable(self.settings, self.language(request)), error.status_code, headers
            )
        site = self._site(request)
        taken = await self._take(request, fields, site or self.links.sign_up(), site)
        given = (self.settings, taken.language)
        if taken.address is None:
            return _problem(json_answers.mistakes(*given, taken.wrong or {}), 422, headers)
        if taken.busy:
            return _problem(json_answers.busy(*given), 429, headers)
        answer = json_answers.check_mail(*given, taken.address.text, suggest(taken.address))
        return JSONResponse(answer, headers=headers)

    def _cross_origin(self, request: Request) -> dict[str, str]:
        origin = request.headers.get("origin", "")
        allowed = {"Access-Control-Allow-Origin": origin} if origin in self.settings.embed_site_list else {}
        return {"Vary": "Origin, Accept-Language"} | allowed

    # ── shared ──────────────────────────────────────────────────────────────────────────────────────

    async def _empty(self, request: Request) -> _Taken:
        return _Taken(self.language(request), await self.offer.choices(), Filled())

    def _form(self, taken: _Taken, *, framed: bool = False) -> Response:
        wrong = taken.wrong or {}
        status = 422 if wrong else 429 if taken.busy else 200
        return self.answer(
            taken.language,
            "subscribe.html",
            status,
            indexed=status == 200 and not framed,
            offered=taken.offered,
            form=taken.form,
            wrong=wrong,
            busy=taken.busy,
            framed=framed,
            wording=current_wording(self.settings, taken.language),
            trap=forms.TRAP,
        )

    async def _take(self, request: Request, fields: Fields, form_address: str, site: str) -> _Taken:
        """form_address: for the record. site: the other site on whose page the form stood; empty: ours."""
        language = self.language(request, next(iter(fields.get("lang", ())), ""))
        form = forms.filled(fields)
        offered = await self.offer.choices()
        seen: dict[str, Any] = {"language": language, "offered": offered, "form": form}
        address = forms.read_address(form)
        wish = forms.read_wish(form, offered, self.settings.language_list)
        if isinstance(address, Mistake) or isinstance(wish, list):
            return _Taken(**seen, wrong=forms.mistakes(address, wish))
        if not forms.is_trapped(fields):
            if site and not await self._has_room(site):
                return _Taken(**seen, address=address, busy=True)
            asked = signup.Request(address, wish, language, form_address, self.client(request))
            await self._sign_up(offered, asked)
        return _Taken(**seen, address=address)

    def _site(self, request: Request) -> str:
        headers = request.headers
        return forms.site_of(self.links.origin, headers.get("sec-fetch-site", ""), headers.get("origin", ""))

    async def _has_room(self, site: str) -> bool:
        """Spend one of the site's own budget: its form can't show that a person opened it."""
        limit, hashed = self.settings.signups_per_site, self.settings.keyring.keyed_hash
        async with self.database.transaction() as db:
            return await store.take(db, [site_bucket(site, limit, hashed, self.clock())])


def _problem(said: dict[str, Any], status: int, headers: dict[str, str]) -> Response:
    """RFC 9457."""
    return JSONResponse(said | {"status": status}, status, headers, "application/problem+json")

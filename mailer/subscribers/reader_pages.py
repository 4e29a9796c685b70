"""The pages behind the links of every digest: what a reader gets, and leaving."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from babel import Locale
from babel.dates import format_date
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mailer import choices
from mailer.site import read_fields
from mailer.subscribers import forms, store
from mailer.subscribers.bursts import note_leave
from mailer.subscribers.forms import Filled, Mistake
from mailer.subscribers.preferences import change, pause
from mailer.subscribers.room_pages import RoomPages, path_of
from mailer.subscribers.status import Status, Subscriber
from mailer.subscribers.unsubscribe import Reason, give_reason, undo, unsubscribe
from mailer.tools.address import Address
from mailer.tools.tokens import Purpose

log = structlog.get_logger(__name__)


class ReaderPages(RoomPages):
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

    async def pause(self, request: Request) -> Response:
        """Until the day in the form; with "on" in it, go on now."""
        number = self._number(Purpose.PREFERENCES, request)
        fields = await read_fields(request)
        if not self.settings.offer_pause and "on" not in fields:
            raise HTTPException(404)
        zone = ZoneInfo(self.settings.timezone)
        day = forms.read_pause(next(iter(fields.get("until", ())), ""), self.clock().astimezone(zone).date())
        until = None
        if "on" not in fields:
            if isinstance(day, Mistake):
                return await self._preferences(request, number, wrong=forms.mistakes(day))
            until = datetime.combine(day, time(), zone)
        async with self.database.transaction() as db:
            await pause(db, number, until, self.clock(), network=self._network(request))
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
        language = self.language(request, preferred)
        return self.answer(
            language,
            "preferences.html",
            422 if wrong else 200,
            masked=Address(person.address).masked,
            offered=offered,
            form=form or forms.filled_from(audience, offered),
            wrong=wrong or {},
            saved=saved,
            pausing=self._pausing(language, person),
            here=path_of(self.links.preferences(number)),
            unsubscribe=path_of(self.links.unsubscribe(number)),
        )

    def _pausing(self, language: str, person: Subscriber) -> dict[str, str] | None:
        """What the page says of pausing; None where the operator doesn't offer it."""
        if not self.settings.offer_pause and person.paused_until is None:
            return None
        zone = ZoneInfo(self.settings.timezone)
        today = self.clock().astimezone(zone).date()
        until = person.paused_until and person.paused_until.astimezone(zone).date()
        locale = Locale.parse(language, sep="-")
        return {
            "until": format_date(until, format="long", locale=locale) if until else "",
            "day": until.isoformat() if until else "",
            "first": (today + timedelta(days=1)).isoformat(),
            "last": (today + forms.PAUSE).isoformat(),
        }

    async def unsubscribe_page(self, request: Request) -> Response:
        number = self._number(Purpose.UNSUBSCRIBE, request)
        async with self.database.reading() as db:
            person, preferred = await self._person(db, number)
        language = self.language(request, preferred)
        if person is None or person.status is Status.UNSUBSCRIBED:
            return self.answer(language, "unsubscribed.html", undo=None, reason=None)
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
            if act and person:
                network = self._network(request)
                for origin in await note_leave(db, self.settings, person.address, network, self.clock()):
                    log.warning("many unsubscribe: see `mailer subscribers bursts`", origin=origin)
        way_back = path_of(self.links.undo(act)) if act else None
        reason = path_of(self.links.reason(act)) if act else None
        language = self.language(request, preferred)
        return self.answer(language, "unsubscribed.html", undo=way_back, reason=reason)

    async def reason(self, request: Request) -> Response:
        number = self._number(Purpose.REASON, request)
        fields = await read_fields(request)
        try:
            reason = Reason(next(iter(fields.get("reason", ())), ""))
        except ValueError:
            raise HTTPException(400) from None
        async with self.database.transaction() as db:
            await give_reason(db, number, reason, self._network(request), self.clock())
        return self.answer(self.language(request), "reason.html")

    async def undo(self, request: Request) -> Response:
        number = self._number(Purpose.UNDO, request)
        async with self.database.transaction() as db:
            done = await undo(db, number, self._network(request), self.clock())
        return self.answer(self.language(request), "resumed.html" if done else "undo_late.html")

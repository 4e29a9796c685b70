"""The form by which a visitor asks to join."""

from starlette.requests import Request
from starlette.responses import Response

from mailer import choices
from mailer.choices import Choices
from mailer.site import read_fields
from mailer.subscribers import forms, signup
from mailer.subscribers.consent import current_wording
from mailer.subscribers.forms import Filled, Mistake
from mailer.subscribers.room_pages import RoomPages
from mailer.tools.address import suggest


class FormPages(RoomPages):
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

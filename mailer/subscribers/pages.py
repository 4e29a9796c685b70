"""The visitor's pages. A GET changes nothing; every change is a POST by a person's button (or RFC 8058's)."""

from starlette.routing import BaseRoute, Route

from mailer.database import Database
from mailer.settings import Settings
from mailer.subscribers.address_pages import AddressPages
from mailer.subscribers.confirm_pages import ConfirmPages
from mailer.subscribers.form_pages import FormPages
from mailer.subscribers.reader_pages import ReaderPages
from mailer.subscribers.reception import Wake
from mailer.tools.clock import Clock


def routes(settings: Settings, database: Database, clock: Clock, wake: Wake) -> list[BaseRoute]:
    """Every route of this room."""
    given = (settings, database, clock, wake)
    form, asked, reader = FormPages(*given), ConfirmPages(*given), ReaderPages(*given)
    address = AddressPages(*given)
    table = [
        ("/", form.form, "GET"),
        ("/subscribe", form.form, "GET"),
        ("/subscribe", form.subscribe, "POST"),
        ("/subscribe", form.preflight, "OPTIONS"),
        ("/embed", form.framed_form, "GET"),
        ("/embed", form.framed_subscribe, "POST"),
        ("/preferences/{token}/pause", reader.preferences_page, "GET"),  # for the switch of languages
        ("/preferences/{token}/pause", reader.pause, "POST"),
        ("/reason/{token}", reader.reason, "POST"),
        ("/link", address.link_page, "GET"),
        ("/link", address.link, "POST"),
        ("/preferences/{token}/address", address.fresh_link, "POST"),
        ("/address/{token}", address.address_page, "GET"),
        ("/address/{token}", address.address, "POST"),
        ("/move/{token}", address.move_page, "GET"),
        ("/move/{token}", address.move, "POST"),
        ("/confirm/{token}", asked.confirm_page, "GET"),
        ("/confirm/{token}", asked.confirm, "POST"),
        ("/confirm/{token}/again", asked.ask_again, "POST"),
        ("/refuse/{token}", asked.refuse_page, "GET"),
        ("/refuse/{token}", asked.refuse, "POST"),
        ("/preferences/{token}", reader.preferences_page, "GET"),
        ("/preferences/{token}", reader.preferences, "POST"),
        ("/unsubscribe/{token}", reader.unsubscribe_page, "GET"),
        ("/unsubscribe/{token}", reader.unsubscribe, "POST"),
        ("/unsubscribe/{token}/", reader.unsubscribe_page, "GET"),  # RFC 8058 §3.1: never a redirect
        ("/unsubscribe/{token}/", reader.unsubscribe, "POST"),
        ("/undo/{token}", reader.undo, "POST"),
    ]
    return [Route(path, endpoint, methods=[method]) for path, endpoint, method in table]

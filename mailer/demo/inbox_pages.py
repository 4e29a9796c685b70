"""The demo's mailbox in the browser: a list, and each mail as HTML, as text and as source."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mailer.demo.inbox import Inbox, Mail
from mailer.page import page
from mailer.settings import Settings

FRAMED = "; ".join(
    (
        "sandbox allow-popups allow-popups-to-escape-sandbox",  # no script, no forms, no origin of its own
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src http: https: data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
"""What the HTML of a mail may do: be looked at. It came from outside, as every mail does."""


def routes(settings: Settings, inbox: Inbox) -> list[BaseRoute]:
    """`/inbox`, for demo and tests only: whoever can reach it reads everybody's mail."""

    async def listed(_request: Request) -> Response:
        mails = sorted(inbox.mails(), key=lambda mail: -mail.number)
        return HTMLResponse(page(settings, "en", "inbox.html", mails=mails))

    async def shown(request: Request) -> Response:
        mail, way = _mail(inbox, request), request.query_params.get("as", "html")
        html = page(settings, "en", "mail.html", mail=mail, way=way, headers=mail.message.items())
        return HTMLResponse(
            html,
            headers={
                "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'"
            },
        )

    async def html(request: Request) -> Response:
        body = _mail(inbox, request).part("html").replace("<head>", '<head><base target="_blank">', 1)
        return HTMLResponse(body, headers={"Content-Security-Policy": FRAMED})

    async def source(request: Request) -> Response:
        return PlainTextResponse(_mail(inbox, request).source.decode("utf-8", "replace"))

    async def first(_request: Request) -> Response:
        return RedirectResponse("/inbox")

    return [
        Route("/inbox", listed),
        Route("/inbox/", first),
        Route("/inbox/{number:int}", shown),
        Route("/inbox/{number:int}/html", html),
        Route("/inbox/{number:int}/source", source),
    ]


def _mail(inbox: Inbox, request: Request) -> Mail:
    mail = inbox.mail(request.path_params["number"])
    if mail is None:
        raise HTTPException(404)
    return mail

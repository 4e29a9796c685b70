"""What the pages of all rooms share: answers, forms, who is asking, our stylesheets, error pages.

It knows requests and responses, and nothing of what the pages are about.
"""

import json
from collections.abc import Callable, Mapping
from os import PathLike, stat_result
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from mailer.page import brand_css, page, static_folder
from mailer.settings import Settings
from mailer.tools.languages import negotiate
from mailer.tools.network import IpAddress, client_address, trusted_networks

_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def _speaking(language: str) -> dict[str, str]:
    """RFC 9110 §8.5 and §12.5.5: the language of an answer, and that another browser may get another."""
    return {"Content-Language": language, "Vary": "Accept-Language"}


class Site:
    """Makes the answers of one operator's pages."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._trusted = trusted_networks(settings.trusted_proxies)

    def language(self, request: Request, preferred: str = "") -> str:
        """One on offer: asked for by ?lang=, else `preferred`, else as the browser says.

        preferred: the reader's own setting, or the language of the form that was sent. Links in mails carry
        no ?lang=, so there the setting counts; who presses the switch on a page wants to read now.
        """
        asked = request.query_params.get("lang", "")
        if asked not in self.settings.language_list:
            asked = preferred
        return negotiate(self.settings.language_list, asked, request.headers.get("accept-language", ""))

    def answer(
        self, language: str, template: str, status: int = 200, *, indexed: bool = False, **values: Any
    ) -> Response:
        """A page; unless `indexed` it is kept out of search engines too."""
        headers = _PRIVATE | _speaking(language)
        if not indexed:
            headers["X-Robots-Tag"] = "noindex"
        return HTMLResponse(page(self.settings, language, template, **values), status, headers)

    def client(self, request: Request) -> IpAddress | None:
        """The visitor's own address, as far as it can be believed."""
        peer = request.client.host if request.client else ""
        return client_address(peer, request.headers.getlist("x-forwarded-for"), self._trusted)


async def read_fields(request: Request) -> dict[str, list[str]]:
    """Every value of each field of a urlencoded or multipart form. Raises HTTPException(400)."""
    try:
        data = await request.form(max_files=0, max_fields=200)
    except (LookupError, UnicodeError):  # a charset that is none
        raise HTTPException(400) from None
    values: dict[str, list[str]] = {}
    for name, value in data.multi_items():
        if isinstance(value, str):
            values.setdefault(name, []).append(value)
    return values


def is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


async def read_json_fields(request: Request) -> dict[str, list[str]]:
    """The same of a JSON object whose values are texts or lists of texts. Raises HTTPException(400)."""
    try:
        data = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise HTTPException(400) from None
    if not isinstance(data, dict) or len(data) > 200:
        raise HTTPException(400)
    fields = {name: value if isinstance(value, list) else [value] for name, value in data.items()}
    if not all(isinstance(one, str) for values in fields.values() for one in values):
        raise HTTPException(400)
    return fields


def static_routes(settings: Settings) -> list[BaseRoute]:
    """Our stylesheets and icons, whose addresses change with their content, and the script for other sites."""

    async def brand(request: Request) -> Response:
        return Response(brand_css(settings), media_type="text/css", headers=_FOR_EVER)

    async def script(request: Request) -> Response:
        """For other sites: its address never changes, so it is asked for again each hour."""
        headers = {"Cache-Control": "public, max-age=3600", "Cross-Origin-Resource-Policy": "cross-origin"}
        return FileResponse(static_folder() / "embed.js", media_type="text/javascript", headers=headers)

    return [
        Route("/static/brand.css", brand, methods=["GET"]),
        Route("/static/embed.js", script, methods=["GET"]),
        Mount("/static", _Static(directory=static_folder())),
    ]


class _Static(StaticFiles):
    def file_response(
        self,
        full_path: str | PathLike[str],
        stat_result: stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(_FOR_EVER)
        return response


def error_pages(settings: Settings) -> Mapping[Any, Callable[[Request, Exception], Any]]:
    """For Starlette's `exception_handlers`: every error is a page in plain words, without details."""
    site = Site(settings)

    async def handle(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        language = site.language(request)
        given = error.headers if isinstance(error, HTTPException) else None
        html = page(settings, language, "error.html", status=status)
        return HTMLResponse(html, status, {**_speaking(language), **(given or {})})

    return {HTTPException: handle, Exception: handle}

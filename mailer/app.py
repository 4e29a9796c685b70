"""The web app: the pages of all rooms, files, the health check, and what is shown when something fails.

One of the two files that know all rooms.
"""

from collections.abc import Sequence

from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from mailer import digests, subscribers
from mailer.database import Database
from mailer.engine import Engine
from mailer.page import base_path, image_sources
from mailer.settings import Settings
from mailer.site import error_pages, static_routes
from mailer.tools.clock import Clock
from mailer.tools.web_guard import WebGuard
from mailer.worker import SEND


def create_app(
    settings: Settings,
    database: Database,
    engine: Engine,
    clock: Clock,
    more_routes: Sequence[BaseRoute] = (),
) -> ASGIApp:
    """The whole web part, as one ASGI app under the path of the public address."""

    async def wake(batch: int) -> None:
        await engine.enqueue(SEND, batch, ahead=True)

    async def health(_request: Request) -> Response:
        """200 while the database answers; asked by containers and load balancers, so at a fixed place too."""
        try:
            async with database.reading() as db:
                await db.execute(text("SELECT 1"))
        except Exception:
            return JSONResponse({"status": "the database can't be reached"}, 503)
        return JSONResponse({"status": "ok"})

    routes = [
        Route("/health", health),
        *static_routes(settings),
        *subscribers.routes(settings, database, clock, wake),
        *digests.routes(settings, database),
        *more_routes,
    ]
    path = base_path(settings)
    app = Starlette(
        routes=[Route("/health", health), Mount(path, routes=routes)] if path else routes,
        exception_handlers=error_pages(settings),
    )
    # Around everything, so that error pages have its headers too.
    secure = settings.public_url.startswith("https://")
    return WebGuard(app, secure=secure, images=image_sources(settings))

"""What holds for every route of the app, those included that somebody adds tomorrow (W14)."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NoReturn

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route

from mailer.app import create_app
from mailer.database import Database
from mailer.engine import Engine
from mailer.settings import Settings
from mailer.tools.web_guard import MAX_BODY, WebGuard
from tests.conftest import FrozenClock, make_settings

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def break_down(_request: Request) -> NoReturn:
    raise RuntimeError("a secret of ours")


@pytest.fixture(params=["", "/newsletter"], ids=["own host", "under a path"])
def settings(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Settings:
    url = f"https://news.example.org{request.param}"
    return make_settings(database_url=database_url, data_dir=tmp_path, public_url=url)


@pytest.fixture
def app(settings: Settings, database: Database, clock: FrozenClock) -> WebGuard:
    broken = Route("/broken", break_down)
    guard = create_app(settings, database, Engine.beside(database), clock, [broken])
    assert isinstance(guard, WebGuard)
    return guard


@pytest.fixture
async def client(app: WebGuard) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="https://news.example.org") as client:
        yield client


def paths(routes: list[BaseRoute], before: str = "") -> Iterator[str]:
    """Every address that the app has, with something in the place of what a route leaves open."""
    for route in routes:
        if isinstance(route, Route):
            yield before + route.path.replace("{token}", "no-such-token")
        else:
            assert isinstance(route, Mount), f"a kind of route that this test doesn't know: {route}"
            yield from paths(list(route.routes), before + route.path)
            yield f"{before}{route.path}/site.css"


def check(answer: httpx2.Response) -> None:
    """The headers of W14, and nothing that an answer must not tell."""
    where = f"{answer.request.method} {answer.request.url} {answer.status_code}"
    headers = answer.headers
    policy = {part.split()[0]: part.split()[1:] for part in headers["content-security-policy"].split(";")}
    for directive in ("default-src", "object-src", "base-uri", "frame-ancestors"):
        assert policy[directive] == ["'none'"], where
    assert policy["form-action"] == ["'self'"], where
    assert "unsafe" not in headers["content-security-policy"], where
    assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains", where
    assert headers["x-content-type-options"] == "nosniff", where
    assert headers["referrer-policy"] == "no-referrer", where
    assert headers["cross-origin-opener-policy"] == "same-origin", where
    assert "cache-control" in headers, where
    assert "server" not in headers, where
    kind = headers.get("content-type", "")
    assert not kind.startswith("text/") or kind.endswith("charset=utf-8"), where
    assert "secret" not in answer.text, where


async def test_every_route_answers_every_method_with_all_headers(
    app: WebGuard, client: httpx2.AsyncClient
) -> None:
    inner = app.app
    assert isinstance(inner, Starlette)
    addresses = set(paths(inner.routes))
    assert len(addresses) > 12
    seen = set()
    for address in addresses:
        for method in METHODS:
            answer = await client.request(method, address)
            check(answer)
            seen.add(answer.status_code)
    assert {200, 404, 405, 422, 500} <= seen


async def test_what_is_refused_before_any_route_has_them_too(
    client: httpx2.AsyncClient, settings: Settings
) -> None:
    base = settings.public_url.removeprefix("https://news.example.org")

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"a=b&" * 4096

    refused = {
        404: await client.get("/nowhere/at/all"),
        413: await client.post(f"{base}/subscribe", content=b"x" * (MAX_BODY + 1)),
        400: await client.post(f"{base}/subscribe", files={"address": ("x.exe", b"MZ")}),
    }
    for status, answer in refused.items():
        assert answer.status_code == status
        check(answer)
    answer = await client.post(f"{base}/subscribe", content=endless())  # no Content-Length, and no end
    assert answer.status_code == 413
    check(answer)

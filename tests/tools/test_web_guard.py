"""What holds for every answer."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mailer.tools.web_guard import MAX_BODY, WebGuard


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def fail(request: Request) -> Response:
    raise RuntimeError("secret details")


async def own(request: Request) -> Response:
    return PlainTextResponse("x", headers={"Content-Security-Policy": "sandbox", "Cache-Control": "public"})


def browser(*, secure: bool = True) -> httpx2.AsyncClient:
    app = Starlette(
        routes=[
            Route("/", echo, methods=["GET", "POST"]),
            Route("/fail", fail),
            Route("/own", own),
        ]
    )
    guarded = WebGuard(app, secure=secure, images=["https://www.example.org"])
    transport = httpx2.ASGITransport(app=guarded, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="https://x.example")


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/none"), ("PUT", "/"), ("GET", "/fail")])
async def test_every_answer_has_the_headers_errors_too(method: str, path: str) -> None:
    async with browser() as client:
        answer = await client.request(method, path)
    policy = answer.headers["Content-Security-Policy"]
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert rule in policy
    assert "img-src 'self' https://www.example.org" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "secret" not in answer.text


async def test_without_https_nobody_is_told_to_insist_on_it() -> None:
    async with browser(secure=False) as client:
        assert "Strict-Transport-Security" not in (await client.get("/")).headers


async def test_an_answer_keeps_its_own_headers() -> None:
    async with browser() as client:
        answer = await client.get("/own")
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    assert answer.headers["Cache-Control"] == "public"


async def test_a_body_up_to_the_limit_arrives_whole() -> None:
    async with browser() as client:
        assert (await client.post("/", content=b"x" * MAX_BODY)).text == str(MAX_BODY)


async def test_a_larger_body_is_refused_before_the_app_sees_it() -> None:
    async with browser() as client:
        answer = await client.post("/", content=b"x" * (MAX_BODY + 1))
    assert answer.status_code == 413
    assert "too large" in answer.text
    assert "Content-Security-Policy" in answer.headers


async def test_a_stream_without_length_is_cut_off_early() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1_000_000):
            sent += 1024
            yield b"a=b&" * 256

    async with browser() as client:
        answer = await client.post("/", content=endless())
    assert answer.status_code == 413
    assert sent <= MAX_BODY + 2048

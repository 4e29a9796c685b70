"""What holds for every answer of the web part: how much may come in, and the headers that go out.

Plain ASGI, around the whole app, so that error pages and files have it too.
"""

from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 64 * 1024


def content_policy(images: Iterable[str] = (), framed_by: Iterable[str] = ()) -> str:
    """The Content-Security-Policy of a page. framed_by: sites (as "https://www.example.org") that may frame it."""
    return "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "connect-src 'self'",  # no page of ours runs a script; but robots.txt is asked for under this rule
            " ".join(("img-src 'self'", *images)),
            "form-action 'self'",
            "base-uri 'none'",
            "object-src 'none'",
            " ".join(("frame-ancestors", *(tuple(framed_by) or ("'none'",)))),
        )
    )


class WebGuard:
    """max_body: bytes; a larger request gets 413 and never reaches the app. secure: we are behind https.

    images: hosts (as "https://www.example.org") from which pages may show pictures beside our own.
    A header that an answer has already is left as it is.
    """

    def __init__(
        self, app: ASGIApp, *, secure: bool, images: Iterable[str] = (), max_body: int = MAX_BODY
    ) -> None:
        self.app = app
        self.max_body = max_body
        self.headers = {
            "Content-Security-Policy": content_policy(images),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
            "Cache-Control": "no-store",
        }
        if secure:
            self.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        body = await self._read(receive)
        if body is None:
            await _refuse(send_guarded)
            return
        await self.app(scope, _replay(body, receive), send_guarded)

    async def _read(self, receive: Receive) -> bytes | None:
        """The whole body, or None as soon as it is too large: Content-Length may be missing, or a lie."""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b""  # gone already
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self.max_body:
                return None
            if not message.get("more_body", False):
                return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body at the first call, and afterwards only whether the client left."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(send: Send) -> None:
    text = b"This request is too large. Nothing was changed.\n"
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),  # the rest of the body stays unread
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": text})

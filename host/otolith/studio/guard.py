"""Lets only the page that `host studio` opened talk to the server.

Any web page that a user visits can send requests to 127.0.0.1. Four checks keep them out: a random
token that only the printed link contains, a cookie that browsers send with requests of this site
alone, the Host header (DNS rebinding) and the Origin header (requests of other sites, WebSockets).
"""

from __future__ import annotations

import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = ("GET", "HEAD")
# lit-html and uPlot set styles in scripts; no script stands in a page.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}


def new_token() -> str:
    """A token nobody can guess: 256 bits."""
    return secrets.token_urlsafe(32)


class Guard:
    """Refuses requests that do not come from the page.

    Args:
        app: Answers the requests that pass.
        token: Opens the page once, as ?token=. The cookie holds it from then on.
        port: Of the server, at 127.0.0.1 and localhost.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self.app, self.token = app, token
        self.hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        self.origins = tuple(f"http://{host}" for host in self.hosts)
        # Cookies know no ports: two servers on this computer must not take each other's.
        self.cookie = f"otolith_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal is not None:
                await receive()
                await send({"type": "websocket.close", "code": 4403})
                return
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
                message["headers"] = headers.raw
            await send(message)

        answer: ASGIApp = self.app if refusal is None else refusal
        await answer(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """What to answer instead of the app. None: the request may pass."""
        headers = Headers(scope=scope)
        if headers.getlist("host") not in ([host] for host in self.hosts):
            return _no("this server answers at 127.0.0.1 and localhost only")
        origins = headers.getlist("origin")
        must_have = scope["type"] == "websocket" or scope["method"] not in SAFE
        if (origins or must_have) and origins not in ([origin] for origin in self.origins):
            return _no("this request comes from another site")
        if headers.get("sec-fetch-site") == "cross-site" and not _is_link(scope):
            return _no("this request comes from another site")
        if self._is_right(self._sent(headers)):
            return None
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/":
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
            if self._is_right(given[0]):
                answer = RedirectResponse("/", 303)
                answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict")
                return answer
        return _no("open Studio with the link that `host studio` printed")

    def _sent(self, headers: Headers) -> str:
        """The token of the cookie."""
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return ""
        return "" if found is None else found.value

    def _is_right(self, token: str) -> bool:
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode())


def _is_link(scope: Scope) -> bool:
    """Whether a request opens the page with the token."""
    return scope["type"] == "http" and scope["path"] == "/" and b"token=" in scope["query_string"]


def _no(why: str) -> Response:
    return Response(f"Refused: {why}.\n", 403, media_type="text/plain")

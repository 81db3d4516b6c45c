"""Lets only the page that `host studio` opened talk to the server.

Any web page that a user visits can send requests to 127.0.0.1. Four checks keep them out: a random
token that only the printed link contains, a cookie that browsers send with requests of this site
alone, the Host header (DNS rebinding) and the Origin header (requests of other sites, WebSockets).

With `host studio --listen` the same checks hold for the addresses of this computer, and a password
gives others the cookie (sharing.py).
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from otolith.studio import sharing
from otolith.studio.sharing import Door

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
# The page that asks for the password has a form.
POLICY_OF_DOOR = POLICY.replace("form-action 'none'", "form-action 'self'")
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
        door: Asks others on the network for the password. None: the server is not open to them.
    """

    def __init__(self, app: Starlette, token: str, port: int, door: Door | None = None) -> None:
        self.app, self.token, self.door = app, token, door
        self.hosts: tuple[str, ...] = (f"127.0.0.1:{port}", f"localhost:{port}")
        if door is not None:
            self.hosts += sharing.hosts(port)
        self.origins = tuple(f"http://{host}" for host in self.hosts)
        # Cookies know no ports: two servers on this computer must not take each other's.
        self.cookie = f"otolith_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        asks = self.door is not None and scope["type"] == "http"
        if refusal is not None and asks and self._is_for_page(scope):
            refusal = await self._asked(scope, receive)
        if scope["type"] == "websocket":
            if refusal is not None:
                await receive()
                await send({"type": "websocket.close", "code": 4403})
                return
            with contextlib.suppress(WebSocketDisconnect):  # the page is gone: nobody to tell
                await self.app(scope, receive, send)
            return

        local = Headers(scope=scope).get("host") in self.hosts[:2]

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in HEADERS.items():
                    if local or name != "Cross-Origin-Opener-Policy":  # else browsers complain
                        headers[name] = value
                if refusal is not None:
                    headers["Content-Security-Policy"] = POLICY_OF_DOOR
                    headers["Referrer-Policy"] = "same-origin"  # else a form has no Origin
                headers.setdefault("Cache-Control", "no-store")
                message["headers"] = headers.raw
            await send(message)

        answer: ASGIApp = self.app if refusal is None else refusal
        await answer(scope, receive, with_headers)

    def _is_for_page(self, scope: Scope) -> bool:
        """Whether a request of this site opens the page or sends a password."""
        opens = (scope["method"], scope["path"]) in (("GET", "/"), ("POST", "/login"))
        return opens and self._stranger(scope) is None

    async def _asked(self, scope: Scope, receive: Receive) -> Response:
        """Ask for the password, or judge the one that was sent."""
        assert self.door is not None
        if scope["method"] == "GET":
            return HTMLResponse(sharing.page(), 401)
        body = b""
        async for part in Request(scope, receive).stream():
            body += part
            if len(body) > sharing.MOST_BODY:
                return _no("no password is that long")
        address = (scope.get("client") or ("",))[0]
        problem = self.door.opens(address, body)
        if problem:
            status = 429 if self.door.wait_s(address) else 401
            return HTMLResponse(sharing.page(problem), status)
        return self._let_in()

    def _let_in(self) -> Response:
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict")
        return answer

    def _refusal(self, scope: Scope) -> Response | None:
        """What to answer instead of the app. None: the request may pass."""
        stranger = self._stranger(scope)
        if stranger is not None:
            return stranger
        headers = Headers(scope=scope)
        if self._is_right(self._sent(headers)):
            return None
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/":
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
            if self._is_right(given[0]):
                return self._let_in()
        return _no("open Studio with the link that `host studio` printed")

    def _stranger(self, scope: Scope) -> Response | None:
        """What to answer a request of another site, or for another host."""
        headers = Headers(scope=scope)
        if headers.getlist("host") not in ([host] for host in self.hosts):
            return _no("this server answers at the addresses that `host studio` printed")
        origins = headers.getlist("origin")
        must_have = scope["type"] == "websocket" or scope["method"] not in SAFE
        if (origins or must_have) and origins not in ([origin] for origin in self.origins):
            return _no("this request comes from another site")
        if headers.get("sec-fetch-site") == "cross-site" and not _is_link(scope):
            return _no("this request comes from another site")
        return None

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

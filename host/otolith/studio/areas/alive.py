"""Lets a page notice that the server has ended, and that it is there again."""

from __future__ import annotations

import contextlib

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect


async def alive(socket: WebSocket) -> None:
    """WebSocket alive: open as long as page and server are there."""
    await socket.accept()
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass


def routes() -> list[BaseRoute]:
    """The addresses."""
    return [WebSocketRoute("/alive", alive)]

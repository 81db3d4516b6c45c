"""A WebSocket whose work is done in a thread: recorders and boards wait for sound."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import traceback
from collections.abc import Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from otolith.errors import UserError
from otolith.files import disk_problem

Say = Callable[[dict[str, Any]], None]


def words(error: Exception) -> str:
    """What a page says of an error. One that nobody expected is printed in the terminal too."""
    told = error if isinstance(error, UserError) else disk_problem(error)
    if told is not None:
        return told.format_message()
    traceback.print_exception(error, file=sys.stderr)
    return f"Studio has a bug: {type(error).__name__}: the terminal says more"


async def refuse(socket: WebSocket, text: str) -> None:
    """Say why a socket is closed, and close it."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await socket.send_json({"kind": "error", "text": text})
        await socket.close()


async def talk(
    socket: WebSocket,
    work: Callable[[Say], None],
    take: Callable[[bytes | str], None],
    end: Callable[[], None],
) -> None:
    """Do work in a thread and send the page what it says, until it has ended.

    Args:
        socket: Accepted.
        work: Gets a function that sends an event. Its errors become events of kind "error".
        take: Gets what the page sends, in the loop's thread.
        end: Makes work end soon. Called when the page is gone.
    """
    events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def say(event: dict[str, Any] | None) -> None:
        with contextlib.suppress(RuntimeError):  # the server has ended
            loop.call_soon_threadsafe(events.put_nowait, event)

    def run() -> None:
        try:
            work(say)
        except Exception as error:
            say({"kind": "error", "text": words(error)})
        finally:
            say(None)

    async def listen() -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while (message := await socket.receive())["type"] != "websocket.disconnect":
                sent = message.get("bytes")
                take(sent if sent is not None else message.get("text") or "")
        end()

    working = asyncio.create_task(asyncio.to_thread(run))
    listening = asyncio.create_task(listen())
    try:
        while (event := await events.get()) is not None:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the page is gone
                await socket.send_json(event)
    finally:
        end()
        listening.cancel()
        with contextlib.suppress(Exception):
            await working
    with contextlib.suppress(RuntimeError):
        await socket.close()

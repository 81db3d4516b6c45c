"""The Live page: a model that hears this computer's microphone, a board or a virtual board."""

from __future__ import annotations

import asyncio
import queue
from typing import Any

import numpy as np
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from otolith.errors import UserError
from otolith.record.stop import Stop
from otolith.studio import wired
from otolith.studio.answers import in_thread
from otolith.studio.hearing import Hearing
from otolith.studio.projects import Project
from otolith.studio.threads import refuse, talk, words
from otolith.untrusted import load_json

AT_ONCE_MS = 3.0  # a network that needs less runs here: two switches of threads may take longer


async def live(socket: WebSocket) -> None:
    """WebSocket live?source=: blocks of sound and settings; answers hops and events as JSON.

    source: microphone (the page sends blocks), virtual, or board with port=.
    """
    await socket.accept()
    asked = socket.query_params
    try:
        project: Project = socket.app.state.projects.find(socket.path_params["project"])
        source = asked.get("source", "microphone")
        if source not in ("microphone", "virtual", "board"):
            raise UserError("source: microphone, virtual or board")
    except UserError as error:
        await refuse(socket, words(error))
        return
    if source == "microphone":
        await _microphone(socket, project)
        return
    wishes: queue.SimpleQueue[Any] = queue.SimpleQueue()
    stop = Stop()
    port = asked.get("port", "") if source == "board" else None

    def take(message: bytes | str) -> None:
        if isinstance(message, str):
            try:
                wishes.put(load_json(message))
            except UserError:
                wishes.put(None)

    def end() -> None:
        stop.signal = 2

    await talk(socket, lambda say: wired.listen(project, port, say, wishes, stop), take, end)


async def _microphone(socket: WebSocket, project: Project) -> None:
    try:
        hearing = await in_thread(Hearing, project)
        await socket.send_json(hearing.hello())
    except UserError as error:
        await refuse(socket, words(error))
        return
    except WebSocketDisconnect:
        return
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                if message.get("bytes") is not None:
                    block = np.frombuffer(message["bytes"][4:], "<i2").astype(np.int16)
                    if hearing.ms < AT_ONCE_MS:
                        found = hearing.hear(block)
                    else:
                        found = await asyncio.to_thread(hearing.hear, block)
                else:
                    asked = load_json(message.get("text") or "")
                    found = [await asyncio.to_thread(hearing.change, asked)]
            except ValueError:
                found = [{"kind": "note", "text": "the page sent no sound: reload it"}]
            except (UserError, OSError) as error:
                found = [{"kind": "note", "text": words(error)}]
            for event in found:
                await socket.send_json(event)
    except (WebSocketDisconnect, RuntimeError):  # the page is gone
        return


def routes() -> list[BaseRoute]:
    """The addresses."""
    return [WebSocketRoute("/p/{project}/live", live)]

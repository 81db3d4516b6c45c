"""The Train, Judge and Live pages."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import msgspec
import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from otolith.data.metadata import SETS
from otolith.errors import UserError
from otolith.studio.answers import answer, body, in_thread
from otolith.studio.hearing import Hearing
from otolith.studio.projects import Project
from otolith.untrusted import load_json

KEPT_RUNS = 50


class Training(msgspec.Struct):
    """What to train. size: An architecture, or "" for the spec's. resume: From the last weights."""

    size: str = ""
    resume: bool = False


class Judging(msgspec.Struct):
    """Which clips judge."""

    set: str = "test"


def _own(request: Request) -> Project:
    project: Project = request.app.state.projects.own(request.path_params["project"])
    return project


async def post_train(request: Request) -> Response:
    """POST train"""
    asked = await body(request, Training)
    options = {"size": asked.size, "resume": asked.resume}
    return answer(await in_thread(request.app.state.jobs.start, _own(request), "train", options))


async def post_sizes(request: Request) -> Response:
    """POST sizes"""
    return answer(await in_thread(request.app.state.jobs.start, _own(request), "sizes", {}))


async def post_judge(request: Request) -> Response:
    """POST judge"""
    asked = await body(request, Judging)
    if asked.set not in SETS:
        raise UserError(f"set: one of {', '.join(SETS)}")
    options = {"set": asked.set}
    return answer(await in_thread(request.app.state.jobs.start, _own(request), "judge", options))


def runs(project: Project) -> list[dict[str, Any]]:
    """Earlier trainings, the newest first."""
    found = []
    for file in sorted((project.state / "runs").glob("*.json"), reverse=True)[:KEPT_RUNS]:
        with contextlib.suppress(OSError, ValueError):
            found.append({"at": file.stem[:15], **json.loads(file.read_text(encoding="utf-8"))})
    return found


async def get_runs(request: Request) -> Response:
    """GET runs"""
    return answer(await in_thread(runs, _own(request)))


async def live(socket: WebSocket) -> None:
    """WebSocket live: blocks of sound and settings; answers hops as JSON."""
    await socket.accept()
    try:
        project = socket.app.state.projects.find(socket.path_params["project"])
        hearing = await in_thread(Hearing, project)
        await socket.send_json(hearing.hello())
    except (UserError, WebSocketDisconnect) as error:
        text = error.format_message() if isinstance(error, UserError) else "gone"
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.send_json({"kind": "error", "text": text})
            await socket.close()
        return
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                if message.get("bytes") is not None:
                    block = np.frombuffer(message["bytes"][4:], "<i2").astype(np.int16)
                    found = await asyncio.to_thread(hearing.hear, block)
                else:
                    asked = load_json(message.get("text") or "")
                    found = [await asyncio.to_thread(hearing.change, asked)]
            except (UserError, ValueError) as error:
                text = error.format_message() if isinstance(error, UserError) else "no sound"
                found = [{"kind": "error", "text": text}]
            for event in found:
                await socket.send_json(event)
    except (WebSocketDisconnect, RuntimeError):  # the page is gone
        return


def routes() -> list[BaseRoute]:
    """The addresses."""
    at = "/p/{project}"
    return [
        Route(at + "/train", post_train, methods=["POST"]),
        Route(at + "/sizes", post_sizes, methods=["POST"]),
        Route(at + "/judge", post_judge, methods=["POST"]),
        Route(at + "/runs", get_runs),
        WebSocketRoute(at + "/live", live),
    ]

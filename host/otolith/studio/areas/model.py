"""The Train and Judge pages."""

from __future__ import annotations

import contextlib
import functools
import json
import threading
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from otolith.audio import RATE
from otolith.data.metadata import SETS
from otolith.errors import UserError
from otolith.evaluate.models import trained
from otolith.listen.chain import Chain
from otolith.studio import clips
from otolith.studio.answers import answer, body, in_thread
from otolith.studio.projects import Project

KEPT_RUNS = 50
MOST_SEEN_S = 60  # of a clip


class Training(msgspec.Struct):
    """What to train. size: An architecture, or "" for the spec's. resume: From the last weights."""

    size: str = ""
    resume: bool = False


class Comparing(msgspec.Struct):
    """Two earlier trainings, as `runs` names them."""

    a: str
    b: str


@functools.lru_cache(maxsize=2)
def _chain(tflite: Path, changed: int) -> tuple[Chain, threading.Lock]:
    """A network, and the lock of those who use it."""
    return Chain(tflite), threading.Lock()


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
            told = json.loads(file.read_text(encoding="utf-8"))
            kept = file.with_suffix(".tflite").exists()
            found.append({**told, "id": file.stem, "at": file.stem[:15], "kept": kept})
    return found


async def post_compare(request: Request) -> Response:
    """POST compare"""
    asked, project = await body(request, Comparing), _own(request)
    known = {run["id"] for run in await in_thread(runs, project) if run["kept"]}
    if not {asked.a, asked.b} <= known:
        raise UserError("this training is not kept any more: reload the page")
    options = {"a": asked.a, "b": asked.b}
    return answer(await in_thread(request.app.state.jobs.start, project, "compare", options))


def seen(project: Project, file: str) -> bytes:
    """What the trained network saw of a clip. Raises UserError."""
    tflite = trained(project.folder).tflite
    pcm = clips.pcm_of(project, file)
    chain, lock = _chain(tflite, tflite.stat().st_mtime_ns)
    with lock:
        return clips.window(pcm[: MOST_SEEN_S * RATE], chain)


async def get_window(request: Request) -> Response:
    """GET window?file="""
    file = request.query_params.get("file", "")
    async with request.app.state.drawing:
        data = await in_thread(seen, _own(request), file)
    return Response(data, media_type="application/octet-stream")


async def get_runs(request: Request) -> Response:
    """GET runs"""
    return answer(await in_thread(runs, _own(request)))


def routes() -> list[BaseRoute]:
    """The addresses."""
    at = "/p/{project}"
    return [
        Route(at + "/train", post_train, methods=["POST"]),
        Route(at + "/sizes", post_sizes, methods=["POST"]),
        Route(at + "/judge", post_judge, methods=["POST"]),
        Route(at + "/window", get_window),
        Route(at + "/runs", get_runs),
        Route(at + "/compare", post_compare, methods=["POST"]),
    ]

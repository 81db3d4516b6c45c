"""The Label page: recordings, their waveform and picture, labels, suggestions, cutting."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from otolith.audio.rate import RATE
from otolith.data.labels import Label, format_track
from otolith.data.metadata import SETS
from otolith.errors import UserError
from otolith.files import make_folder
from otolith.studio import recordings, uploads
from otolith.studio.answers import answer, body, in_thread, parts_of
from otolith.studio.projects import Project

MOST_TRACK = 4 << 20  # bytes of a label file
KINDS_OF_TRACK = (".txt", ".textgrid", ".csv", ".tsv", ".json")


class Named(msgspec.Struct):
    """A recording."""

    name: str


class OneLabel(msgspec.Struct):
    """A label; times in seconds, low and high in Hz."""

    start: float
    end: float
    label: str
    low: float | None = None
    high: float | None = None


class Labels(msgspec.Struct):
    """All labels of a recording, and which state of them the page began with."""

    labels: list[OneLabel]
    version: str


class Looking(msgspec.Struct):
    """How to find sounds."""

    name: str
    by: str = "energy"
    on_db: float = 12.0
    least: float = 0.08
    gap: float = 0.3


class Cutting(msgspec.Struct):
    """How to cut. seconds: Of every clip; None keeps the labels' lengths."""

    name: str
    seconds: float | None = None
    hop: float | None = None
    set: str = ""
    speaker: str = ""


def _own(request: Request) -> Project:
    project: Project = request.app.state.projects.own(request.path_params["project"])
    return project


def _name(request: Request) -> str:
    return request.query_params.get("name", "")


def _number(request: Request, key: str) -> int:
    text = request.query_params.get(key, "")
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise UserError(f"{key}: a number")
    return int(text)


async def get_recordings(request: Request) -> Response:
    """GET recordings"""
    project = _own(request)
    found = await in_thread(recordings.listing, project)
    return answer({"recordings": found, "trained": project.tflite.exists()})


async def put_recording(request: Request) -> Response:
    """PUT recordings/{file}"""
    project, name = _own(request), request.path_params["file"]
    free = await in_thread(recordings.free_name, project, name)
    folder = recordings.folder(project)
    waiting = project.state / "uploads" / f"recording-{secrets.token_hex(8)}"
    make_folder(folder)
    make_folder(waiting.parent)
    try:
        await uploads.receive(waiting, parts_of(request, uploads.MOST_FILE, name))
        free = await in_thread(recordings.free_name, project, name)  # two tabs at once
        waiting.rename(folder / free)
    finally:
        waiting.unlink(missing_ok=True)
    return answer({"name": free})


async def post_open(request: Request) -> Response:
    """POST recordings/open"""
    asked, project = await body(request, Named), _own(request)
    if await in_thread(recordings.opened, project, asked.name) is not None:
        return answer({"job": None})
    options = {"name": asked.name}
    job = await in_thread(request.app.state.jobs.start, project, "recording", options)
    return answer({"job": job})


def _about(project: Project, name: str) -> dict[str, Any]:
    known = recordings.opened(project, name)
    if known is None:
        raise UserError("the recording is not open any more: reload the page")
    found = recordings.track(project, name)
    return {
        "name": name,
        "opened": known,
        "labels": recordings.as_table(found.labels),
        "version": found.version,
        "problems": found.problems,
        "tile": recordings.TILE,
        "pool": recordings.POOL,
        "peak_s": recordings.PEAK / RATE,
    }


async def get_about(request: Request) -> Response:
    """GET recordings/about?name="""
    return answer(await in_thread(_about, _own(request), _name(request)))


async def get_peaks(request: Request) -> Response:
    """GET recordings/peaks?name="""
    data = await in_thread(recordings.peaks, _own(request), _name(request))
    return Response(data, media_type="application/octet-stream")


async def get_tile(request: Request) -> Response:
    """GET recordings/tile?name=&picture=&level=&tile="""
    picture = request.query_params.get("picture", "")
    place = _number(request, "level"), _number(request, "tile")
    data = await in_thread(recordings.tile, _own(request), _name(request), picture, *place)
    return Response(data, media_type="application/octet-stream")


async def get_sound(request: Request) -> Response:
    """GET recordings/sound?name="""
    path = await in_thread(recordings.sound_of, _own(request), _name(request))
    return FileResponse(path, media_type="audio/wav")


async def put_labels(request: Request) -> Response:
    """PUT recordings/labels?name="""
    asked = await body(request, Labels)
    labels = [Label(one.start, one.end, one.label, one.low, one.high) for one in asked.labels]
    given = (_own(request), _name(request), labels, asked.version)
    return answer({"version": await in_thread(recordings.save, *given)})


def _text(project: Project, name: str) -> str:
    return format_track(recordings.track(project, name).labels)


async def get_track(request: Request) -> Response:
    """GET recordings/track?name=: an Audacity label track."""
    text = await in_thread(_text, _own(request), _name(request))
    headers = {"Content-Disposition": 'attachment; filename="labels.txt"'}
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)


async def post_track(request: Request) -> Response:
    """POST recordings/track?name=&file=: a label file of any program; its labels are answered."""
    project, given = _own(request), request.query_params.get("file", "")
    suffix = next((s for s in KINDS_OF_TRACK if given.lower().endswith(s)), "")
    if not suffix:
        raise UserError("no label file: Audacity's .txt, .TextGrid, .csv, .tsv or .json")
    top = project.state / "uploads"
    make_folder(top)
    waiting = top / f"track-{secrets.token_hex(8)}{suffix}"
    try:
        await uploads.receive(waiting, parts_of(request, MOST_TRACK, "label file"))
        found = await in_thread(recordings.read_labels, project, _name(request), waiting)
    finally:
        waiting.unlink(missing_ok=True)
    return answer({"labels": recordings.as_table(found.labels), "problems": found.problems})


async def post_suggest(request: Request) -> Response:
    """POST recordings/suggest"""
    asked, project = await body(request, Looking), _own(request)
    if asked.by not in ("energy", "model"):
        raise UserError("by: energy or model")
    if not (1 <= asked.on_db <= 60 and 0.01 <= asked.least <= 60 and 0.01 <= asked.gap <= 60):
        raise UserError("dB: 1 to 60; seconds: 0.01 to 60")
    recordings.find(project, asked.name)
    options = msgspec.to_builtins(asked)
    return answer(await in_thread(request.app.state.jobs.start, project, "suggest", options))


async def post_cut(request: Request) -> Response:
    """POST recordings/cut"""
    asked, project = await body(request, Cutting), _own(request)
    if asked.seconds is not None and not 0.05 <= asked.seconds <= 3600:
        raise UserError("seconds of a clip: 0.05 to 3600")
    if asked.hop is not None and (asked.seconds is None or not 0.01 <= asked.hop <= 3600):
        raise UserError("seconds between clips: 0.01 to 3600, and only for clips of one length")
    if asked.set not in ("", *SETS):
        raise UserError(f"set: one of {', '.join(SETS)}")
    recordings.find(project, asked.name)
    options = msgspec.to_builtins(asked)
    return answer(await in_thread(request.app.state.jobs.start, project, "cut", options))


def routes() -> list[Route]:
    """The addresses."""
    at = "/p/{project}/recordings"
    return [
        Route(at, get_recordings),
        Route(at + "/open", post_open, methods=["POST"]),
        Route(at + "/about", get_about),
        Route(at + "/peaks", get_peaks),
        Route(at + "/tile", get_tile),
        Route(at + "/sound", get_sound),
        Route(at + "/labels", put_labels, methods=["PUT"]),
        Route(at + "/track", get_track),
        Route(at + "/track", post_track, methods=["POST"]),
        Route(at + "/suggest", post_suggest, methods=["POST"]),
        Route(at + "/cut", post_cut, methods=["POST"]),
        Route(at + "/file/{file}", put_recording, methods=["PUT"]),
    ]

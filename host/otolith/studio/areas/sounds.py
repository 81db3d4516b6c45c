"""The Sounds page: list, pictures, changes, imports, the recorder."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from otolith.data.names import check_label
from otolith.data.relabel import move
from otolith.errors import UserError
from otolith.record.stop import Stop
from otolith.studio import basket, clips, uploads
from otolith.studio.answers import answer, body, confined, in_thread, parts_of
from otolith.studio.apart import Apart
from otolith.studio.projects import Project
from otolith.studio.recorder import PageMicrophone, Wish, record, record_board
from otolith.studio.threads import Say, refuse, talk
from otolith.untrusted import load_json

CHECK_S = 900.0  # of the check of a whole dataset


class Files(msgspec.Struct):
    """Clips, as in metadata.csv."""

    files: list[str]


class NewLabel(msgspec.Struct):
    """Clips that get another label."""

    files: list[str]
    label: str


class Part(msgspec.Struct):
    """The part of a clip that stays, in seconds."""

    file: str
    start: float
    stop: float


class Kind(msgspec.Struct):
    """A kind of finding."""

    kind: str


class Undo(msgspec.Struct):
    """What a change answered."""

    id: str


class Upload(msgspec.Struct):
    """An upload that is complete. label: of all files, or "" for their folders' names."""

    upload: str
    label: str = ""


def _own(request: Request) -> Project:
    project: Project = request.app.state.projects.own(request.path_params["project"])
    return project


def _any(request: Request) -> Project:
    project: Project = request.app.state.projects.find(request.path_params["project"])
    return project


async def get_listing(request: Request) -> Response:
    """GET clips"""
    project = _any(request)
    data = await in_thread(lambda: msgspec.json.encode(clips.listing(project)))  # thousands of rows
    return Response(data, media_type="application/json")


async def get_findings(request: Request) -> Response:
    """GET findings"""
    found = _apart(request).call
    target, project = "otolith.studio.clips:shown_advice", _any(request)
    return answer(await in_thread(lambda: found(target, project, limit_s=CHECK_S)))


async def get_sound(request: Request) -> Response:
    """GET sound?file="""
    path = confined(_any(request).dataset, request.query_params.get("file", ""))
    return FileResponse(path, media_type="audio/wav")


def _apart(request: Request) -> Apart:
    apart: Apart = request.app.state.apart
    return apart


async def get_picture(request: Request) -> Response:
    """GET picture?file=&columns="""
    columns = request.query_params.get("columns", "0")
    if not columns.isdecimal() or len(columns) > 5:
        raise UserError("columns: a number")
    file = request.query_params.get("file", "")
    async with request.app.state.drawing:
        given = ("otolith.studio.clips:picture_of", _any(request), file, int(columns))
        data = await in_thread(_apart(request).call, *given)
    return Response(data, media_type="application/octet-stream")


async def post_remove(request: Request) -> Response:
    """POST remove"""
    asked = await body(request, Files)
    return answer({"undo": await in_thread(basket.remove, _own(request), asked.files)})


async def post_undo(request: Request) -> Response:
    """POST undo"""
    asked = await body(request, Undo)
    return answer({"files": await in_thread(basket.put_back, _own(request), asked.id)})


async def post_relabel(request: Request) -> Response:
    """POST relabel"""
    asked = await body(request, NewLabel)
    label = check_label(asked.label)
    names = tuple(asked.files)
    return answer({"moved": await in_thread(_relabel, _own(request), names, label)})


def _relabel(project: Project, names: tuple[str, ...], label: str) -> int:
    known = project.rows().by_file()
    if any(name not in known for name in names):
        raise UserError("a clip is not in the dataset any more: reload the page")
    return move(project.dataset, names, label)


async def post_cut(request: Request) -> Response:
    """POST cut"""
    asked = await body(request, Part)
    undo = await in_thread(clips.cut, _own(request), asked.file, asked.start, asked.stop)
    return answer({"undo": undo})


async def post_fix(request: Request) -> Response:
    """POST fix"""
    asked = await body(request, Kind)
    return answer({"undo": await in_thread(clips.fix, _own(request), asked.kind)})


async def post_upload(request: Request) -> Response:
    """POST uploads"""
    return answer({"upload": await in_thread(uploads.begin, _own(request))})


async def put_file(request: Request) -> Response:
    """PUT uploads/{upload}/{file}"""
    folder = uploads.folder_of(_own(request), request.path_params["upload"])
    name = request.path_params["file"]
    path = uploads.path_of(folder, name)
    if path.exists():
        raise UserError(f"{name}: sent twice")
    size = await uploads.receive(path, parts_of(request, uploads.MOST_FILE, name))
    return answer({"bytes": size})


async def post_import(request: Request) -> Response:
    """POST import"""
    asked, project = await body(request, Upload), _own(request)
    label = check_label(asked.label) if asked.label else ""
    folder = uploads.folder_of(project, asked.upload)
    options = {"folder": str(folder), "label": label}
    return answer(await in_thread(request.app.state.jobs.start, project, "import", options))


async def recorder(socket: WebSocket) -> None:
    """WebSocket record: a wish as JSON, then blocks of sound; answers events as JSON."""
    await socket.accept()
    stop = Stop()
    try:
        project: Project = socket.app.state.projects.own(socket.path_params["project"])
        wish = msgspec.convert(load_json(await socket.receive_text()), Wish)
    except (UserError, msgspec.ValidationError, KeyError) as error:
        text = error.format_message() if isinstance(error, UserError) else str(error)
        await refuse(socket, text)
        return
    source = PageMicrophone(wish.device[:80] or "browser")

    def work(say: Say) -> None:
        if wish.port:
            record_board(project, wish, say, stop)
        else:
            record(project, wish, source, say, stop)

    def take(message: bytes | str) -> None:
        if isinstance(message, bytes):
            source.put(message)
        elif message == "stop":
            end()

    def end() -> None:
        stop.signal = 2

    await talk(socket, work, take, end)


def routes() -> list[BaseRoute]:
    """The addresses."""
    at = "/p/{project}"
    return [
        Route(at + "/clips", get_listing),
        Route(at + "/findings", get_findings),
        Route(at + "/sound", get_sound),
        Route(at + "/picture", get_picture),
        Route(at + "/remove", post_remove, methods=["POST"]),
        Route(at + "/undo", post_undo, methods=["POST"]),
        Route(at + "/relabel", post_relabel, methods=["POST"]),
        Route(at + "/cut", post_cut, methods=["POST"]),
        Route(at + "/fix", post_fix, methods=["POST"]),
        Route(at + "/uploads", post_upload, methods=["POST"]),
        Route(at + "/uploads/{upload}/{file:path}", put_file, methods=["PUT"]),
        Route(at + "/import", post_import, methods=["POST"]),
        WebSocketRoute(at + "/record", recorder),
    ]

"""The server: which address is answered by what."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from otolith import paths
from otolith.errors import UserError
from otolith.files import disk_problem
from otolith.setup.studio import LIBRARIES_PART
from otolith.studio.answers import TooLarge, confined
from otolith.studio.apart import Apart
from otolith.studio.areas import (
    alive,
    board,
    features,
    jobs,
    label,
    live,
    model,
    sounds,
    start,
)
from otolith.studio.guard import Guard
from otolith.studio.jobs import Jobs
from otolith.studio.projects import Projects
from otolith.studio.sharing import Door

PAGE = Path(__file__).parent / "page"
# folder in an address -> where its files are; nothing else below node_modules is served
SERVED = {
    "lit-html": paths.STUDIO_MODULES / "lit-html",
    "uplot": paths.STUDIO_MODULES / "uplot" / "dist",
    "wavesurfer": paths.STUDIO_MODULES / "wavesurfer.js" / "dist",
}
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
AREAS = (alive, start, jobs, sounds, label, features, model, live, board)
HOST = "127.0.0.1"


def file_answer(folder: Path, name: str) -> Response:
    """A file of the page or of a library."""
    kind = TYPES.get(Path(name).suffix)
    if kind is None:
        raise HTTPException(404)
    try:
        path = confined(folder, name)
    except UserError as error:
        raise HTTPException(404) from error
    return FileResponse(path, media_type=kind, headers={"Cache-Control": "no-cache"})


async def page(request: Request) -> Response:
    """The page, its modules and its style."""
    return file_answer(PAGE, request.path_params.get("file") or "index.html")


async def library(request: Request) -> Response:
    """A file of a library from npm."""
    folder = SERVED.get(request.path_params["library"])
    if folder is None:
        raise HTTPException(404)
    return file_answer(folder, request.path_params["file"])


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, UserError)
    status = 413 if isinstance(error, TooLarge) else 400
    return JSONResponse({"error": error.format_message()}, status)


async def _broken(request: Request, error: Exception) -> Response:
    told = disk_problem(error)
    if told is not None:
        return JSONResponse({"error": told.format_message()}, 507)
    traceback.print_exception(error, file=sys.stderr)
    text = f"Studio has a bug: {type(error).__name__}: the terminal says more"
    return JSONResponse({"error": text}, 500)


async def _status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": f"{error.status_code}: {error.detail}"}, error.status_code)


def application(
    home: Path, token: str, port: int, opened: str = "", door: Door | None = None
) -> Guard:
    """The whole of Studio behind its guard.

    Args:
        home: Folder with the projects.
        token: Opens the page.
        port: That the server listens at.
        opened: Name of the project to open first, or "".
        door: Asks others on the network for a password. None: they get nothing.

    Raises:
        UserError: A library of the pages is missing or has another version than the pages need.
    """
    if LIBRARIES_PART.find() is None:
        raise UserError("libraries of Studio's pages are missing or too old: run `host setup`")
    routes: list[BaseRoute] = []
    for area in AREAS:
        routes += area.routes()
    app = Starlette(
        routes=[
            Mount("/api", routes=routes),
            Route("/lib/{library}/{file:path}", library),
            Route("/", page),
            Route("/{file:path}", page),
        ],
        exception_handlers={
            UserError: _refused,
            HTTPException: _status,
            Exception: _broken,
        },
    )
    app.state.projects = Projects(home)
    app.state.jobs = Jobs()
    app.state.apart = Apart()
    app.state.opened = opened
    app.state.is_shared = door is not None
    # Pictures of a long list must not keep other requests waiting.
    app.state.drawing = asyncio.Semaphore(2)
    return Guard(app, token, port, door)


def listen(port: int, host: str = HOST) -> socket.socket:
    """A socket that listens.

    Args:
        port: 0 takes a free one.
        host: 127.0.0.1 answers this computer only.

    Raises:
        UserError: Another program uses the port.
    """
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen(128)
    except OSError as error:
        found.close()
        raise UserError(f"port {port}: {error.strerror}: choose another with --port") from error
    return found


async def _serve(
    server: uvicorn.Server,
    at: socket.socket,
    ready: Callable[[], None],
    leave: Callable[[], None],
) -> None:
    serving = asyncio.create_task(server.serve([at]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.02)
    if server.started:
        ready()
    while not serving.done() and not server.should_exit:
        await asyncio.sleep(0.1)
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # cut off requests are no errors
    leave()
    await serving


def server_of(app: ASGIApp) -> uvicorn.Server:
    """The server of an application, quiet and with limits."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            proxy_headers=False,
            ws="wsproto",
            ws_max_size=1 << 20,
            limit_concurrency=200,
            timeout_graceful_shutdown=1,  # streams of events never end by themselves
        )
    )


def serve(app: Guard, at: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C. Calls `ready` when the page can be opened."""
    state = app.app.state

    def leave() -> None:
        state.jobs.leave()
        state.apart.end()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(server_of(app), at, ready, leave))

"""The Board page: what is connected, upload, the virtual board."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from otolith.device.boards import named
from otolith.device.transports import find_ports
from otolith.errors import UserError, shown
from otolith.studio.answers import answer, body, in_thread
from otolith.studio.projects import Project


class Upload(msgspec.Struct):
    """Where to upload to. port: A serial port of the list, or "" for any other method."""

    port: str = ""


def about(project: Project) -> dict[str, Any]:
    """The project's board and what is connected."""
    board = named(project.spec().deploy.board)
    return {
        "id": board.id,
        "name": board.name,
        "flash": board.flash,
        "ram": board.ram,
        "methods": list(board.upload.protocols),
        "ports": find_ports(),
    }


def _start(request: Request, kind: str, options: dict[str, Any]) -> Any:
    project = request.app.state.projects.own(request.path_params["project"])
    port = options.get("port")
    if port and port not in find_ports():
        raise UserError(f"no board at {shown(port)}: plug it in again")
    return request.app.state.jobs.start(project, kind, options)


async def get_board(request: Request) -> Response:
    """GET board"""
    project = request.app.state.projects.find(request.path_params["project"])
    return answer(await in_thread(about, project))


async def post_flash(request: Request) -> Response:
    """POST flash"""
    asked = await body(request, Upload)
    return answer(await in_thread(_start, request, "flash", {"port": asked.port}))


async def post_virtual(request: Request) -> Response:
    """POST virtual"""
    return answer(await in_thread(_start, request, "virtual", {}))


def routes() -> list[Route]:
    """The addresses."""
    at = "/p/{project}"
    return [
        Route(at + "/board", get_board),
        Route(at + "/flash", post_flash, methods=["POST"]),
        Route(at + "/virtual", post_virtual, methods=["POST"]),
    ]

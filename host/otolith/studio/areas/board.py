"""The Board page: what is connected, upload, serial log, the virtual board."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from otolith.deploy.bootsel import drives
from otolith.deploy.upload.pyocd import probes
from otolith.device import Client, SerialTransport
from otolith.device.boards import named
from otolith.device.claim import claim
from otolith.device.records import Line
from otolith.device.transports import serial_ports, usb_serial
from otolith.errors import UserError
from otolith.record.stop import Stop
from otolith.studio import images
from otolith.studio.answers import answer, body, in_thread
from otolith.studio.ports import checked
from otolith.studio.projects import Project
from otolith.studio.threads import Say, refuse, talk, words
from otolith.virtual import class_for

_POLL_MS = 100.0
MOST_COMMAND = 90  # bytes of a line to the board


class Upload(msgspec.Struct):
    """Where to upload to. port: A serial port, or "" for any other method."""

    port: str = ""


def about(project: Project) -> dict[str, Any]:
    """The project's board and what is connected."""
    board = named(project.spec().deploy.board)
    try:
        class_for(board)
        has_virtual = not project.is_ready
    except UserError:
        has_virtual = False
    built = has_virtual and project.tflite.exists()
    return {
        "id": board.id,
        "name": board.name,
        "flash": board.flash,
        "ram": board.ram,
        "methods": list(board.upload.protocols),
        "ports": serial_ports(),
        "drives": drives(),
        "probes": probes() if "pyocd" in board.upload.protocols else [],
        "has_virtual": has_virtual,
        "is_built": built and images.path_of(project.folder, board.id, project.tflite).exists(),
    }


def _start(request: Request, kind: str, options: dict[str, Any]) -> Any:
    project = request.app.state.projects.own(request.path_params["project"])
    if options.get("port"):
        checked(options["port"])
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


async def post_image(request: Request) -> Response:
    """POST image"""
    return answer(await in_thread(_start, request, "image", {}))


def log(port: str, say: Say, stop: Stop, asked: list[str]) -> None:
    """Send the lines of a board to the page, and the page's lines to the board.

    Args:
        port: Serial port.
        say: Sends an event to the page.
        stop: True when the page is gone.
        asked: Lines for the board; they are taken out of it.

    Raises:
        UserError: Another program uses the port, or the board is gone.
    """
    with (
        claim(usb_serial(port), "Studio's Board page"),
        contextlib.closing(SerialTransport(port)) as transport,
    ):
        client = Client(transport)
        say({"kind": "open", "port": port})
        client.send_line("hello")
        while not stop:
            while asked:
                client.send_line(asked.pop(0))
            for message in client.lines(_POLL_MS):
                if isinstance(message, Line):
                    say({"kind": "line", "text": msgspec.json.encode(message.told).decode()})
                if stop or asked:
                    break


async def serial(socket: WebSocket) -> None:
    """WebSocket serial?port=: lines of the board as JSON; text is sent to it."""
    await socket.accept()
    try:
        socket.app.state.projects.find(socket.path_params["project"])
        port = await in_thread(checked, socket.query_params.get("port", ""))
    except UserError as error:
        await refuse(socket, words(error))
        return
    stop, asked = Stop(), list[str]()

    def take(message: bytes | str) -> None:
        if isinstance(message, str) and message.isprintable():
            asked.append(message[:MOST_COMMAND])

    def end() -> None:
        stop.signal = 2

    await talk(socket, lambda say: log(port, say, stop, asked), take, end)


def routes() -> list[BaseRoute]:
    """The addresses."""
    at = "/p/{project}"
    return [
        Route(at + "/board", get_board),
        Route(at + "/flash", post_flash, methods=["POST"]),
        Route(at + "/image", post_image, methods=["POST"]),
        Route(at + "/virtual", post_virtual, methods=["POST"]),
        WebSocketRoute(at + "/serial", serial),
    ]

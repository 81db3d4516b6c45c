"""The Start page: projects that are there, new ones, ready models."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from otolith.device.boards import load_boards
from otolith.errors import UserError
from otolith.project.new import Wish, make, ready_model, split_names
from otolith.settings.kinds.registry import DEFAULT, KINDS
from otolith.studio.answers import answer, body, in_thread
from otolith.studio.projects import READY, Project, Projects

# What the page says of a kind of sound; `host new --kind` has the same names.
ABOUT_KIND = {
    "word": "a spoken word or short command",
    "sound": "any other sound: a knock, a cough, a machine",
    "alarm": "a beeping or ringing signal",
}


VIRTUAL = "pico"  # the board of those who have none


class NewProject(msgspec.Struct):
    """The form of a new project.

    board: "" for none: a virtual Pico runs the firmware. ready: A ready model to start from, or "".
    """

    name: str
    hear: str
    kind: str = DEFAULT
    board: str = ""
    ready: str = ""


class Opening(msgspec.Struct):
    """A folder on this computer, as the user wrote it."""

    folder: str


def about(project: Project) -> dict[str, Any]:
    """What the Start page says of a project. A broken spec is told, not raised."""
    found: dict[str, Any] = {"name": project.name, "ready": project.is_ready, "problem": ""}
    try:
        spec = project.spec()
    except UserError as error:
        return {**found, "problem": error.format_message()}
    tflite = project.folder / f"{spec.model.name}.tflite"
    found |= {
        "classes": list(spec.model.classes),
        "events": [name for name, value in spec.detect.thresholds.items() if value > 0],
        "kind": spec.model.kind,
        "board": spec.deploy.board,
        "description": spec.model.description,
        "architecture": spec.model.architecture,
        "frame_ms": 1000 * spec.features.hop / spec.features.sample_rate,
        "trained": tflite.exists(),
        "trained_at": tflite.stat().st_mtime if tflite.exists() else None,
    }
    try:
        found["clips"] = 0 if project.is_ready else len(project.rows().rows)
    except UserError as error:
        found["problem"] = error.format_message()
    return found


def overview(projects: Projects, opened: str, shared: bool) -> dict[str, Any]:
    """Everything that the Start page shows."""
    return {
        "home": projects.home.name,
        "opened": opened,
        "shared": shared,
        "projects": [about(projects.find(name)) for name in projects.names()],
        "ready": [about(projects.find(name)) for name in projects.ready()],
        "kinds": [{"name": name, "about": ABOUT_KIND.get(name, "")} for name in KINDS],
        "boards": [{"id": b.id, "name": b.name} for b in load_boards() if b.qemu is None],
    }


def create(projects: Projects, form: NewProject) -> dict[str, Any]:
    """Make a project, as `host new` does.

    Raises:
        UserError: The form has problems. The message lists them all.
    """
    if "/" in form.name or "\\" in form.name:
        raise UserError("a project's name has no / in it: use letters, digits, . _ and -")
    ready = ready_model(projects.find(READY + form.ready).folder.name) if form.ready else None
    hear = split_names(form.hear)
    make(Wish(projects.home / form.name.strip(), hear, form.kind, form.board or VIRTUAL, ready))
    return about(projects.find(form.name.strip()))


async def get_overview(request: Request) -> Response:
    """GET /api/start"""
    state = request.app.state
    return answer(await in_thread(overview, state.projects, state.opened, state.is_shared))


async def post_project(request: Request) -> Response:
    """POST /api/projects"""
    form = await body(request, NewProject)
    return answer(await in_thread(create, request.app.state.projects, form))


async def post_open(request: Request) -> Response:
    """POST /api/open"""
    asked = await body(request, Opening)
    if request.app.state.is_shared:
        raise UserError("others can open this page: name the folder in `host studio FOLDER`")
    projects = request.app.state.projects
    name = await in_thread(projects.open, asked.folder)
    return answer(await in_thread(about, projects.find(name)))


async def get_project(request: Request) -> Response:
    """GET /api/p/{project}"""
    project = request.app.state.projects.find(request.path_params["project"])
    return answer(await in_thread(about, project))


def routes() -> list[Route]:
    """The addresses."""
    return [
        Route("/start", get_overview),
        Route("/projects", post_project, methods=["POST"]),
        Route("/open", post_open, methods=["POST"]),
        Route("/p/{project}", get_project),
    ]

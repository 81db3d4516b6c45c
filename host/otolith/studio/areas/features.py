"""The Features page: settings of the front end, their picture and cost, augmentations."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from otolith.errors import UserError
from otolith.studio import tuning
from otolith.studio.answers import answer, body, in_thread
from otolith.studio.projects import Project


class Looking(msgspec.Struct):
    """A clip and the settings to draw it with."""

    features: dict[str, Any]
    board: str
    file: str = ""


class Augmenting(msgspec.Struct):
    """A clip, and the augmentations to apply; none for those of the spec."""

    features: dict[str, Any]
    file: str
    names: list[str] = []
    seed: int = 1


class Using(msgspec.Struct):
    """Settings for spec.toml."""

    features: dict[str, Any]


class Back(msgspec.Struct):
    """What `use` answered."""

    id: str


def _own(request: Request) -> Project:
    project: Project = request.app.state.projects.own(request.path_params["project"])
    return project


async def get_features(request: Request) -> Response:
    """GET features"""
    return answer(await in_thread(tuning.overview, _own(request)))


async def post_look(request: Request) -> Response:
    """POST features/look"""
    asked, project = await body(request, Looking), _own(request)
    async with request.app.state.drawing:
        call = request.app.state.apart.call
        given = (project, asked.file, asked.features, asked.board)
        found = await in_thread(call, "otolith.studio.tuning:look", *given)
    return answer(found)


async def post_augment(request: Request) -> Response:
    """POST features/augment"""
    asked, project = await body(request, Augmenting), _own(request)
    if not 0 <= asked.seed < 2**32 or len(asked.names) > 32:
        raise UserError("seed: 0 to 4294967295")
    given = (project, asked.file, asked.features, asked.names, asked.seed)
    async with request.app.state.drawing:
        call = request.app.state.apart.call
        return answer(await in_thread(call, "otolith.studio.tuning:augmented", *given))


async def post_use(request: Request) -> Response:
    """POST features/use"""
    asked = await body(request, Using)
    return answer({"undo": await in_thread(tuning.use, _own(request), asked.features)})


async def post_back(request: Request) -> Response:
    """POST features/back"""
    asked = await body(request, Back)
    await in_thread(tuning.bring_back, _own(request), asked.id)
    return answer({})


def routes() -> list[Route]:
    """The addresses."""
    at = "/p/{project}/features"
    return [
        Route(at, get_features),
        Route(at + "/look", post_look, methods=["POST"]),
        Route(at + "/augment", post_augment, methods=["POST"]),
        Route(at + "/use", post_use, methods=["POST"]),
        Route(at + "/back", post_back, methods=["POST"]),
    ]

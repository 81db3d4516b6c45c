"""Jobs: what runs, its events, its log, its end."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from otolith.studio.answers import answer, in_thread
from otolith.studio.jobs import Jobs, folder_of
from otolith.studio.projects import Project


def _of(request: Request) -> tuple[Jobs, Project]:
    state = request.app.state
    return state.jobs, state.projects.find(request.path_params["project"])


async def get_jobs(request: Request) -> Response:
    """GET /api/p/{project}/jobs"""
    jobs, project = _of(request)
    return answer(await in_thread(jobs.list, project))


async def get_job(request: Request) -> Response:
    """GET /api/p/{project}/jobs/{job}"""
    jobs, project = _of(request)
    return answer(await in_thread(jobs.read, project, request.path_params["job"]))


async def get_log(request: Request) -> Response:
    """GET /api/p/{project}/jobs/{job}/log"""
    jobs, project = _of(request)
    return PlainTextResponse(await in_thread(jobs.log, project, request.path_params["job"]))


async def stop(request: Request) -> Response:
    """POST /api/p/{project}/jobs/{job}/stop"""
    jobs, project = _of(request)
    return answer(await jobs.stop(project, request.path_params["job"]))


async def events(request: Request) -> Response:
    """GET /api/p/{project}/jobs/{job}/events: the browser goes on after the last it has seen."""
    jobs, project = _of(request)
    seen = request.headers.get("last-event-id", "")
    after = int(seen) if seen.isdecimal() and len(seen) < 12 else 0
    job = request.path_params["job"]
    folder_of(project, job)  # an error is answered before the stream begins
    return StreamingResponse(jobs.events(project, job, after), media_type="text/event-stream")


def routes() -> list[Route]:
    """The addresses."""
    at = "/p/{project}/jobs"
    return [
        Route(at, get_jobs),
        Route(at + "/{job}", get_job),
        Route(at + "/{job}/log", get_log),
        Route(at + "/{job}/stop", stop, methods=["POST"]),
        Route(at + "/{job}/events", events),
    ]

"""Long work in processes of its own.

A job is a folder in the project's .studio/jobs: what it does (job.json), what it told
(events.jsonl) and what it printed (log.txt). It goes on when the page is reloaded or the server is
killed; whoever opens the folder later sees all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from otolith.errors import UserError
from otolith.files import disk_errors, make_folder, write_text
from otolith.studio.projects import Project
from otolith.studio.worker import KINDS

KEPT = 30  # jobs of a project; older ones are removed
POLL_S = 0.1
KILL_S = 60.0  # without an event, after the request to stop, until the process is killed
_MOST_LOG = 200_000  # bytes of the log that a page gets, the newest


@dataclass(frozen=True)
class Job:
    """A job. state: running, done, failed, stopped or died."""

    id: str
    kind: str
    state: str
    started: str
    options: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    result: Any = None


def folder_of(project: Project, id: str) -> Path:
    """Folder of a job. Raises UserError if there is none."""
    folder = project.state / "jobs" / id
    if not id.replace("-", "").isalnum() or not id.isascii() or not (folder / "job.json").is_file():
        raise UserError("no such job: it was removed, or belongs to another project")
    return folder


def is_alive(folder: Path) -> bool:
    """Whether the process of a job runs: it holds a lock."""
    try:
        with FileLock(folder / "alive", timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def _last_event(folder: Path) -> dict[str, Any]:
    try:
        with (folder / "events.jsonl").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - (1 << 20)))
            lines = file.read().splitlines()
    except OSError:
        return {}
    for line in reversed(lines):
        with contextlib.suppress(ValueError):
            found: dict[str, Any] = json.loads(line)
            return found
    return {}


def read(folder: Path, starting: bool = False) -> Job:
    """What is known of a job. starting: its process exists, but may not hold its lock yet."""
    about = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    alive = starting or is_alive(folder)  # asked first: the end is told before the lock is let go
    last = _last_event(folder)
    state, message, result = "running", "", None
    if last.get("kind") == "end":
        state, message, result = last["state"], last["message"], last["result"]
    elif not alive:
        state = "died"
        message = "its process was killed: no memory left? The log says more. Start it again."
    return Job(
        folder.name, about["kind"], state, about["started"], about["options"], message, result
    )


class Jobs:
    """Starts, lists and stops jobs."""

    def __init__(self) -> None:
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._left = False

    def _is_starting(self, id: str) -> bool:
        process = self._started.get(id)
        return process is not None and process.poll() is None

    def read(self, project: Project, id: str) -> Job:
        """A job of a project."""
        return read(folder_of(project, id), self._is_starting(id))

    def list(self, project: Project) -> list[Job]:
        """The jobs of a project, the newest first."""
        folders = sorted((project.state / "jobs").glob("*/job.json"), reverse=True)
        found = []
        for file in folders:
            with contextlib.suppress(OSError, ValueError):  # removed meanwhile
                found.append(read(file.parent, self._is_starting(file.parent.name)))
        return found

    def start(self, project: Project, kind: str, options: dict[str, Any]) -> Job:
        """Start a job.

        Args:
            project: What it works on.
            kind: A key of KINDS.
            options: For the job's function, as JSON.

        Raises:
            UserError: The same kind of job runs in the project already, or the disk is full.
        """
        if kind not in KINDS:
            raise UserError(f"no kind of job {kind!r}")
        old = self.list(project)
        if any(job.state == "running" and job.kind == kind for job in old):
            raise UserError("this runs already: wait for it, or stop it first")
        for job in old[KEPT:]:
            if job.state != "running":
                shutil.rmtree(project.state / "jobs" / job.id, ignore_errors=True)
        now = datetime.now(timezone.utc)
        folder = project.state / "jobs" / f"{now:%Y%m%d-%H%M%S-%f}-{secrets.token_hex(3)}"
        make_folder(folder)
        about = {"kind": kind, "project": str(project.folder), "options": options}
        about["started"] = now.isoformat(timespec="seconds")
        write_text(folder / "job.json", json.dumps(about))
        with disk_errors(folder), (folder / "log.txt").open("wb") as log:
            (folder / "events.jsonl").touch()
            self._started[folder.name] = subprocess.Popen(
                [sys.executable, "-m", "otolith.studio.worker", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for the server alone
                env={**os.environ, "COLUMNS": "100"},
            )
        return self.read(project, folder.name)

    async def stop(self, project: Project, id: str) -> Job:
        """Ask a job to stop, as Ctrl-C does. Training keeps its best network.

        A process that goes on and tells nothing for KILL_S seconds is killed. One that still tells
        its progress is not: what was learned is quantised and judged, which takes long on a slow
        computer.
        """
        folder = folder_of(project, id)
        if self.read(project, id).state == "running":
            pid = await self._pid(folder)
            if pid:
                _signal(pid, signal.SIGINT)
                asyncio.get_running_loop().call_later(KILL_S, _kill, folder, pid)
        return self.read(project, id)

    async def _pid(self, folder: Path) -> int:
        """The process of a job that has begun to run; 0 if it has ended."""
        while True:
            with contextlib.suppress(OSError, ValueError):
                return int((folder / "pid").read_text())
            if not self._is_starting(folder.name):
                return 0
            await asyncio.sleep(POLL_S)

    async def events(self, project: Project, id: str, after: int = 0) -> AsyncIterator[str]:
        """The events of a job as server-sent events, until its end.

        Args:
            project: The job's project.
            id: The job.
            after: Number of the last event that the page has; 0 for none.
        """
        folder = folder_of(project, id)
        number = 0
        with (folder / "events.jsonl").open(encoding="utf-8") as file:
            rest = ""
            while True:
                running = self.read(project, id).state == "running"
                while line := file.readline():
                    rest += line
                    if not rest.endswith("\n"):
                        break
                    number += 1
                    if number > after:
                        yield f"id: {number}\ndata: {rest.strip()}\n\n"
                    rest = ""
                if not running:
                    break
                if self._left:
                    return  # the page asks again when a server is there
                await asyncio.sleep(POLL_S)
        job = self.read(project, id)
        if job.state == "died":
            end = {"kind": "end", "state": job.state, "message": job.message, "result": None}
            yield f"id: {number + 1}\ndata: {json.dumps(end)}\n\n"

    def leave(self) -> None:
        """End all streams of events: the server ends. Jobs go on."""
        self._left = True

    def log(self, project: Project, id: str) -> str:
        """What a job printed, the newest if it is much."""
        with (folder_of(project, id) / "log.txt").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _MOST_LOG))
            return file.read().decode("utf-8", "replace")


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def _kill(folder: Path, pid: int) -> None:
    if not is_alive(folder):
        return
    silent = time.time() - (folder / "events.jsonl").stat().st_mtime
    if silent >= KILL_S:
        _signal(pid, signal.SIGKILL)
    else:
        asyncio.get_running_loop().call_later(KILL_S - silent + POLL_S, _kill, folder, pid)

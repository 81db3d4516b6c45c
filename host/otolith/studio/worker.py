"""The process of a job: `python -m otolith.studio.worker FOLDER`. jobs.py starts it.

What the job's function tells goes to events.jsonl, one JSON object a line; what it prints goes to
log.txt. The process holds a lock on the folder's alive file, so that anybody can see that it runs.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

from filelock import FileLock

from otolith.errors import UserError
from otolith.files import disk_problem
from otolith.progress import Step, listening
from otolith.studio.answers import dumped

# name -> "module:function" that gets the project's folder and the options, and returns the result
KINDS = {
    "import": "otolith.studio.work:import_",
    "train": "otolith.studio.work:train",
    "sizes": "otolith.studio.work:sizes",
    "judge": "otolith.studio.work:judge",
    "compare": "otolith.studio.work:compare",
    "flash": "otolith.studio.work:flash",
    "image": "otolith.studio.work:image",
    "virtual": "otolith.studio.work:virtual",
    "recording": "otolith.studio.recordings:prepare",
    "suggest": "otolith.studio.suggesting:suggest",
    "cut": "otolith.studio.recordings:cut",
}
APART_S = 0.1  # between two events of the same step


class Events:
    """The job's events, each flushed at once."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / "events.jsonl").open("a", encoding="utf-8")
        self._last: tuple[str, float] = ("", 0.0)

    def tell(self, kind: str, **values: Any) -> None:
        """Write an event."""
        self._file.write(dumped({"kind": kind, **values}) + "\n")
        self._file.flush()

    def step(self, step: Step) -> None:
        """Write a step of progress. Most of a fast step are left out, never its end."""
        now = time.monotonic()
        what, told = self._last
        if not step.values and step.share < 1 and step.what == what and now - told < APART_S:
            return
        self._last = (step.what, now)
        self.tell("step", step=step.what, share=step.share, note=step.note, values=step.values)


def run(folder: Path) -> int:
    """Run the job of a folder. Returns the exit code."""
    alive = FileLock(folder / "alive")  # the system lets go of it however this process ends
    alive.acquire()
    about = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    (folder / "pid").write_text(str(os.getpid()))
    events = Events(folder)

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    module, function = KINDS[about["kind"]].split(":")
    try:
        work = getattr(importlib.import_module(module), function)
        with listening(events.step):
            result = work(Path(about["project"]), about["options"])
    except KeyboardInterrupt:
        events.tell("end", state="stopped", message="stopped", result=None)
        return 130
    except MemoryError:
        events.tell("end", state="failed", message="not enough memory", result=None)
        return 1
    except Exception as error:
        told = error if isinstance(error, UserError) else disk_problem(error)
        if told is None:
            traceback.print_exc()
        text = told.format_message() if told else f"{type(error).__name__}: {error}: see the log"
        events.tell("end", state="failed", message=text, result=None)
        return 1
    events.tell("end", state="done", message="", result=result)
    return 0


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))

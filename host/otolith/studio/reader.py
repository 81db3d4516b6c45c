"""The process that reads sound files for the server: `python -m otolith.studio.reader`.

It gets requests from apart.py, a line of JSON each, and answers each with a line of JSON and bytes.
It may die of a file; the server then starts another.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from otolith.errors import UserError
from otolith.files import disk_problem
from otolith.studio.answers import dumped
from otolith.studio.projects import Project

MOST_MEMORY = 4 << 30  # bytes


def limit_memory() -> None:
    """No file makes this process take all memory, where the system can limit it."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def answer(line: str) -> tuple[dict[str, Any], bytes]:
    """Do what a request asks. Gives the head of the answer and its bytes."""
    asked = json.loads(line)
    module, function = asked["target"].split(":")
    arguments = [
        Project(a["name"], Path(a["folder"]), a["ready"])
        if isinstance(a, dict) and a.get("project")
        else a
        for a in asked["arguments"]
    ]
    try:
        found = getattr(importlib.import_module(module), function)(*arguments)
        data = found if isinstance(found, bytes) else dumped(found).encode()
        return {"kind": "bytes" if isinstance(found, bytes) else "json", "size": len(data)}, data
    except MemoryError:
        return {"kind": "error", "text": "not enough memory for it", "size": 0}, b""
    except Exception as error:
        told = error if isinstance(error, UserError) else disk_problem(error)
        if told is not None:
            return {"kind": "error", "text": told.message, "size": 0}, b""
        traceback.print_exc()
        return {"kind": "bug", "text": type(error).__name__, "size": 0}, b""


def main() -> None:
    """Answer requests until the server is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server
    limit_memory()
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # what functions print is no answer
    for line in sys.stdin:
        head, data = answer(line)
        out.write(json.dumps(head).encode() + b"\n" + data)
        out.flush()


if __name__ == "__main__":
    main()

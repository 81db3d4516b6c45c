"""Calls functions that read sound files in processes that may die (reader.py).

A file that crashes its reader, or keeps it busy for too long, costs one answer: an error in a line.
"""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
import weakref
from typing import Any

from otolith.errors import UserError
from otolith.studio.projects import Project

READERS = 2
LIMIT_S = 60.0  # of one call
_MOST_HEAD = 1 << 16


class _Reader:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "otolith.studio.reader"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def ask(self, request: str, limit_s: float) -> tuple[dict[str, Any], bytes] | None:
        """The answer; None if the process died, or was killed for taking too long."""
        process = self.process
        assert process.stdin is not None and process.stdout is not None
        timer = threading.Timer(limit_s, process.kill)
        timer.start()
        try:
            process.stdin.write(request.encode() + b"\n")
            process.stdin.flush()
            head = json.loads(process.stdout.readline(_MOST_HEAD))
            data = process.stdout.read(head["size"])
            return (head, data) if len(data) == head["size"] else None
        except (OSError, ValueError):
            return None
        finally:
            timer.cancel()

    def end(self) -> None:
        """Let the process go."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.kill()
        self.process.wait()


def _end(readers: list[_Reader]) -> None:
    for reader in readers:
        reader.end()


class Apart:
    """Some readers, which are started when they are needed."""

    def __init__(self) -> None:
        self._free: queue.Queue[_Reader | None] = queue.Queue()
        for _ in range(READERS):
            self._free.put(None)
        self._all: list[_Reader] = []
        self._ended = False
        weakref.finalize(self, _end, self._all)

    def call(self, target: str, *arguments: Any, limit_s: float = LIMIT_S) -> Any:
        """Call a function in a reader.

        Args:
            target: "module:function".
            arguments: For the function: values for JSON, and projects.
            limit_s: Seconds until the reader is killed.

        Returns:
            What the function returns: bytes, or values as JSON has them.

        Raises:
            UserError: As the function; or its process died or took too long.
        """
        given = [
            {"project": True, "name": a.name, "folder": str(a.folder), "ready": a.is_ready}
            if isinstance(a, Project)
            else a
            for a in arguments
        ]
        request = json.dumps({"target": target, "arguments": given})
        reader = self._free.get()
        try:
            if self._ended:
                raise UserError("Studio has ended")
            if reader is None or reader.process.poll() is not None:
                reader = _Reader()
                self._all.append(reader)
            answer = reader.ask(request, limit_s)
            if answer is None:
                text = "Studio has ended" if self._ended else _how(reader, limit_s)
                if reader in self._all:
                    self._all.remove(reader)
                reader = None
                raise UserError(text)
        finally:
            self._free.put(reader)
        head, data = answer
        if head["kind"] == "error":
            raise UserError(head["text"])
        if head["kind"] == "bug":
            raise RuntimeError(head["text"])
        return data if head["kind"] == "bytes" else json.loads(data)

    def end(self) -> None:
        """End all readers. Calls that wait for one are told so."""
        self._ended = True
        for reader in self._all:
            reader.process.kill()


def _how(reader: _Reader, limit_s: float) -> str:
    """How a reader ended, in words."""
    try:
        code = reader.process.wait(2)  # before end() kills it
    except subprocess.TimeoutExpired:
        code = 0
    reader.end()
    if code == -signal.SIGTERM or (hasattr(signal, "SIGKILL") and code == -signal.SIGKILL):
        return f"reading it took more than {limit_s:g} s, or all memory: remove the file"
    return f"the program that reads sounds crashed ({code}): the file is damaged, remove it"

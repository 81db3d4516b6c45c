"""Stops a command with Ctrl-C."""

from __future__ import annotations

import signal
from types import FrameType

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class Stop:
    """Turns Ctrl-C and SIGTERM into a flag, so that files are finished."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict = {}

    def __bool__(self) -> bool:
        return self.signal is not None

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number

    def __enter__(self) -> Stop:
        for name in _SIGNALS:
            if hasattr(signal, name):
                number = getattr(signal, name)
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

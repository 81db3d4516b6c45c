"""Lets a command finish its files when it is stopped with Ctrl-C."""

from __future__ import annotations

import signal
from types import FrameType

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class Stop:
    """A context manager that is true once SIGINT (Ctrl-C), SIGTERM or SIGHUP has arrived.

    Attributes:
        signal: Number of the signal. None before one arrives.
    """

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

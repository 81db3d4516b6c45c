"""A spell of listening: switches a board's streams on, passes on what comes, switches them off."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Protocol

from otolith.device.client import Client, Message
from otolith.device.records import Gap, Hello
from otolith.errors import UserError

_POLL_MS = 100.0


class View(Protocol):
    """Gets every message of a session."""

    def take(self, message: Message) -> None:
        """Take a line or frame of the board."""


class Keeper(Protocol):
    """Keeps sound and lines of a board whose streams begin at zero."""

    def take(self, message: Message) -> Gap | None:
        """Take a line or frame; return a line about what is missing before it."""

    def finish(self, why: str) -> str:
        """Complete what was kept, and describe it in a line."""


class Session:
    """One spell of listening.

    modes: what the board is asked to stream: "scores", "features", "pcm".
    """

    def __init__(
        self,
        client: Client,
        views: Sequence[View],
        modes: Sequence[str] = (),
        recording: Keeper | None = None,
    ) -> None:
        self._client = client
        self._views = views
        self._modes = modes
        self._recording = recording
        self.seconds = 0.0  # listened so far

    def run(self, seconds: float | None, stop: object, begin: Callable[[], None]) -> str | None:
        """Listen to the board.

        Args:
            seconds: how long. None: until `stop`.
            stop: is true once the user wants to stop.
            begin: is called when the streams are on.

        Returns:
            What was recorded, in one line; None without a recording.

        Raises:
            UserError: the board was lost, or the disk is full. The recording is valid all the same.
        """
        try:
            self._forget_greetings()
            for mode in self._modes:
                self._client.command(f"{mode} on")
            if self._recording:
                self._client.ask("restart")  # what came before it is of another stream
            begin()
            self._listen(seconds, stop)
            self._wind_up()
        except UserError as error:
            if self._recording:
                with contextlib.suppress(UserError):  # the disk is full: all of it is valid
                    error.message += f"; {self._recording.finish(error.message)}"
            self._switch_off()
            raise
        self._switch_off()
        return self._recording.finish("stopped") if self._recording else None

    def _forget_greetings(self) -> None:
        """Drop the first greetings: a board says hello when its port opens and when asked."""
        with contextlib.suppress(UserError):  # not every app knows stats
            stats, before = self._client.ask("stats")
            for message in [*before, stats]:
                if not isinstance(message, Hello) and not self._recording:
                    self._take(message)

    def _listen(self, seconds: float | None, stop: object) -> None:
        clock = self._client.transport.time_ms
        start, length = clock(), math.inf if seconds is None else 1000 * seconds
        while not stop and (left := start + length - clock()) > 0:
            for message in self._client.lines(min(_POLL_MS, left)):
                self._take(message)
                break
            self.seconds = (clock() - start) / 1000

    def _take(self, message: Message) -> None:
        gap = self._recording.take(message) if self._recording else None
        messages: list[Message] = [message] if gap is None else [gap, message]
        for told in messages:
            for view in self._views:
                view.take(told)
        if isinstance(message, Hello):  # it was reset
            for mode in self._modes:
                self._client.send_line(f"{mode} on")

    def _wind_up(self) -> None:
        """Take what belongs to the audio so far: it precedes the answer to "pcm off"."""
        if "pcm" in self._modes:
            for message in self._client.ask("pcm off")[1]:
                self._take(message)

    def _switch_off(self) -> None:
        with contextlib.suppress(UserError):  # it may be gone
            for mode in self._modes:
                self._client.send_line(f"{mode} off")

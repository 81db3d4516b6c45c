"""Virtual boards in wall time: a pseudo-terminal for serial programs, and the pace for it."""

from __future__ import annotations

import os
import select
import time

from otolith.errors import UserError
from otolith.virtual.board import VirtualBoard

try:
    import tty
except ImportError:  # Windows
    tty = None  # type: ignore[assignment]

_OPENING_S = 0.1
_PTY_PENDING = 1 << 16  # bytes that wait for a slow reader; it loses what comes then


class Pace:
    """Keeps emulated time from running ahead of wall time."""

    def __init__(self) -> None:
        self._start: float | None = None  # wall time at emulated zero

    def follow(self, board: VirtualBoard) -> None:
        """Compare the clocks; call it after each step of the board."""
        at = time.monotonic() - board.time_ms / 1000
        # A slow computer falls behind; it does not run faster later to catch up.
        if self._start is None or at - self._start > 0.02:
            self._start = at

    def left_ms(self, board: VirtualBoard) -> float:
        """Milliseconds that emulated time is ahead of wall time."""
        assert self._start is not None
        return max(0.0, 1000 * (self._start - time.monotonic()) + board.time_ms)

    def wait(self, board: VirtualBoard) -> None:
        """Sleep until wall time has caught up."""
        self.follow(board)
        time.sleep(self.left_ms(board) / 1000)


class Terminal:
    """A pseudo-terminal that stands for the board's serial port, in wall time."""

    def __init__(self) -> None:
        if tty is None:
            raise UserError(
                "this system has no pseudo-terminals: run without --pty, or on Linux or macOS"
            )
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.name = os.ttyname(slave)
        os.close(slave)  # the master reports a hang-up while no program has it open
        os.set_blocking(self._master, False)
        self._poll = select.poll()
        self._poll.register(self._master, select.POLLIN)
        self._pending = bytearray()
        self._pace = Pace()
        self._held_since: float | None = None  # a program has the terminal open
        self.open = False  # whether the board has been told so

    def exchange(self, board: VirtualBoard, data: bytes) -> None:
        """Pass bytes both ways and wait until wall time has caught up.

        Args:
            board: gets what the program writes.
            data: bytes from the board, for the program.
        """
        self._pace.follow(board)
        if self.open:
            self._pending += data[: max(0, _PTY_PENDING - len(self._pending))]
            self._flush()
        left = self._pace.left_ms
        while self._step(board, left(board)) or left(board) > 0:
            pass

    def _step(self, board: VirtualBoard, wait_ms: float) -> bool:
        """Look at the terminal once; return whether there was input."""
        state = dict(self._poll.poll(wait_ms if self.open else 0)).get(self._master, 0)
        if state & select.POLLHUP:
            self._held_since = None
        elif self._held_since is None:
            self._held_since = time.monotonic()
        # Programs drop what arrives while they open a port: the hello has to come later.
        is_open = self._held_since is not None and (
            bool(state & select.POLLIN) or time.monotonic() - self._held_since >= _OPENING_S
        )
        if is_open != self.open:
            self.open = is_open
            self._pending.clear()
            board.set_dtr(is_open)
        if not is_open:
            time.sleep(min(wait_ms, 5) / 1000)  # poll() returns at once while hung up
        if not state & select.POLLIN:
            return False
        try:
            board.write(os.read(self._master, 4096))
        except OSError:
            return False
        return True

    def _flush(self) -> None:
        try:
            while self._pending:
                del self._pending[: os.write(self._master, self._pending)]
        except OSError:  # full, or just closed
            pass

    def close(self) -> None:
        """Remove the terminal."""
        os.close(self._master)

"""Arm's MPS2 boards in QEMU: the image as built, with the computer at its UART."""

from __future__ import annotations

import select
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar

import numpy as np

from otolith.device.boards import Board, named
from otolith.errors import UserError
from otolith.virtual.board import BoardEvent

NS_AN_INSTRUCTION_LOG2 = 5  # 32 ns: about what the boards' 20 and 25 MHz cores need
_PATIENCE = 10  # wall milliseconds a millisecond of time_ms: the computer may be busy
_PIECE = 4096  # bytes
_STOP_S = 5.0


class VirtualMps2:
    """An MPS2 board in QEMU: a CPU, memory and a UART, without microphone or LED.

    A VirtualBoard. Its `time_ms` is wall time slowed down by a factor of ten: it serves for
    time-outs and is no measurement. The board's own clock counts instructions while it computes,
    and follows the computer's while it waits for the UART.
    """

    IMAGE: ClassVar[str] = "elf"
    COUNTS: ClassVar[str] = "nothing"
    NOT_MODELLED: ClassVar[str] = "cycles, bus and flash; times are no measurements"
    SETTLE_MS: ClassVar[float] = 0.0
    cycles = 0
    idle_fraction = 0.0
    has_microphone = False
    in_bootloader = False

    def __init__(self, image: Path | str, board: Board | str, options: Sequence[str] = ()) -> None:
        """Power the board.

        Args:
            image: .elf file.
            board: an MPS2 board, or its name in boards/.
            options: more options for qemu-system-arm.

        Raises:
            UserError: the image, the board or QEMU is missing.
        """
        self.board = named(board) if isinstance(board, str) else board
        self.led: list[tuple[float, float]] = []
        self.events: list[BoardEvent] = []
        if self.board.qemu is None:
            raise UserError(f"{self.board.id}: not a board that QEMU emulates")
        program = shutil.which("qemu-system-arm")
        if program is None:
            raise UserError("qemu-system-arm is missing: run `host setup`")
        self.image = Path(image)
        if not self.image.is_file():
            raise UserError(f"{image}: no such firmware image: build it with `pio run`")
        self._socket, theirs = socket.socketpair()
        command = [program, "-M", self.board.qemu, "-display", "none", "-monitor", "none"]
        command += ["-icount", f"shift={NS_AN_INSTRUCTION_LOG2}"]
        command += ["-chardev", f"socket,id=uart,fd={theirs.fileno()}", "-serial", "chardev:uart"]
        command += ["-kernel", str(self.image), *options]
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._socket.setblocking(False)
        self._ahead = bytearray()  # read while time passed or while writing
        self._start = time.monotonic()

    def _stopped(self) -> UserError:
        self._process.kill()
        assert self._process.stderr
        told = self._process.stderr.read().decode(errors="replace").strip()
        return UserError(
            f"QEMU stopped while running {self.image.name}: {told or 'no reason given'}"
        )

    def _take(self) -> bytes:
        try:
            data = self._socket.recv(_PIECE)
        except OSError as error:
            raise self._stopped() from error
        if not data:
            raise self._stopped()
        return data

    def write(self, data: bytes) -> None:
        """Send bytes to the UART; what the board sends meanwhile is kept for read()."""
        left = memoryview(data)
        while left:
            readable, writable, _ = select.select([self._socket], [self._socket], [])
            if readable:
                self._ahead += self._take()
            if writable:
                try:
                    left = left[self._socket.send(left[:_PIECE]) :]
                except OSError as error:
                    raise self._stopped() from error

    @classmethod
    def boot(cls, image: Path, board: Board, ideal_flash: bool = False) -> VirtualMps2:
        """Power the board; see VirtualBoard."""
        return cls(image, board)

    @property
    def time_ms(self) -> float:
        """Wall time since power-on, slowed down."""
        return (time.monotonic() - self._start) * 1000 / _PATIENCE

    @property
    def ready(self) -> bool:
        """QEMU's UART always takes bytes."""
        return True

    def run_ms(self, ms: float) -> None:
        """Wait for the board's UART, at most `ms` of `time_ms`."""
        if select.select([self._socket], [], [], ms * _PATIENCE / 1000)[0]:
            self._ahead += self._take()

    def read(self) -> bytes:
        """Bytes that came from the UART since the last call."""
        self.run_ms(0)
        data, self._ahead = bytes(self._ahead), bytearray()
        return data

    def set_dtr(self, on: bool) -> None:
        """A UART does not notice who opens it."""

    def play(self, pcm: np.ndarray) -> None:
        """The board has no microphone: UserError."""
        raise UserError(f"{self.board.id} has no microphone: send it sound with `inject`")

    def read_audio(self) -> np.ndarray:
        """The board has no USB: always empty."""
        return np.empty(0, np.int16)

    def close(self) -> None:
        """End the emulator."""
        self._process.terminate()
        try:
            self._process.wait(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._socket.close()
        if self._process.stderr:
            self._process.stderr.close()

    def __enter__(self) -> VirtualMps2:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

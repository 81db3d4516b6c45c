"""What every virtual board can do, whichever chip it emulates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Protocol

import numpy as np

from otolith.device.boards import Board


@dataclass(frozen=True)
class BoardEvent:
    """Something that happened to a virtual board.

    t_ms: emulated milliseconds since power-on.
    kind: "usb" (the computer has enumerated the board), "reset", "fault", "uart" (a line of text on
        the debug UART), "bootsel" (the boot loader has taken over) or "power".
    text: details: USB strings, the reset's reason, the fault, the line.
    """

    t_ms: float
    kind: str
    text: str = ""


class VirtualBoard(Protocol):
    """A board that runs a firmware image exactly as flashed, in emulated time.

    Time passes in `run_ms` alone. It is counted in CPU cycles or instructions (`COUNTS`), never in
    wall time, so that the same image, sound and calls give the same bytes. QEMU's boards are the
    exception: see otolith.virtual.qemu.

    A board is a context manager; leaving the context ends its emulator.
    """

    IMAGE: ClassVar[str]
    """Suffix of the file that it boots: "uf2" or "elf"."""
    COUNTS: ClassVar[str]
    """What `cycles` counts: "cycles", or "instructions" where the emulator takes one a cycle."""
    NOT_MODELLED: ClassVar[str]
    """What the emulator leaves out, for people who read its figures."""
    SETTLE_MS: ClassVar[float]
    """Emulated milliseconds from the microphone's power-up until it delivers sound."""

    board: Board
    led: list[tuple[float, float]]
    """(t_ms, brightness 0..1) at every change of the LED."""
    events: list[BoardEvent]
    """What happened so far, the oldest first."""

    @classmethod
    def boot(cls, image: Path, board: Board, ideal_flash: bool = False) -> VirtualBoard:
        """Power the board, with all its cables connected.

        Args:
            image: firmware, in the format `IMAGE`.
            board: pins, memory and console.
            ideal_flash: flash answers at once, where the emulator models its waits.

        Raises:
            UserError: the image is missing or damaged, or the emulator is not installed.
        """

    @property
    def time_ms(self) -> float:
        """Emulated milliseconds since power-on."""

    @property
    def cycles(self) -> int:
        """CPU cycles since power-on, sleep included; 0 where the emulator does not count them."""

    @property
    def idle_fraction(self) -> float:
        """Share of the cycles that the CPU slept, 0..1."""

    @property
    def ready(self) -> bool:
        """Whether the board takes bytes: USB is enumerated, or its UART receives."""

    @property
    def in_bootloader(self) -> bool:
        """Whether the board has left the image for its boot loader."""

    @property
    def has_microphone(self) -> bool:
        """Whether `play` can be heard."""

    def run_ms(self, ms: float) -> None:
        """Let `ms` emulated milliseconds pass."""

    def write(self, data: bytes) -> None:
        """Send bytes to the board's console; it takes them while time passes."""

    def read(self) -> bytes:
        """Bytes that came from the console since the last call."""

    def set_dtr(self, on: bool) -> None:
        """Open or close the console, as a terminal program does. A UART does not notice."""

    def play(self, pcm: np.ndarray) -> None:
        """Let the microphone hear a sound from now on, then silence.

        Args:
            pcm: (samples,) int16, 16 kHz.

        Raises:
            UserError: the board has no microphone.
        """

    def read_audio(self) -> np.ndarray:
        """PCM that came over USB audio since the last call: (samples,) int16, 16 kHz. Empty for
        boards and apps without USB audio."""

    def close(self) -> None:
        """End the emulator."""

    def __enter__(self) -> VirtualBoard: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

"""The base class of virtual boards on a virtual Cortex-M."""

from __future__ import annotations

from types import TracebackType
from typing import ClassVar, TypeVar

from otolith.virtual.board import BoardEvent
from otolith.virtual.cortex.core import CortexM

Self = TypeVar("Self", bound="CortexBoard")


class CortexBoard:
    """Time, events and the LED's trace of a VirtualBoard, from its core."""

    IMAGE: ClassVar[str] = "elf"
    COUNTS: ClassVar[str] = "instructions"

    def __init__(self, core: CortexM) -> None:
        self.core = core
        self.events: list[BoardEvent] = []
        self.led: list[tuple[float, float]] = []
        self._resets_told = 1  # power-on is no event

    @property
    def time_ms(self) -> float:
        """Emulated milliseconds since power-on."""
        return self.core.now_ms

    @property
    def cycles(self) -> int:
        """Instructions since power-on, plus the cycles slept: the core takes one a cycle."""
        return self.core.cycles

    @property
    def idle_fraction(self) -> float:
        """Share of the cycles that the CPU slept, 0..1."""
        return self.core.idle_cycles / self.core.cycles if self.core.cycles else 0.0

    def _add_event(self, kind: str, text: str, t_ms: float | None = None) -> None:
        self.events.append(BoardEvent(self.time_ms if t_ms is None else t_ms, kind, text))

    def _add_resets(self) -> None:
        for ns, cause in self.core.resets[self._resets_told :]:
            self._add_event("reset", cause, ns / 1e6)
        self._resets_told = len(self.core.resets)

    def _add_light(self, t_ms: float, level: float) -> None:
        if not self.led or self.led[-1][1] != level:
            self.led.append((t_ms, level))

    def close(self) -> None:
        """Do nothing: the emulator is part of this process."""

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

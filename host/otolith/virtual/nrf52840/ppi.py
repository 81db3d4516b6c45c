"""PPI (6.16): an event of one peripheral triggers a task of another, without the CPU."""

from __future__ import annotations

from otolith.virtual.cortex import Peripheral

_CHANNELS = 20
_CHEN, _CHENSET, _CHENCLR, _CH = 0x500, 0x504, 0x508, 0x510


class Ppi(Peripheral):
    def __init__(self) -> None:
        self.peripherals: dict[int, Peripheral] = {}  # by page
        self._clear()

    def _clear(self) -> None:
        self.enabled = 0
        self.ends = dict.fromkeys(range(_CH, _CH + 8 * _CHANNELS, 4), 0)

    def reset(self, cause: str) -> None:
        self._clear()

    def signal(self, event: int) -> None:
        """Trigger the tasks that are connected to the event register at this address."""
        for channel in range(_CHANNELS):
            if self.enabled >> channel & 1 and self.ends[_CH + 8 * channel] == event:
                task = self.ends[_CH + 8 * channel + 4]
                self.peripherals[task & ~0xFFF].write32(task & 0xFFF, 1)

    def read32(self, offset: int) -> int:
        return self.enabled if offset in (_CHEN, _CHENSET, _CHENCLR) else self.ends[offset]

    def write32(self, offset: int, value: int) -> None:
        if offset == _CHEN:
            self.enabled = value
        elif offset == _CHENSET:
            self.enabled |= value
        elif offset == _CHENCLR:
            self.enabled &= ~value
        else:
            self.ends[offset] = value

"""GPIOTE (6.10): an edge of a pin makes an event, and a task toggles a pin."""

from __future__ import annotations

from otolith.virtual.nrf52840.nordic import NordicPeripheral, several, zeros

_OUT, _IN, _CONFIG, _CHANNELS = 0x000, 0x100, 0x510, 8
_EVENT, _TASK = 1, 3
_HIGH_TO_LOW, _TOGGLE = 2, 3


class Gpiote(NordicPeripheral):
    """The channels that drivers use: events of falling edges, tasks that toggle.

    levels: of the pins that tasks drive.
    """

    name = "GPIOTE"
    tasks, events = several(_OUT, _CHANNELS), several(_IN, _CHANNELS)
    plain = zeros(several(_CONFIG, _CHANNELS))

    def __init__(self, base: int, ppi) -> None:
        super().__init__(base, ppi)

    def clear(self) -> None:
        super().clear()
        self.levels: dict[int, bool] = {}

    def _about(self, channel: int) -> tuple[int, int, int]:
        """Mode, pin and polarity of a channel."""
        value = self.registers[_CONFIG + 4 * channel]
        return value & 3, value >> 8 & 63, value >> 16 & 3

    def write32(self, offset: int, value: int) -> None:
        super().write32(offset, value)
        if offset in self.registers and value & 3 == _TASK:
            self.levels[value >> 8 & 63] = bool(value >> 20 & 1)

    def fell(self, pin: int) -> None:
        """A pin has gone from high to low."""
        for channel in range(_CHANNELS):
            if self._about(channel) == (_EVENT, pin, _HIGH_TO_LOW):
                self.event(_IN + 4 * channel)

    def task(self, offset: int) -> None:
        mode, pin, polarity = self._about((offset - _OUT) // 4)
        if (mode, polarity) != (_TASK, _TOGGLE):
            self.fault("a task of a channel that does not toggle")
            return
        self.levels[pin] = not self.levels.get(pin, False)

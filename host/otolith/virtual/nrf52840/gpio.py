"""GPIO (6.9): outputs and pin configuration of both ports, which share a page."""

from __future__ import annotations

from otolith.virtual.cortex import Peripheral

_PORT = 0x300  # bytes from P0 to P1
_OUT, _OUTSET, _OUTCLR, _PIN_CNF = 0x504, 0x508, 0x50C, 0x700
_RESET_CNF = 0x2  # input, disconnected


class Gpio(Peripheral):
    def reset(self, cause: str) -> None:
        self.out = [0, 0]
        self.configuration = [_RESET_CNF] * 64  # by pin as PSEL numbers it

    def is_output(self, pin: int) -> bool:
        return bool(self.configuration[pin] & 1)

    def is_input(self, pin: int) -> bool:
        """Whether its input buffer is connected."""
        return not self.configuration[pin] & 3

    def is_high(self, pin: int) -> bool:
        """Whether the CPU drives it high."""
        return self.is_output(pin) and bool(self.out[pin // 32] >> pin % 32 & 1)

    def _place(self, offset: int) -> tuple[int, int]:
        """(port, offset in the port). The ports' address ranges overlap, their registers do not."""
        for port in (0, 1):
            inner = offset - _PORT * port
            if _OUT <= inner < 0x520 or _PIN_CNF <= inner < _PIN_CNF + 4 * 32:
                return port, inner
        raise NotImplementedError(f"GPIO: no register at {offset:#x}")

    def read32(self, offset: int) -> int:
        port, inner = self._place(offset)
        if inner >= _PIN_CNF:
            return self.configuration[32 * port + (inner - _PIN_CNF) // 4]
        return self.out[port]

    def write32(self, offset: int, value: int) -> None:
        port, inner = self._place(offset)
        if inner >= _PIN_CNF:
            self.configuration[32 * port + (inner - _PIN_CNF) // 4] = value
        elif inner == _OUTSET:
            self.out[port] |= value
        elif inner == _OUTCLR:
            self.out[port] &= ~value
        elif inner == _OUT:
            self.out[port] = value
        else:
            raise NotImplementedError(f"GPIO: no register at {offset:#x}")

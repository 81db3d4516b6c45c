"""EUSART 0 as a UART with queues of 16 bytes, at the speed of the baud rate."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from otolith.virtual.cortex import Event
from otolith.virtual.efr32mg24.block import Block
from otolith.virtual.efr32mg24.system import INPUT, PUSH_PULL

RX_IRQ, TX_IRQ = 11, 12
FIFO = 16
_TXFL, _RXFL, _RXOF = 1 << 1, 1 << 2, 1 << 4
_TOLERANCE = 0.02  # of a baud rate: beyond it a frame is broken


class Eusart(Block):
    """The UART, and the computer at its wires.

    baud: speed of the computer's end, bits a second.
    out: bytes that the chip has sent.
    burst: how many bytes go over the wire in one event, to save events; the mean speed is the
        line's. A real line has 1.
    """

    burst = 8

    CLOCK = ("CLKEN1", 22)
    REGISTERS: ClassVar = {
        0x4: "EN",
        0x8: "CFG0",
        0xC: "CFG1",
        0x14: "FRAMECFG",
        0x30: "CLKDIV",
        0x38: "CMD",
        0x3C: "RXDATA",
        0x44: "TXDATA",
        0x48: "STATUS",
        0x4C: "IF",
        0x50: "IEN",
        0x54: "SYNCBUSY",
    }
    LOCKED = ("CFG0", "CFG1", "FRAMECFG")
    READ_ONLY = ("STATUS", "RXDATA", "SYNCBUSY")

    def __init__(self, chip, baud: int, tx: str, rx: str) -> None:
        super().__init__(chip)
        self.baud, self.tx_pin, self.rx_pin = baud, tx, rx
        self.out = bytearray()
        self._coming: deque[int] = deque()  # on the way from the other end
        self._receiving = False
        self.lost = 0
        self._departure: Event | None = None

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self._sent: deque[int] = deque()
        self._received: deque[int] = deque()
        self._shifting: list[int] = []
        if self._departure:
            self._departure.cancel()
        self._rx_on = self._tx_on = False

    # ---- the other end ----

    @property
    def receives(self) -> bool:
        """Whether the chip has turned its receiver on."""
        return self._rx_on

    def send(self, data: bytes) -> None:
        """Send bytes to the chip, at the line's speed."""
        self._coming.extend(data)
        if not self._receiving and self._coming:
            self._expect()

    def _expect(self) -> None:
        self._receiving = True
        self.core.after_ns(min(self.burst, len(self._coming)) * self._byte_ns(), self._arrive)

    @property
    def idle(self) -> bool:
        """Whether no byte is on its way to the chip."""
        return not self._coming

    def _byte_ns(self) -> float:
        return 10e9 / self.baud

    def _arrive(self) -> None:
        bytes_now = [self._coming.popleft() for _ in range(min(self.burst, len(self._coming)))]
        self._receiving = False
        if self._coming:
            self._expect()
        if self._rx_on and self._joined("RX", 2, self.rx_pin, INPUT):
            garble = 0xA5 if self._too_far_off() else 0
            for byte in bytes_now:
                if len(self._received) == FIFO:
                    self.values["IF"] |= _RXOF
                    self.lost += 1
                else:
                    self._received.append(byte ^ garble)
            self.values["IF"] |= _RXFL
            self._interrupt()

    def _too_far_off(self) -> bool:
        return abs(self._chip_baud() / self.baud - 1) > _TOLERANCE

    def _joined(self, signal: str, bit: int, pin: str, mode: int) -> bool:
        gpio = self.chip.gpio
        return gpio.joined("EUSART0", signal, bit, pin) and gpio.mode(pin) == mode

    def _chip_baud(self) -> float:
        if self.values["CFG0"] & 0xFF or self.values["FRAMECFG"] != 0x1002:
            raise self.misuse("not a UART with 8 bits and 16 times oversampling")
        return self.chip.cmu.eusart0 / (16 * (1 + self.values["CLKDIV"] / 256))

    # ---- the chip's end ----

    def _interrupt(self) -> None:
        pending = self.values["IF"] & self.values["IEN"]
        self.core.set_irq(RX_IRQ, bool(pending & (_RXFL | _RXOF)))
        self.core.set_irq(TX_IRQ, bool(pending & _TXFL))

    def _room_wanted(self) -> int:
        return (self.values["CFG1"] >> 16 & 15) + 1

    def _next(self) -> None:
        """Send the next bytes of the queue."""
        if self._shifting or not self._sent:
            return
        self._shifting = [self._sent.popleft() for _ in range(min(self.burst, len(self._sent)))]
        if FIFO - len(self._sent) >= self._room_wanted():
            self.values["IF"] |= _TXFL
            self._interrupt()
        ns = len(self._shifting) * 10e9 / self._chip_baud()
        self._departure = self.core.after_ns(ns, self._left)

    def _left(self) -> None:
        bytes_now, self._shifting = self._shifting, []
        if self._joined("TX", 4, self.tx_pin, PUSH_PULL):
            garble = 0xA5 if self._too_far_off() else 0
            self.out += bytes(byte ^ garble for byte in bytes_now)
        self._next()

    def write_EN(self, value: int) -> None:
        self.values["EN"] = value & 1

    def write_CLKDIV(self, value: int) -> None:
        self._enabled("CLKDIV")
        self.values["CLKDIV"] = value & 0x7FFFF8

    def _enabled(self, name: str) -> None:
        if not self.values["EN"] & 1:
            raise self.misuse(f"{name} written while disabled")

    def write_CMD(self, value: int) -> None:
        self._enabled("CMD")
        self._rx_on = bool(value & 1) or (self._rx_on and not value & 2)
        self._tx_on = bool(value & 4) or (self._tx_on and not value & 8)

    def read_STATUS(self) -> int:
        idle = not self._shifting and not self._sent
        free = FIFO - len(self._sent)
        return int(
            self._rx_on
            | self._tx_on << 1
            | (free >= self._room_wanted()) << 6
            | bool(self._received) << 7
            | idle << 13
            | len(self._sent) << 16
        )

    def read_RXDATA(self) -> int:
        if not self._received:
            raise self.misuse("read while there was nothing")
        return self._received.popleft()

    def write_TXDATA(self, value: int) -> None:
        if not self._tx_on or len(self._sent) == FIFO:
            raise self.misuse("sent too early or too much")
        self._sent.append(value & 0xFF)
        self._next()

    def write_IF(self, value: int) -> None:
        self.values["IF"] = value
        if len(self._received) > 0:
            self.values["IF"] |= _RXFL  # it is a level
        self._interrupt()

    def write_IEN(self, value: int) -> None:
        self.values["IEN"] = value
        self._interrupt()

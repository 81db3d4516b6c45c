"""UARTE (6.34) with DMA both ways, and the computer at the other end of its wires."""

from __future__ import annotations

from otolith.virtual.nrf52840.gpio import Gpio
from otolith.virtual.nrf52840.nordic import NordicPeripheral, zeros

_STARTRX, _STARTTX = 0x000, 0x008
_RXDRDY, _ENDRX, _TXDRDY, _ENDTX, _ERROR = 0x108, 0x110, 0x11C, 0x120, 0x124
_RXSTARTED, _TXSTARTED, _SHORTS = 0x14C, 0x150, 0x200
_ERRORSRC, _ENABLE, _RTS, _TXD, _CTS, _RXD = 0x480, 0x500, 0x508, 0x50C, 0x510, 0x514
_BAUDRATE, _RX, _TX, _CONFIG = 0x524, 0x534, 0x544, 0x56C
_ENDRX_STARTRX = 1 << 5
_BAUD = {0x01D60000: 115200, 0x0F000000: 941_176, 0x10000000: 1_000_000}
_BITS = 10  # of a byte on the wire
_NONE = 0xFFFFFFFF


class Uarte(NordicPeripheral):
    """The UART and the computer at its wires.

    sent: bytes that the chip has sent.
    lost: bytes that arrived while the chip had no buffer for them.
    """

    name, irq = "UARTE0", 2
    tasks = (_STARTRX, _STARTTX)
    events = (_RXDRDY, _ENDRX, _TXDRDY, _ENDTX, _ERROR, _RXSTARTED, _TXSTARTED)
    plain = zeros(
        (_SHORTS, _ERRORSRC, _ENABLE, _CONFIG, _RX, _RX + 4, _RX + 8, _TX, _TX + 4, _TX + 8)
    ) | {_BAUDRATE: 0x04000000, **dict.fromkeys((_RTS, _TXD, _CTS, _RXD), _NONE)}

    def __init__(self, base: int, ppi, gpio: Gpio) -> None:
        self._gpio = gpio
        self.sent = bytearray()
        self.lost = 0
        self._coming = bytearray()
        self._busy = False
        super().__init__(base, ppi)

    def clear(self) -> None:
        super().clear()
        self._receiving: list[int] | None = None  # [next address, room]
        self._begun = 0.0
        self._run = getattr(self, "_run", 0) + 1  # what is on its way belongs to an earlier one

    @property
    def _byte_ns(self) -> float:
        return _BITS * 1e9 / _BAUD[self.registers[_BAUDRATE]]

    @property
    def receives(self) -> bool:
        """Whether the chip is ready for a byte."""
        return self._on and self._receiving is not None

    def send(self, data: bytes) -> None:
        """Send bytes to the chip, at the line's speed."""
        self._coming += data
        if not self._busy and self._coming:
            self._busy = True
            self.core.after_ns(self._byte_ns if self._on else 1e5, self._byte_came)

    @property
    def _on(self) -> bool:
        return self.registers[_ENABLE] == 8

    def _byte_came(self) -> None:
        byte = self._coming.pop(0)
        if self._receiving is not None and self._on:
            place, room = self._receiving
            self.core.write(place, bytes([byte]))
            self._receiving = [place + 1, room - 1]
            self.event(_RXDRDY)
            if room == 1:
                self._receiving = None
                self.registers[_RX + 8] = self.registers[_RX + 4]
                self.event(_ENDRX)
                if self.registers[_SHORTS] & _ENDRX_STARTRX:
                    self.task(_STARTRX)
        else:
            self.lost += 1
        self._busy = False
        self.send(b"")

    def task(self, offset: int) -> None:
        if not self._on:
            self.fault("started while off")
        if offset == _STARTRX:
            if not self._gpio.is_input(self.registers[_RXD]):
                self.fault("RX pin is no input")
            self._receiving = [self.registers[_RX], self.registers[_RX + 4]]
            self.event(_RXSTARTED)
            return
        if not self._gpio.is_output(self.registers[_TXD]):
            self.fault("TX pin is no output")
        place, size = self.registers[_TX], self.registers[_TX + 4]
        if place < 0x20000000:
            self.fault("EasyDMA can't read flash")
        self.event(_TXSTARTED)
        run = self._run
        self.core.after_ns(size * self._byte_ns, lambda: self._sent(run, place, size))

    def _sent(self, run: int, place: int, size: int) -> None:
        if run == self._run and self._on:
            self.sent += self.core.read(place, size)
            self.registers[_TX + 8] = size
            self.event(_ENDTX)

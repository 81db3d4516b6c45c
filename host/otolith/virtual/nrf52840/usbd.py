"""USBD (6.35), seen from both sides: registers and DMA for the chip, packets for the computer.

The controller answers tokens by itself: it acknowledges SETUP, executes SET_ADDRESS, sends what DMA
has put into an endpoint's buffer, and reports it. Only one DMA runs at a time. A task that is
triggered meanwhile is lost (erratum 199), which the model reports as a fault.
"""

from __future__ import annotations

from collections.abc import Callable

from otolith.virtual.nrf52840.nordic import NordicPeripheral, several, zeros
from otolith.virtual.nrf52840.power_clock import PowerClock
from otolith.virtual.usb_tokens import NAK, STALL

_STARTEPIN, _STARTISOIN, _STARTEPOUT, _STARTISOOUT = 0x004, 0x024, 0x028, 0x048
_EP0RCVOUT, _EP0STATUS, _EP0STALL, _DPDMDRIVE, _DPDMNODRIVE = 0x04C, 0x050, 0x054, 0x058, 0x05C
_USBRESET, _STARTED, _ENDEPIN, _EP0DATADONE, _ENDISOIN = 0x100, 0x104, 0x108, 0x128, 0x12C
_ENDEPOUT, _ENDISOOUT, _SOF, _USBEVENT, _EP0SETUP, _EPDATA = (
    0x130,
    0x150,
    0x154,
    0x158,
    0x15C,
    0x160,
)
_EVENTCAUSE, _EPDATASTATUS, _USBADDR, _SETUP, _SIZE_OUT, _SIZE_ISO = (
    0x400,
    0x46C,
    0x470,
    0x480,
    0x4A0,
    0x4C0,
)
_ENABLE, _PULLUP, _DPDMVALUE, _DTOGGLE, _EPINEN, _EPOUTEN, _EPSTALL = several(0x500, 7)
_ISOSPLIT, _FRAMECNTR, _LOWPOWER, _ISOINCONFIG = 0x51C, 0x520, 0x52C, 0x530
_EPIN, _ISOIN, _EPOUT, _ISOOUT, _STEP = 0x600, 0x6A0, 0x700, 0x7A0, 0x14
_SUSPEND, _RESUME, _READY = 1 << 8, 1 << 9, 1 << 11  # EVENTCAUSE
_SET_ADDRESS = 5
_STARTUP_NS, _DMA_NS, _DMA_BYTE_NS = 20e3, 1500.0, 250.0
ISOCHRONOUS = 8  # the endpoint's number


class Usbd(NordicPeripheral):
    name, irq = "USBD", 39
    tasks = (
        *several(_STARTEPIN, 8),
        _STARTISOIN,
        *several(_STARTEPOUT, 8),
        _STARTISOOUT,
        *several(_EP0RCVOUT, 5),
    )
    events = several(_USBRESET, 25)
    plain = (
        zeros((_PULLUP, _DPDMVALUE, _DTOGGLE, _ISOSPLIT, _LOWPOWER, _ISOINCONFIG))
        | {_EPINEN: 1, _EPOUTEN: 1}
        | zeros(*(several(start, 3) for n in range(8) for start in (_EPIN + n * _STEP,)))
        | zeros(*(several(start, 3) for n in range(8) for start in (_EPOUT + n * _STEP,)))
        | zeros(several(_ISOIN, 3), several(_ISOOUT, 3))
    )

    def __init__(self, base: int, power: PowerClock) -> None:
        self._power = power
        self._run = 0
        super().__init__(base)

    def clear(self) -> None:
        super().clear()
        self._run += 1  # what was on its way belongs to an earlier one
        self.enabled_port = False
        self.address = 0
        self.cause = 0
        self.frame = 0
        self.setup_bytes = bytes(8)
        self._busy = False
        self._data_status = 0
        self._forget()

    def _forget(self) -> None:
        """Reset the endpoints, as a bus reset does."""
        self.registers[_EPINEN] = self.registers[_EPOUTEN] = 1
        self._in: list[bytes | None] = [None] * 8
        self._out: list[bytes | None] = [None] * 8
        self._out_ready = [False] * 8
        self._out_size = [0] * 8
        self._stalled_in: set[int] = set()
        self._stalled_out: set[int] = set()
        self._ep0_stalled = self._status_ready = False
        self._iso_loaded: bytes | None = None
        self._iso_going: bytes | None = None

    # ---- the computer's side ----

    @property
    def starts(self) -> int:
        """How often the controller has started; it changes when the chip is reset."""
        return self._run

    @property
    def attached(self) -> bool:
        """Whether the pull-up shows the computer that a device is connected."""
        return bool(self._power.vbus and self.enabled_port and self.registers[_PULLUP])

    def bus_reset(self) -> None:
        self._forget()
        self.address = 0
        self.event(_USBRESET)

    def setup(self, data: bytes) -> None:
        """Take a SETUP packet, which is always acknowledged."""
        self.setup_bytes = data
        self._ep0_stalled = self._status_ready = False
        self._in[0] = self._out[0] = None
        self._out_ready[0] = False
        if data[:2] == bytes([0, _SET_ADDRESS]):
            self.address = data[2] & 0x7F
            self._status_ready = True
        self.event(_EP0SETUP)

    def token_in(self, endpoint: int) -> bytes | str:
        """Answer an IN token: data, NAK or STALL."""
        if self._ep0_stalled if endpoint == 0 else endpoint in self._stalled_in:
            return STALL
        if endpoint and not self.registers[_EPINEN] >> endpoint & 1:
            return NAK
        data, self._in[endpoint] = self._in[endpoint], None
        if data is None:
            return NAK
        if endpoint == 0:
            self.event(_EP0DATADONE)
        else:
            self._data_status |= 1 << endpoint
            self.event(_EPDATA)
        return data

    def token_out(self, endpoint: int, data: bytes) -> str:
        """Answer an OUT packet: "ack", NAK or STALL."""
        if self._ep0_stalled if endpoint == 0 else endpoint in self._stalled_out:
            return STALL
        if not self._out_ready[endpoint] or not self.registers[_EPOUTEN] >> endpoint & 1:
            return NAK
        self._out_ready[endpoint] = False
        self._out[endpoint], self._out_size[endpoint] = data, len(data)
        if endpoint == 0:
            self.event(_EP0DATADONE)
        else:
            self._data_status |= 1 << 16 + endpoint
            self.event(_EPDATA)
        return "ack"

    def token_status(self) -> str:
        """Answer the status stage of a control transfer: "ack", NAK or STALL."""
        if self._ep0_stalled:
            return STALL
        ready, self._status_ready = self._status_ready, False
        return "ack" if ready else NAK

    def start_of_frame(self, number: int) -> None:
        self.frame = number & 0x7FF
        self._iso_going, self._iso_loaded = self._iso_loaded, None
        self.event(_SOF)

    def token_isochronous(self) -> bytes | None:
        """The isochronous packet of this frame, or None. It was loaded before the frame began."""
        if not self.registers[_EPINEN] >> ISOCHRONOUS & 1:
            return None
        data, self._iso_going = self._iso_going, None
        return data

    def suspend(self) -> None:
        self._tell(_SUSPEND)

    def resume(self) -> None:
        self._tell(_RESUME)

    # ---- the chip's side ----

    def _tell(self, cause: int) -> None:
        self.cause |= cause
        self.event(_USBEVENT)

    def task(self, offset: int) -> None:
        if self._busy and offset not in (_DPDMDRIVE, _DPDMNODRIVE):
            self.fault(f"task {offset:#x} while DMA runs is lost (erratum 199)")
        elif offset < _STARTISOIN:
            self._load((offset - _STARTEPIN) // 4)
        elif offset == _STARTISOIN:
            self._load_isochronous()
        elif offset < _STARTISOOUT:
            self._fetch((offset - _STARTEPOUT) // 4)
        elif offset == _EP0RCVOUT:
            self._out_ready[0] = True
        elif offset == _EP0STATUS:
            self._status_ready = True
        elif offset == _EP0STALL:
            self._ep0_stalled = True
        elif offset == _STARTISOOUT:
            self.fault("isochronous OUT, which is not modelled")

    def _dma(self, size: int, done: Callable[[], None]) -> None:
        self._busy = True
        run = self._run

        def end() -> None:
            if run == self._run:
                self._busy = False
                done()

        self.event(_STARTED)
        self.core.after_ns(_DMA_NS + size * _DMA_BYTE_NS, end)

    def _read_ram(self, registers: int) -> bytes:
        place, size = self.registers[registers], self.registers[registers + 4]
        if size and place < 0x20000000:
            self.fault("EasyDMA can't read flash")
        return self.core.read(place, size) if size else b""

    def _load(self, endpoint: int) -> None:
        registers = _EPIN + endpoint * _STEP
        data = self._read_ram(registers)
        if len(data) > 64:
            self.fault(f"{len(data)} bytes for a packet")

        def done() -> None:
            self.registers[registers + 8] = len(data)
            self._in[endpoint] = data
            self.event(_ENDEPIN + 4 * endpoint)

        self._dma(len(data), done)

    def _load_isochronous(self) -> None:
        data = self._read_ram(_ISOIN)

        def done() -> None:
            self.registers[_ISOIN + 8] = len(data)
            self._iso_loaded = data
            self.event(_ENDISOIN)

        self._dma(len(data), done)

    def _fetch(self, endpoint: int) -> None:
        registers = _EPOUT + endpoint * _STEP
        data = (self._out[endpoint] or b"")[: self.registers[registers + 4]]
        if data:
            self.core.write(self.registers[registers], data)

        def done() -> None:
            self.registers[registers + 8] = len(data)
            self._out[endpoint] = None
            self._out_ready[endpoint] = endpoint != 0  # the next is taken by itself
            self.event(_ENDEPOUT + 4 * endpoint)

        self._dma(len(data), done)

    def read_other(self, offset: int) -> int:
        if _SETUP <= offset < _SETUP + 32:
            return self.setup_bytes[(offset - _SETUP) // 4]
        if _SIZE_OUT <= offset < _SIZE_ISO:
            return self._out_size[(offset - _SIZE_OUT) // 4]
        values = {
            _EVENTCAUSE: self.cause,
            _EPDATASTATUS: self._data_status,
            _USBADDR: self.address,
            _SIZE_ISO: 1 << 16,
            _ENABLE: int(self.enabled_port),
            _FRAMECNTR: self.frame,
            0x800: 0,
            0x804: 0,
        }
        return values[offset] if offset in values else super().read_other(offset)

    def write_other(self, offset: int, value: int) -> None:
        if offset == _EVENTCAUSE:
            self.cause &= ~value
        elif offset == _EPDATASTATUS:
            self._data_status &= ~value
        elif offset == _ENABLE:
            self._enable(bool(value))
        elif _SIZE_OUT <= offset < _SIZE_ISO:
            self._out_ready[(offset - _SIZE_OUT) // 4] = True
        elif offset == _EPSTALL:
            stalled = self._stalled_in if value & 0x80 else self._stalled_out
            (stalled.add if value & 0x100 else stalled.discard)(value & 7)
        elif offset in (0x800, 0x804):
            pass  # erratum 166
        else:
            super().write_other(offset, value)

    def _enable(self, on: bool) -> None:
        if on and not self.enabled_port:
            if not self._power.vbus:
                self.fault("enabled without VBUS")
            run = self._run
            self.core.after_ns(
                _STARTUP_NS, lambda: self._tell(_READY) if run == self._run else None
            )
        self.enabled_port = on
        if not on:
            self._forget()

"""USB controller (RP2350 datasheet, 12.7) from both sides: the chip's registers, the bus's tokens.

Buffers and their control words are in the controller's RAM. The driver fills a buffer and marks it
available; the controller takes the mark away with the packet.
"""

from __future__ import annotations

from otolith.virtual.cortex import Event
from otolith.virtual.rp2350.block import Block
from otolith.virtual.rp2350.clocks import Clocks
from otolith.virtual.usb_tokens import NAK, STALL

RAM = 0x50100000
IRQ = 14
_MAIN, _SOF_RD, _SIE_CTRL, _SIE_STATUS = 0x40, 0x48, 0x4C, 0x50
_BUFF_STATUS, _SHOULD_HANDLE, _ABORT, _ABORT_DONE, _STALL_ARM = 0x58, 0x5C, 0x60, 0x64, 0x68
_MUXING, _PWR, _INTR, _INTE, _INTF, _INTS = 0x74, 0x78, 0x8C, 0x90, 0x94, 0x98
_ADDRESS = 0x00
_EN, _HOST, _ISOLATED = 1, 2, 4
_PULL_UP, _EP0_PER_BUFFER = 1 << 16, 1 << 29
_BUS_RESET, _SETUP, _RESUME, _SUSPENDED = 1 << 19, 1 << 17, 1 << 11, 1 << 4  # SIE_STATUS
_I_SOF, _I_SETUP, _I_RESUME, _I_SUSPEND, _I_RESET, _I_BUFFER = (
    1 << bit for bit in (17, 16, 15, 14, 12, 4)
)
_TO_PHY, _SOFTCON = 1, 8
_AVAILABLE, _B_STALL, _DATA1, _FULL, _LENGTH = 1 << 10, 1 << 11, 1 << 13, 1 << 15, 0x3FF
_ON, _DOUBLE, _PER_BUFFER, _PER_TWO = 1 << 31, 1 << 30, 1 << 29, 1 << 28  # endpoint control
_ISOCHRONOUS = 1
_EP0_BUFFER, _CONTROL, _BUFFERS = 0x100, 0x08, 0x80
_IDLE_NS = 3e6


class Usb(Block):
    """attached: whether the pull-up shows the computer that a device is connected.

    starts: how often the controller was taken out of reset.
    """

    name = "USB"
    silent_in_reset = True  # the SDK's start-up looks whether it is in reset
    clears = (_SIE_STATUS, _BUFF_STATUS, _ABORT_DONE)
    plain = {  # noqa: RUF012
        _MAIN: _ISOLATED,
        _SIE_CTRL: 0x8000,
        _ABORT: 0,
        _STALL_ARM: 0,
        _MUXING: 0,
        _PWR: 0,
        _INTE: 0,
        _INTF: 0,
        _ADDRESS: 0,
    }

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self.starts = 0
        self._idle: Event | None = None
        super().__init__()

    def clear(self) -> None:
        super().clear()
        self.starts += 1
        self._status = 0
        self._buffers = 0
        self._abort_done = 0
        self._frame = 0
        self._sof = False
        self._toggles: dict[tuple[int, bool], int] = {}  # what the computer expects
        self._second: set[tuple[int, bool]] = set()  # endpoints whose second buffer is next
        self._stage_in = True  # whether the status stage is an IN packet
        if self._idle:
            self._idle.cancel()
        self._idle = None
        self._sof_at = 0.0

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self._update()

    # ---- interrupts ----

    def _interrupts(self) -> int:
        status = self._status
        return (
            (_I_SOF if self._sof else 0)
            | (_I_SETUP if status & _SETUP else 0)
            | (_I_RESUME if status & _RESUME else 0)
            | (_I_SUSPEND if status & _SUSPENDED else 0)
            | (_I_RESET if status & _BUS_RESET else 0)
            | (_I_BUFFER if self._buffers else 0)
        )

    def _update(self) -> None:
        wanted = self._interrupts() & self.registers[_INTE] | self.registers[_INTF]
        self.core.set_irq(IRQ, bool(wanted))

    # ---- registers ----

    def load(self, offset: int) -> int:
        if offset == _SOF_RD:
            self._sof = False
            self._update()
            return self._frame
        values = {
            _SIE_STATUS: self._status | 1,
            _BUFF_STATUS: self._buffers,
            _SHOULD_HANDLE: 0,
            _ABORT_DONE: self._abort_done,
            _INTR: self._interrupts(),
            _INTS: self._interrupts() & self.registers[_INTE] | self.registers[_INTF],
        }
        return values[offset] if offset in values else super().load(offset)

    def store(self, offset: int, value: int) -> None:
        if offset == _SIE_STATUS:
            self._status &= ~value
        elif offset == _BUFF_STATUS:
            self._buffers &= ~value
        elif offset == _ABORT_DONE:
            self._abort_done &= ~value
        else:
            super().store(offset, value)
            if offset == _ABORT:
                self._abort_done |= value
            if offset == _MAIN and value & _HOST:
                raise NotImplementedError("USB: host mode")
        self._update()

    # ---- its RAM ----

    def _word(self, offset: int) -> int:
        return self.core.read_word(RAM + offset)

    def _set_word(self, offset: int, value: int) -> None:
        self.core.write(RAM + offset, value.to_bytes(4, "little"))

    def _endpoint(self, number: int, inward: bool) -> int:
        """The endpoint's control word; endpoint 0 has none, so what the registers say of it."""
        if number == 0:
            per = _PER_BUFFER if self.registers[_SIE_CTRL] & _EP0_PER_BUFFER else 0
            return _ON | per | _EP0_BUFFER
        return self._word(_CONTROL + 8 * (number - 1) + (0 if inward else 4))

    def _stalls(self, number: int, inward: bool, control: int) -> bool:
        armed = self.registers[_STALL_ARM] & (1 if inward else 2) if number == 0 else True
        return bool(control & _B_STALL and armed)

    def _hand_over(
        self, number: int, inward: bool, sent: bytes = b"", *, any_toggle: bool = False
    ) -> bytes | str:
        """Move one packet. Returns what the device sends, or NAK or STALL."""
        endpoint = self._endpoint(number, inward)
        place = _BUFFERS + 8 * number + (0 if inward else 4)
        word = self._word(place)
        if self._stalls(number, inward, word):
            return STALL
        if not endpoint & _ON:
            return NAK
        key = number, inward
        double = bool(endpoint & _DOUBLE)
        shift = 16 if double and key in self._second else 0
        control = word >> shift & 0xFFFF
        if not control & _AVAILABLE or (inward and not control & _FULL):
            return NAK
        self._check_toggle(key, control, any_toggle)
        buffer = RAM + (endpoint & 0xFFC0) + (64 if shift else 0)
        size = control & _LENGTH
        data = self.core.read(buffer, size) if inward and size else b""
        if inward:
            control &= ~(_AVAILABLE | _FULL)
        else:
            if len(sent) > size:
                self.fault(f"{len(sent)} bytes for endpoint {number}'s buffer of {size}")
                sent = sent[:size]
            if sent:
                self.core.write(buffer, sent)
            control = control & ~(_AVAILABLE | _LENGTH) | _FULL | len(sent)
        self._set_word(place, word & ~(0xFFFF << shift) | control << shift)
        if double:
            self._second ^= {key}
        if endpoint & _PER_BUFFER or (endpoint & _PER_TWO and shift):
            self._buffers |= 1 << 2 * number + (0 if inward else 1)
        self._update()
        return data

    def _check_toggle(self, key: tuple[int, bool], control: int, any_toggle: bool) -> None:
        """A computer throws a packet away whose DATA0 or DATA1 is not what it expects."""
        toggle = int(bool(control & _DATA1))
        if any_toggle:
            return
        if toggle != self._toggles.get(key, 0):
            self.fault(f"endpoint {key[0]} {'IN' if key[1] else 'OUT'} with DATA{toggle} twice")
        self._toggles[key] = toggle ^ 1

    # ---- the computer's side ----

    @property
    def attached(self) -> bool:
        registers = self.registers
        return bool(
            not self.held
            and registers[_MAIN] & _EN
            and not registers[_MAIN] & _ISOLATED
            and registers[_SIE_CTRL] & _PULL_UP
            and registers[_MUXING] & (_TO_PHY | _SOFTCON) == _TO_PHY | _SOFTCON
            and registers[_PWR] & 0xC == 0xC
        )

    def bus_reset(self) -> None:
        if abs(self._clocks.usb_hz - 48e6) > 1:
            self.fault(f"clk_usb is {self._clocks.usb_hz / 1e6:g} MHz, not 48")
        self.registers[_ADDRESS] = 0
        self._toggles = {}
        self._second = set()
        self._status |= _BUS_RESET
        self._status &= ~_SUSPENDED
        self._update()

    def setup(self, data: bytes) -> None:
        """Take a SETUP packet, which is always acknowledged."""
        self._stage_in = not (data[0] & 0x80 and any(data[6:8]))
        self.registers[_STALL_ARM] = 0
        self._toggles[0, True] = self._toggles[0, False] = 1
        self.core.write(RAM, data)
        self._status |= _SETUP
        self._clear_halt(data)
        self._update()

    def _clear_halt(self, data: bytes) -> None:
        """The computer begins anew with DATA0 after these requests (USB 2.0, 9.1.1.5 and 9.4.5)."""
        if data[:2] in (b"\x00\x09", b"\x01\x0b"):
            self._toggles = {key: 1 for key in self._toggles if key[0] == 0}
            self._second = set()
        elif data[:2] == b"\x02\x01":
            self._toggles.pop((data[4] & 0xF, bool(data[4] & 0x80)), None)

    def token_in(self, endpoint: int) -> bytes | str:
        """Answer an IN token: data, NAK or STALL."""
        if endpoint == 0 and self._status & _SETUP:
            return NAK
        return self._hand_over(endpoint, True)

    def token_out(self, endpoint: int, data: bytes) -> str:
        """Answer an OUT packet: "ack", NAK or STALL."""
        if endpoint == 0 and self._status & _SETUP:
            return NAK
        answer = self._hand_over(endpoint, False, data)
        return answer if isinstance(answer, str) else "ack"

    def token_status(self) -> str:
        """Answer the status stage of a control transfer: "ack", NAK or STALL."""
        if self._status & _SETUP:
            return NAK
        self._toggles[0, self._stage_in] = 1
        answer = self._hand_over(0, self._stage_in)
        if answer in (NAK, STALL):
            return str(answer)
        if answer:
            self.fault(f"{len(answer)} bytes in the status stage")
        return "ack"

    def start_of_frame(self, number: int) -> None:
        self._frame = number & 0x7FF
        self._sof = True
        self._sof_at = self.core.now_ns
        if self._idle is None:
            self._idle = self.core.after_ns(_IDLE_NS, self._suspend)
        self._update()

    def _suspend(self) -> None:
        """The bus is suspended if no frame has begun for 3 ms."""
        rest = self._sof_at + _IDLE_NS - self.core.now_ns
        if rest > 1:
            self._idle = self.core.after_ns(rest, self._suspend)
            return
        self._idle = None
        self._status |= _SUSPENDED
        self._update()

    def resume(self) -> None:
        self._status = self._status & ~_SUSPENDED | _RESUME
        self._update()

    def token_isochronous(self) -> bytes | None:
        """The isochronous packet of this frame, or None."""
        for number in range(1, 16):
            endpoint = self._endpoint(number, True)
            if endpoint & _ON and endpoint >> 26 & 3 == _ISOCHRONOUS:
                data = self._hand_over(number, True, any_toggle=True)
                return data if isinstance(data, bytes) else None
        return None

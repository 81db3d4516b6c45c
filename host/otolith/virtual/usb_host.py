"""The computer at the other end of the USB cable: control transfers, frames, CDC, isochronous IN.

ENUMERATIONS has the order in which Linux, Windows and macOS make their requests, as bus analysers
show it: (bmRequestType, bRequest, wValue, wIndex, wLength), or what happens on the bus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from otolith.errors import UserError
from otolith.virtual.cortex import CortexM, Event
from otolith.virtual.usb_tokens import NAK, STALL, UsbDevice

_PACKET = 64
_TOKEN_NS = 50e3
_PATIENCE_MS = 50.0
_FRAME_NS = 1e6
_ALL_SLOTS = 9  # polls in a frame that need no further ones
_RESET = "reset"

# of a standard request
_GET_STATUS, _SET_ADDRESS, _GET_DESCRIPTOR, _SET_CONFIGURATION, _SET_INTERFACE = 0, 5, 6, 9, 11
_DEVICE, _CONFIGURATION, _STRING, _QUALIFIER, _BOS = 0x100, 0x200, 0x300, 0x600, 0xF00
_ENGLISH = 0x409
ALL = -1  # wLength: the length that the configuration descriptor states


def _get(what: int, length: int, index: int = 0) -> tuple[int, int, int, int, int]:
    return (0x80, _GET_DESCRIPTOR, what, index, length)


_ADDRESS = (0x00, _SET_ADDRESS, 5, 0, 0)
_CONFIGURE = (0x00, _SET_CONFIGURATION, 1, 0, 0)
ENUMERATIONS: dict[str, list[tuple[int, int, int, int, int] | str]] = {
    "linux": [
        _RESET,
        _get(_DEVICE, 64),
        _RESET,
        _ADDRESS,
        _get(_DEVICE, 18),
        _get(_QUALIFIER, 10),
        _get(_QUALIFIER, 10),
        _get(_QUALIFIER, 10),
        _get(_CONFIGURATION, 9),
        _get(_CONFIGURATION, ALL),
        _get(_STRING, 255),
        _get(_STRING | 2, 255, _ENGLISH),
        _get(_STRING | 1, 255, _ENGLISH),
        _get(_STRING | 3, 255, _ENGLISH),
        _CONFIGURE,
        _get(_STRING | 4, 255, _ENGLISH),
    ],
    "windows": [
        _RESET,
        _get(_DEVICE, 64),
        _RESET,
        _ADDRESS,
        _get(_DEVICE, 18),
        _get(_CONFIGURATION, 255),
        _get(_STRING | 3, 255, _ENGLISH),
        _get(_STRING, 255),
        _get(_STRING | 2, 255, _ENGLISH),
        _get(_STRING | 0xEE, 18),
        _get(_QUALIFIER, 10),
        _get(_DEVICE, 18),
        _get(_CONFIGURATION, 9),
        _get(_CONFIGURATION, ALL),
        (0x80, _GET_STATUS, 0, 0, 2),
        _CONFIGURE,
    ],
    "macos": [
        _RESET,
        _get(_DEVICE, 8),
        _ADDRESS,
        _get(_DEVICE, 18),
        _get(_STRING, 2),
        _get(_STRING, 4),
        _get(_STRING | 2, 2, _ENGLISH),
        _get(_STRING | 2, 255, _ENGLISH),
        _get(_STRING | 1, 2, _ENGLISH),
        _get(_STRING | 1, 255, _ENGLISH),
        _get(_STRING | 3, 2, _ENGLISH),
        _get(_STRING | 3, 255, _ENGLISH),
        _get(_CONFIGURATION, 9),
        _get(_CONFIGURATION, ALL),
        _CONFIGURE,
    ],
}
OPTIONAL = (_QUALIFIER, _BOS, _STRING | 0xEE)  # a full-speed device may refuse them


@dataclass(frozen=True)
class ControlResult:
    """A control transfer.

    status: how it ended: "ok", "stall", "timeout" or "abandoned".
    data: what the device sent.
    """

    status: str
    data: bytes


class UsbHost:
    """Drives the bus. Everything but control transfers needs frames, which start() begins."""

    def __init__(
        self, core: CortexM, usbd: UsbDevice, slots: Sequence[int] = range(2, 20, 2)
    ) -> None:
        """Create a computer that is not connected yet.

        Args:
            core: the chip's core, whose time passes.
            usbd: the chip's controller.
            slots: when it polls the CDC port, in multiples of 50 us after the start of a frame.
                A poll that moves data is followed by another after 100 us.
        """
        self.core, self.usbd, self._slots = core, usbd, slots
        self.configuration = b""
        self.strings: list[str] = []  # maker, product, serial number, as enumerated
        self.received = bytearray()
        self.audio = bytearray()
        self.packets: list[tuple[int, int]] = []  # (frame, bytes) of the isochronous stream
        self.missed_frames = 0
        self.streaming = False
        self.suspended = True  # no frames
        self._to_send = bytearray()
        self._console: tuple[int, int] | None = None  # (IN, OUT) endpoints
        self._number = 0
        self._due: Event | None = None  # the next frame

    # ---- the bus ----

    def start(self) -> None:
        """Frames from now on, one a millisecond."""
        if self.suspended:
            self.suspended = False
            self._due = self.core.after_ns(_FRAME_NS, self._frame)

    def stop(self) -> None:
        """No more frames: the bus is suspended, or the cable was removed."""
        self.suspended = True
        if self._due:
            self._due.cancel()

    def _frame(self) -> None:
        if self.suspended:
            return
        self._number += 1
        self.usbd.start_of_frame(self._number)
        self._due = self.core.after_ns(_FRAME_NS, self._frame)
        if self.streaming:
            self.core.after_ns(_TOKEN_NS, self._isochronous)
        if self._console:
            for slot in self._slots:
                self.core.after_ns(slot * _TOKEN_NS, self._bulk)

    def _isochronous(self) -> None:
        data = self.usbd.token_isochronous()
        if data is None:
            self.missed_frames += 1
        else:
            self.packets.append((self._number, len(data)))
            self.audio += data

    def _bulk(self) -> None:
        if self._console is None or self.suspended:
            return
        inward, outward = self._console
        moved = False
        data = self.usbd.token_in(inward)
        if isinstance(data, bytes):
            self.received += data
            moved = True
        piece = bytes(self._to_send[:_PACKET])
        if piece and self.usbd.token_out(outward, piece) == "ack":
            del self._to_send[: len(piece)]
            moved = True
        if moved and len(self._slots) < _ALL_SLOTS:
            self.core.after_ns(2 * _TOKEN_NS, self._bulk)

    def reset_bus(self) -> None:
        """Reset the bus and wait until the device has recovered."""
        self._console = None
        self.streaming = False
        self.usbd.bus_reset()
        self.core.run_ms(10)

    # ---- control transfers ----

    def control(
        self,
        kind: int,
        request: int,
        value: int,
        index: int,
        length: int,
        data: bytes = b"",
        abandon: int | None = None,
    ) -> ControlResult:
        """Make a transfer at endpoint 0; time passes until it has ended.

        Args:
            kind, request, value, index, length: the fields of the SETUP packet.
            data: what is sent, whatever `length` says.
            abandon: number of data packets after which the computer gives up.
        """
        words = (value, index, length)
        self.usbd.setup(bytes([kind, request]) + b"".join(w.to_bytes(2, "little") for w in words))
        self._deadline = self.core.now_ms + _PATIENCE_MS
        answer = b""
        packets = 0
        inward = kind & 0x80 and length
        pieces = [data[at : at + _PACKET] for at in range(0, len(data), _PACKET)]
        while len(answer) < length if inward else packets < len(pieces):
            if packets == abandon:
                return ControlResult("abandoned", answer)
            packets += 1
            if inward:
                packet = self._wait(lambda: self.usbd.token_in(0))
                if not isinstance(packet, bytes):
                    return ControlResult(packet, answer)
                answer += packet
                if len(packet) < _PACKET:
                    break
            else:
                piece = pieces[packets - 1]
                taken = self._wait(lambda piece=piece: self.usbd.token_out(0, piece))
                if taken != "ack":
                    return ControlResult(str(taken), b"")
        if packets == abandon:
            return ControlResult("abandoned", answer)
        status = self._wait(self.usbd.token_status)
        return ControlResult("ok" if status == "ack" else str(status), answer)

    def _wait(self, token) -> bytes | str:
        while self.core.now_ms < self._deadline:
            self.core.run_ns(_TOKEN_NS)
            answer = token()
            if answer != NAK:
                return answer
        return "timeout"

    # ---- what a computer does ----

    def enumerate(self, order: str = "linux") -> list[tuple[object, ControlResult]]:
        """Reset the bus, read the descriptors, configure the device.

        Args:
            order: whose order of requests, a key of ENUMERATIONS.

        Returns:
            Each request with its result.

        Raises:
            UserError: the device refused a request that it must answer.
        """
        done: list[tuple[object, ControlResult]] = []
        texts: dict[int, str] = {}
        for step in ENUMERATIONS[order]:
            if isinstance(step, str):
                self.reset_bus()
                continue
            kind, request, value, index, length = step
            if length == ALL:
                length = int.from_bytes(self.configuration[2:4], "little")
            result = self.control(kind, request, value, index, length)
            done.append((step, result))
            if result.status != "ok" and value not in OPTIONAL:
                raise UserError(f"the board's answer to {step} is {result.status}")
            if request == _SET_ADDRESS:
                self.core.run_ms(2)
            if request == _GET_DESCRIPTOR and value == _CONFIGURATION:
                self.configuration = result.data
            if request == _GET_DESCRIPTOR and value >> 8 == _STRING >> 8 and index == _ENGLISH:
                texts[value & 0xFF] = result.data[2:].decode("utf-16-le", "replace")
        self.strings = [texts[n] for n in (1, 2, 3) if n in texts]
        return done

    def endpoints(self) -> list[tuple[int, int, int]]:
        """(address, transfer type, interface) of every endpoint of the configuration."""
        found, interface, at = [], 0, 0
        while at < len(self.configuration):
            size, kind = self.configuration[at], self.configuration[at + 1]
            if kind == 4:
                interface = self.configuration[at + 2]
            if kind == 5:
                found.append(
                    (self.configuration[at + 2], self.configuration[at + 3] & 3, interface)
                )
            at += size
        return found

    @property
    def has_audio(self) -> bool:
        """Whether the device offers an isochronous endpoint."""
        return any(kind == 1 for _, kind, _ in self.endpoints())

    def open_console(self, on: bool = True) -> None:
        """Set line coding and DTR as a terminal program does, and move data both ways.

        Args:
            on: False clears DTR, as a program that closes the port does; data still moves.
        """
        bulk = [(address, interface) for address, kind, interface in self.endpoints() if kind == 2]
        inward = next(a for a, _ in bulk if a & 0x80)
        outward = next(a for a, _ in bulk if not a & 0x80)
        control = bulk[0][1] - 1
        coding = (115200).to_bytes(4, "little") + bytes([0, 0, 8])
        self.control(0x21, 0x20, 0, control, 7, coding)
        self.control(0x21, 0x22, 3 if on else 0, control, 0)
        self._console = (inward & 7, outward)

    def stream(self, on: bool) -> ControlResult:
        """Select the streaming interface's setting: on is 1, off is 0."""
        (interface,) = {i for _, kind, i in self.endpoints() if kind == 1}
        result = self.control(0x01, _SET_INTERFACE, int(on), interface, 0)
        self.streaming = on and result.status == "ok"
        return result

    def send(self, data: bytes) -> None:
        """Send bytes to the CDC port, as fast as the board takes them."""
        self._to_send += data

    @property
    def unsent(self) -> int:
        """Bytes that the board has not taken yet."""
        return len(self._to_send)


__all__ = ["ENUMERATIONS", "OPTIONAL", "STALL", "ControlResult", "UsbHost"]

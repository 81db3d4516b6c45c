"""The base class of virtual boards with a computer at their USB port."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from otolith.errors import UserError
from otolith.virtual.cortex import CortexBoard, CortexM
from otolith.virtual.usb_host import ControlResult, UsbHost
from otolith.virtual.usb_tokens import UsbDevice

_ENUMERATE_MS = 20.0


class UsbBoard(CortexBoard):
    """A VirtualBoard's cable. The chip's class sets `usbd` and `usb` when it maps its blocks.

    A board from the constructor has nothing plugged in: tests call plug_usb(). connect() leaves a
    computer at the port. It enumerates the board when its pull-up shows, and again after every
    reset.

    WATCH_MS: how often that computer looks at its port.
    """

    WATCH_MS: ClassVar[float] = 1.0
    usbd: UsbDevice
    usb: UsbHost

    def __init__(self, core: CortexM) -> None:
        super().__init__(core)
        self._cable = False
        self._enumerated = False
        self._starts = 0  # of the controller, when it was enumerated
        self._port_open = True  # as a terminal program leaves it
        self._faults_told = self._debug_told = 0
        self._line = bytearray()  # of the debug UART

    def connect(self) -> None:
        """Leave a computer at the USB port."""
        self._cable = True
        self._power_port(True)

    def _power_port(self, on: bool) -> None:
        """Tell the chip that the cable brings 5 V, if it can notice."""

    def plug_usb(self, order: str = "linux", *, console: bool = True) -> None:
        """Connect a computer; returns once it has enumerated the board.

        Args:
            order: whose order of requests: a key of usb_host.ENUMERATIONS.
            console: whether the computer opens the CDC port.
        """
        self._power_port(True)
        if not self.core.run_until(lambda: self.usbd.attached, _ENUMERATE_MS):
            raise UserError("the board does not show itself on USB")
        self.usb.start()
        self.usb.enumerate(order)
        if console:
            self.usb.open_console()
        self._enumerated, self._starts = True, self.usbd.starts

    def unplug_usb(self) -> None:
        """Disconnect the computer."""
        self.usb.stop()
        self._power_port(False)
        self._enumerated = False

    def control(
        self,
        type: int,
        request: int,
        value: int,
        index: int,
        length: int,
        data: bytes = b"",
        abandon: int | None = None,
    ) -> ControlResult:
        """Make a USB control transfer; time passes until it has ended."""
        return self.usb.control(type, request, value, index, length, data, abandon)

    def set_dtr(self, on: bool) -> None:
        """Open or close the CDC port, as a terminal program does."""
        self._port_open = on
        if self._enumerated:
            self.usb.open_console(on)

    def read_audio(self) -> np.ndarray:
        """PCM of the isochronous microphone since the last call: (samples,) int16, 16 kHz."""
        data = bytes(self.usb.audio)
        self.usb.audio.clear()
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").copy()

    def _pass(self, ms: float) -> None:
        """Let time pass; an enumeration may take it 50 ms further."""
        end = self.time_ms + ms
        while self._cable and (left := end - self.time_ms) > 0:
            self.core.run_ms(min(self.WATCH_MS, left))
            self._add_resets()
            self._watch_port()
        if not self._cable:
            self.core.run_ms(ms)

    def _watch_port(self) -> None:
        """What the computer does when the board shows itself on USB, or leaves."""
        if self._enumerated and (not self.usbd.attached or self.usbd.starts != self._starts):
            self.usb.stop()
            self._enumerated = False
        elif not self._enumerated and self.usbd.attached:
            self._enumerated, self._starts = True, self.usbd.starts
            try:
                self.usb.start()
                self.usb.enumerate()
                self.usb.open_console(self._port_open)
                if self.usb.has_audio:
                    self.usb.stream(True)
            except UserError as error:  # it was reset meanwhile: the next time it shows itself
                self._add_event("usb", error.message)
                self.usb.stop()
                self._enumerated = False
            else:
                self._add_event("usb", " ".join(self.usb.strings))

    def _add_faults(self, faults: list[str]) -> None:
        for text in faults[self._faults_told :]:
            self._add_event("fault", text)
        self._faults_told = len(faults)

    def _add_debug(self, sent: bytes | bytearray) -> None:
        """Report whole lines of the debug UART. sent: All it has sent."""
        self._line += sent[self._debug_told :]
        self._debug_told = len(sent)
        *lines, rest = self._line.split(b"\n")
        for line in lines:
            self._add_event("uart", line.rstrip(b"\r").decode("utf-8", "backslashreplace"))
        self._line = bytearray(rest)

"""What a virtual USB device shows the virtual computer at the other end of the cable."""

from __future__ import annotations

from typing import Protocol

STALL, NAK = "stall", "nak"


class UsbDevice(Protocol):
    """A chip's USB controller, as tokens on the bus see it."""

    @property
    def starts(self) -> int:
        """How often the controller has started; it changes when the chip is reset."""

    @property
    def attached(self) -> bool:
        """Whether the pull-up shows the computer that a device is connected."""

    def bus_reset(self) -> None:
        """The computer resets the bus."""

    def setup(self, data: bytes) -> None:
        """Take a SETUP packet of 8 bytes, which is always acknowledged."""

    def token_in(self, endpoint: int) -> bytes | str:
        """Answer an IN token: data, NAK or STALL."""

    def token_out(self, endpoint: int, data: bytes) -> str:
        """Answer an OUT packet: "ack", NAK or STALL."""

    def token_status(self) -> str:
        """Answer the status stage of a control transfer: "ack", NAK or STALL."""

    def start_of_frame(self, number: int) -> None:
        """A frame begins."""

    def token_isochronous(self) -> bytes | None:
        """The isochronous packet of this frame, or None."""

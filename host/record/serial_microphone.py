"""The microphone of a board that sends PCM over a serial port."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np

from host.device import Client, SerialTransport, Transport
from host.device.frames import Frame
from host.device.transports import PRODUCTS
from host.errors import UserError
from host.record.source import Block

_WAIT_MS = 100
_PRODUCT = {"usb_mic": PRODUCTS[2]}  # by app


class SerialMicrophone:
    """Source: 'P' frames of a board at a serial port."""

    def __init__(self, port: str, connect: Callable[[str], Transport] = SerialTransport) -> None:
        self._transport = connect(port)
        try:
            self._client = Client(self._transport)
            hello = self._client.hello()
            if hello.get("rate", 16000) != 16000:
                raise UserError(f"the board at {port} records at {hello['rate']} Hz, not 16000 Hz")
            product = _PRODUCT.get(hello.get("app", ""), PRODUCTS[1])
            self.name = " ".join([product, *filter(None, [hello.get("serial")])])
            self._client.command("pcm on")
        except BaseException:
            self._transport.close()
            raise
        self._next: int | None = None  # sequence number that is due

    def read(self) -> Block:
        """The next frame."""
        for message in self._client.lines(timeout_ms=_WAIT_MS):
            if isinstance(message, Frame) and message.type == "P":
                return self._take(message)
            # one before the first frame only greets
            if self._next is not None and isinstance(message, dict) and message["event"] == "hello":
                raise UserError("the board was reset while it was recorded from")
        return Block(np.empty(0, np.int16))

    def _take(self, frame: Frame) -> Block:
        pcm = np.frombuffer(frame.data[: len(frame.data) // 2 * 2], "<i2").astype(np.int16)
        gap = 0 if self._next is None else (frame.sequence - self._next) & 0xFFFF
        self._next = (frame.sequence + 1) & 0xFFFF
        return Block(pcm, lost=gap * len(pcm))

    def close(self) -> None:
        """Stop the stream, free the port."""
        with contextlib.suppress(UserError):  # it may be gone
            self._client.send_line("pcm off")
        self._transport.close()

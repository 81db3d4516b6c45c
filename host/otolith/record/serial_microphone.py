"""The microphone of a board that sends PCM over a serial port."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable

import numpy as np

from otolith.audio.blocks import Block
from otolith.audio.rate import RATE
from otolith.device import Client, SerialTransport, Transport
from otolith.device.frames import Frame
from otolith.device.records import Hello
from otolith.device.transports import PRODUCTS
from otolith.errors import UserError

_WAIT_S = 0.1
_PRODUCT = {"usb_mic": PRODUCTS[2], "serial_mic": PRODUCTS[2]}  # by app


class SerialMicrophone:
    """A board at a serial port as a Source. It sends PCM in 'P' frames.

    Args:
        port: Name of the serial port.
        connect: Opens the port.

    Raises:
        UserError: The port can't be opened, the board does not answer, or its rate is not 16 kHz.
    """

    def __init__(self, port: str, connect: Callable[[str], Transport] = SerialTransport) -> None:
        self._transport = connect(port)
        try:
            self._client = Client(self._transport)
            hello = self._client.hello()
            if hello.rate != RATE:
                raise UserError(f"the board at {port} records at {hello.rate} Hz, not {RATE} Hz")
            product = _PRODUCT.get(hello.app or "", PRODUCTS[1])
            self.name = " ".join([product, *filter(None, [hello.serial])])
            self._client.command("pcm on")
        except BaseException:
            self._transport.close()
            raise
        self._next: int | None = None  # expected sequence number
        self._blocks: queue.SimpleQueue[Block | UserError] = queue.SimpleQueue()
        self._over = False
        # Receive in a thread: the buffer of the port holds a tenth of a second, but a slow disk may
        # block for longer.
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        try:
            while not self._over:
                for message in self._client.lines(timeout_ms=1000 * _WAIT_S):
                    if isinstance(message, Frame) and message.type == "P":
                        self._blocks.put(self._take(message))
                    elif self._next is not None and isinstance(message, Hello):
                        raise UserError("the board was reset while it was recorded from")
                    if self._over:
                        break
        except UserError as error:
            self._blocks.put(error)

    def _take(self, frame: Frame) -> Block:
        pcm = np.frombuffer(frame.data[: len(frame.data) // 2 * 2], "<i2").astype(np.int16)
        gap = 0 if self._next is None else (frame.sequence - self._next) & 0xFFFF
        self._next = (frame.sequence + 1) & 0xFFFF
        return Block(pcm, lost=gap * len(pcm))

    def read(self) -> Block:
        """Return the next frame, empty if none comes in time. UserError if the board is gone."""
        try:
            block = self._blocks.get(timeout=_WAIT_S)
        except queue.Empty:
            return Block(np.empty(0, np.int16))
        if isinstance(block, UserError):
            raise block
        return block

    def close(self) -> None:
        """Stop the stream and close the port."""
        self._over = True
        self._thread.join()
        with contextlib.suppress(UserError):  # it may be gone
            self._client.send_line("pcm off")
        self._transport.close()

"""The board under test, attached or virtual. Both appear as a serial port."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from otolith.device import Client, SerialTransport
from otolith.errors import UserError

BACK_S = 15.0  # within this time after a reset, a board's port is back


@dataclass
class Board:
    """The board under test.

    Attributes:
        app: the app it runs.
        serial: its USB serial number, "" if it has none.
        attached: real hardware, not virtual.
    """

    port: str
    app: str
    serial: str
    attached: bool
    model: Path | None  # the inference app's network
    image: Path | None = None  # what a virtual board runs

    @contextlib.contextmanager
    def connect(self) -> Iterator[Client]:
        """Open the port. If the board has just been reset, wait for the port to come back."""
        end = time.monotonic() + BACK_S
        while True:
            try:
                transport = SerialTransport(self.port)
                break
            except UserError:  # not there yet, or udev has not set its permissions yet
                if time.monotonic() >= end or not self.attached:
                    raise
                time.sleep(0.1)
        try:
            yield Client(transport)
        finally:
            transport.close()


@contextlib.contextmanager
def virtual_board(image: Path, app: str, model: Path | None) -> Iterator[Board]:
    """Run `image` on a virtual Pico in a separate process, with a pseudo-terminal as its port."""
    command = [sys.executable, "-m", "otolith", "virtual", "run", str(image), "--pty", "--json"]
    with subprocess.Popen(
        [*command, "--seconds", "3600"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = json.loads(process.stdout.readline())["pty"]
            # drain its output, so that it never blocks on a full pipe
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield Board(port, app, "", False, model, image)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()

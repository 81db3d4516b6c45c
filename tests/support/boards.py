"""The board under test: on a desk, or virtual; either way a serial port."""

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

BACK_S = 15.0  # a board that was reset has its port again by then


@dataclass
class Board:
    """app: what it runs. serial: as USB tells it, "" if it does not. attached: on a desk."""

    port: str
    app: str
    serial: str
    attached: bool
    model: Path | None  # the network of the inference app
    image: Path | None = None  # what a virtual board runs

    @contextlib.contextmanager
    def connect(self) -> Iterator[Client]:
        """Open the port; waits for one that is on its way back."""
        end = time.monotonic() + BACK_S
        while True:
            try:
                transport = SerialTransport(self.port)
                break
            except UserError:  # not there yet, or udev has not given us the right to it yet
                if time.monotonic() >= end or not self.attached:
                    raise
                time.sleep(0.1)
        try:
            yield Client(transport)
        finally:
            transport.close()


@contextlib.contextmanager
def virtual_board(image: Path, app: str, model: Path | None) -> Iterator[Board]:
    """`image` on a virtual Pico in a process of its own; its port is a pseudo-terminal."""
    command = [sys.executable, "-m", "otolith", "virtual", "run", str(image), "--pty", "--json"]
    with subprocess.Popen(
        [*command, "--seconds", "3600"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = json.loads(process.stdout.readline())["pty"]
            # it must never wait for somebody to read what it prints
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield Board(port, app, "", False, model, image)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()

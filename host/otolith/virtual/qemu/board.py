"""Boards that QEMU emulates: the image as built, its UART as a transport for device.Client."""

from __future__ import annotations

import json
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from otolith import paths
from otolith.errors import UserError

NS_AN_INSTRUCTION_LOG2 = 5  # 32 ns: about what the boards' 20 and 25 MHz cores need
_PATIENCE = 10  # wall time counts so much less: the computer may be busy with other things
_PIECE = 4096  # bytes
_STOP_S = 5.0


def qemu_machine(board: str) -> str:
    """QEMU's name of the machine, from the board's JSON; UserError if it has none."""
    path = paths.BOARDS / f"{board}.json"
    machine = json.loads(path.read_text())["otolith"].get("qemu") if path.is_file() else None
    if machine is None:
        raise UserError(f"{board}: not a board that QEMU emulates")
    return machine


class VirtualUart:
    """A board in QEMU and the computer's end of its UART: a Transport (host/otolith/device).

    Time in the machine is counted in instructions while it computes; while it waits for the UART it
    passes as here. QEMU models no cycles, no bus and no flash: times it tells are no measurements.
    """

    def __init__(self, image: Path | str, board: str, options: Sequence[str] = ()) -> None:
        """image: the ELF; options: more of QEMU's. UserError if one of them is missing."""
        program = shutil.which("qemu-system-arm")
        if program is None:
            raise UserError("qemu-system-arm is missing: run `host setup`")
        self.image = Path(image)
        if not self.image.is_file():
            raise UserError(f"{image}: no such firmware image: build it with `pio run`")
        self._socket, theirs = socket.socketpair()
        command = [program, "-M", qemu_machine(board), "-display", "none", "-monitor", "none"]
        command += ["-icount", f"shift={NS_AN_INSTRUCTION_LOG2}"]
        command += ["-chardev", f"socket,id=uart,fd={theirs.fileno()}", "-serial", "chardev:uart"]
        command += ["-kernel", str(self.image), *options]
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._socket.setblocking(False)
        self._ahead = bytearray()  # read while writing

    def _stopped(self) -> UserError:
        self._process.kill()
        assert self._process.stderr
        told = self._process.stderr.read().decode(errors="replace").strip()
        return UserError(
            f"QEMU stopped while running {self.image.name}: {told or 'no reason told'}"
        )

    def _take(self) -> bytes:
        try:
            data = self._socket.recv(_PIECE)
        except OSError as error:
            raise self._stopped() from error
        if not data:
            raise self._stopped()
        return data

    def write(self, data: bytes) -> None:
        """Send all of `data`; a board that waits for us to read meanwhile is read."""
        left = memoryview(data)
        while left:
            readable, writable, _ = select.select([self._socket], [self._socket], [])
            if readable:
                self._ahead += self._take()
            if writable:
                try:
                    left = left[self._socket.send(left[:_PIECE]) :]
                except OSError as error:
                    raise self._stopped() from error

    def read(self, timeout_ms: float) -> bytes:
        """What has come, or comes within `timeout_ms` of time_ms()."""
        if self._ahead:
            data, self._ahead = bytes(self._ahead), bytearray()
            return data
        readable, _, _ = select.select([self._socket], [], [], timeout_ms * _PATIENCE / 1000)
        return self._take() if readable else b""

    def time_ms(self) -> float:
        """Wall time, slowed down: a time-out is there to end, not to measure."""
        return time.monotonic() * 1000 / _PATIENCE

    def close(self) -> None:
        """End the emulator."""
        self._process.terminate()
        try:
            self._process.wait(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._socket.close()
        if self._process.stderr:
            self._process.stderr.close()

    def __enter__(self) -> VirtualUart:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

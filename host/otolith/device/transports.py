"""Ways to reach a board: a serial port, or the console of a virtual board."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from otolith.errors import UserError

if TYPE_CHECKING:
    from serial import Serial

VENDOR = 0x1209  # as in lib/usb/src/usb.h
PRODUCTS = {0x0001: "Otolith", 0x0002: "Otolith Mic"}
BAUD = 921_600  # of boards whose console is a UART (boards/*.json); USB has none
_SERIAL_POLL_S = 0.02
_WRITE_PIECE = 1024  # bytes
_WRITE_POLL_S = 0.005
_WRITE_PATIENCE_S = 5.0
_VIRTUAL_STEP_MS = 1


class Transport(Protocol):
    """Bytes to and from a board. Time-outs are milliseconds of `time_ms`."""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""

    def read(self, timeout_ms: float) -> bytes:
        """Return the bytes that have arrived, or wait up to `timeout_ms` for some.

        Returns:
            b"" if nothing arrived.
        """

    def time_ms(self) -> float:
        """Milliseconds on the clock that time-outs refer to."""

    def close(self) -> None:
        """Release the board."""


class EmulatedConsole(Protocol):
    """The part of a virtual board that VirtualTransport needs (otolith.virtual.VirtualBoard)."""

    @property
    def time_ms(self) -> float:
        """Emulated milliseconds since power-on."""

    def run_ms(self, ms: float) -> None:
        """Let emulated time pass."""

    def write(self, data: bytes) -> None:
        """Send bytes to the console."""

    def read(self) -> bytes:
        """Bytes that came since the last call."""


@dataclass(frozen=True)
class Port:
    """A serial port. about: What is there. is_otolith: It is a board that runs Otolith."""

    name: str
    about: str
    is_otolith: bool


def serial_ports() -> list[Port]:
    """The serial ports of this computer that something is plugged into; Otolith boards first."""
    from serial.tools import list_ports

    ours = find_ports()
    found = [
        Port(port.device, port.description or port.device, port.device in ours)
        for port in list_ports.comports()
        if port.vid is not None
    ]
    return sorted(found, key=lambda port: (not port.is_otolith, port.name))


def find_ports() -> list[str]:
    """Names of the serial ports that Otolith boards have on this computer."""
    from serial.tools import list_ports

    return sorted(
        port.device
        for port in list_ports.comports()
        if port.vid == VENDOR and port.pid in PRODUCTS
        if port.product in (None, PRODUCTS[port.pid])
    )


def choose_port(port: str | None) -> str:
    """Return `port`, or the port of the only board attached.

    Raises:
        UserError: `port` is None, and no board or more than one is attached.
    """
    if port:
        return port
    ports = find_ports()
    if not ports:
        raise UserError("no Otolith board found on USB: attach one, or name its port with --port")
    if len(ports) > 1:
        raise UserError(f"more than one board found ({', '.join(ports)}): choose one with --port")
    return ports[0]


def usb_serial(port: str) -> str:
    """Serial number of the USB board at `port`; the port's real name if it has none."""
    from serial.tools import list_ports

    real = os.path.realpath(port)
    for found in list_ports.comports():
        if os.path.realpath(found.device) == real and found.serial_number:
            return found.serial_number
    return real


def described(port: str) -> str:
    """What the computer sees at a USB port: numbers and names, no serial number; "" if no USB."""
    from serial.tools import list_ports

    real = os.path.realpath(port)
    for found in list_ports.comports():
        if os.path.realpath(found.device) == real and found.vid is not None:
            names = f"{found.manufacturer or ''} {found.product or ''}".strip()
            return f"{found.vid:04x}:{found.pid or 0:04x} {names}".strip()
    return ""


class SerialTransport:
    """A serial port or pseudo-terminal."""

    def __init__(self, port: str, baud: int = BAUD) -> None:
        import serial

        try:
            opened = serial.Serial(
                port, baud, timeout=_SERIAL_POLL_S, write_timeout=_WRITE_PATIENCE_S
            )
        except (serial.SerialException, ValueError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(f"can't open {port}: {reason}; is it the right port?") from error
        self._use(port, opened)

    @classmethod
    def around(cls, opened: Serial) -> SerialTransport:
        """Use a port that is open already; close() closes it."""
        transport = cls.__new__(cls)
        transport._use(opened.port, opened)
        return transport

    def _use(self, name: str, opened: Serial) -> None:
        import serial

        self.name = name
        self._serial = opened
        self._ahead = bytearray()  # read while writing
        self._writer = ThreadPoolExecutor(1)
        self._timeout = serial.SerialTimeoutException

    def _lost(self, error: Exception) -> UserError:
        return UserError(f"lost the board at {self.name}: {error}")

    def write(self, data: bytes) -> None:
        """Send all of `data`, and keep what the board sends meanwhile for read()."""
        try:
            for start in range(0, len(data), _WRITE_PIECE):
                piece = self._writer.submit(self._serial.write, data[start : start + _WRITE_PIECE])
                while not wait([piece], _WRITE_POLL_S).done:
                    self._ahead += self._serial.read(self._serial.in_waiting)
                piece.result()
        except self._timeout as error:
            raise UserError(
                f"the board at {self.name} does not take what is sent to it: reset it"
            ) from error
        except OSError as error:  # SerialException is one
            raise self._lost(error) from error

    def read(self, timeout_ms: float) -> bytes:
        """Return the bytes that have arrived, or wait up to `timeout_ms` for some."""
        if self._ahead:
            data, self._ahead = bytes(self._ahead), bytearray()
            return data
        end = time.monotonic() + timeout_ms / 1000
        while True:
            try:
                waiting = self._serial.in_waiting
                data = self._serial.read(max(1, waiting)) if waiting or timeout_ms > 0 else b""
            except OSError as error:
                raise self._lost(error) from error
            if data or time.monotonic() >= end:
                return data

    def time_ms(self) -> float:
        """Wall time, milliseconds."""
        return time.monotonic() * 1000

    def close(self) -> None:
        """Close the port."""
        self._writer.shutdown()
        self._serial.close()


class VirtualTransport:
    """The console of a virtual board. Emulated time passes while reading, and only then."""

    def __init__(self, board: EmulatedConsole) -> None:
        self._board = board

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        self._board.write(data)

    def read(self, timeout_ms: float) -> bytes:
        """Return the bytes that have arrived, or run the board up to `timeout_ms` until some do."""
        end = self._board.time_ms + timeout_ms
        while not (data := self._board.read()) and self._board.time_ms < end:
            self._board.run_ms(min(_VIRTUAL_STEP_MS, end - self._board.time_ms))
        return data

    def time_ms(self) -> float:
        """Emulated milliseconds since power-on."""
        return self._board.time_ms

    def close(self) -> None:
        """The caller ends the board."""

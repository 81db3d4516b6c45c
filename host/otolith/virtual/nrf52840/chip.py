"""A board with an nRF52840: its memory, peripherals, microphone, LED and cables."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from otolith import paths
from otolith.errors import UserError
from otolith.virtual.cortex import CortexM, Image, Peripheral
from otolith.virtual.nrf52840.gpio import Gpio
from otolith.virtual.nrf52840.pdm import Pdm
from otolith.virtual.nrf52840.power_clock import PowerClock
from otolith.virtual.nrf52840.ppi import Ppi
from otolith.virtual.nrf52840.pwm import Pwm
from otolith.virtual.nrf52840.timer import Timer
from otolith.virtual.nrf52840.uarte import Uarte
from otolith.virtual.nrf52840.usb_host import ControlResult, UsbHost
from otolith.virtual.nrf52840.usbd import Usbd
from otolith.virtual.nrf52840.wdt import Watchdog

HZ = 64_000_000
FLASH, RAM = 1 << 20, 256 << 10
DEVICE_ID = 0xE6614C311B5A7E24
_INTERRUPTS = 48
_FICR, _RAM = 0x10000000, 0x20000000
_ENUMERATE_MS = 20.0


class _Registers(Peripheral):
    """A page whose registers keep what is written: NVMC's cache, and what errata 171 and 187 ask
    to be written."""

    def reset(self, cause: str) -> None:
        self.values: dict[int, int] = {}

    def read32(self, offset: int) -> int:
        return self.values.get(offset, 0)

    def write32(self, offset: int, value: int) -> None:
        self.values[offset] = value


def pin_number(name: str) -> int:
    """ "P1_10" as PSEL numbers it."""
    match = re.fullmatch(r"P([01])_(\d\d)", name)
    if match is None:
        raise UserError(f"{name}: not a pin of an nRF52840, P0_00 to P1_15")
    return 32 * int(match[1]) + int(match[2])


class VirtualNrf52840:
    """Emulated time passes in run_ms() and in what waits for an answer; runs repeat exactly."""

    def __init__(
        self, image: Path | str, board: str = "nrf52840_dk", about: dict | None = None
    ) -> None:
        """image: the ELF; board: its name in boards/, or `about`: such a file's content."""
        if about is None:
            path = paths.BOARDS / f"{board}.json"
            if not path.is_file():
                raise UserError(f"{board}: there is no {path}")
            about = json.loads(path.read_text())
        self.about = about["otolith"]
        self.image = Image.read(image)
        flash = int(self.about["memory"]["flash"], 16)
        self.core = CortexM("cortex-m4", HZ, irqs=_INTERRUPTS, priority_bits=3, vectors=flash)
        self.core.add_memory(0, FLASH, b"\xff" * FLASH, writable=False)
        self.core.add_memory(_RAM, RAM)
        self.core.add_memory(_FICR, 0x2000, writable=False)
        self.core.write(_FICR + 0x60, DEVICE_ID.to_bytes(8, "little"))
        self._put_peripherals()
        pins = self.about["pins"]
        if "MICROPHONE_POWER" in pins:
            self.pdm.power_pin = pin_number(pins["MICROPHONE_POWER"])
        self.core.load(self.image)
        self.core.reset()

    def _put_peripherals(self) -> None:
        ppi = self.ppi = Ppi()
        self.power = PowerClock(0x40000000)
        self.gpio = Gpio()
        self.uart = Uarte(0x40002000, ppi, self.gpio)
        self.timers = [Timer(0x40008000 + 0x1000 * n, 8 + n, ppi) for n in range(3)]
        self.watchdog = Watchdog(0x40010000)
        self.led = Pwm(0x4001C000, self.gpio)
        self.pdm = Pdm(0x4001D000, ppi, self.power, self.gpio)
        self.usbd = Usbd(0x40027000, self.power)
        for peripheral in (
            self.power,
            self.uart,
            *self.timers,
            self.watchdog,
            self.led,
            self.pdm,
            self.usbd,
        ):
            self.core.map(peripheral.base, peripheral)
            ppi.peripherals[peripheral.base] = peripheral
        self.core.map(0x4001E000, _Registers())
        self.core.map(0x4001F000, ppi)
        self.core.map(0x4006E000, _Registers())
        self.core.map(0x50000000, self.gpio)
        self.usb = UsbHost(self.core, self.usbd)

    # ---- cables ----

    def plug_usb(self, order: str = "linux", *, console: bool = True) -> None:
        """Connect the computer; it enumerates the board and opens its port."""
        self.power.plug(True)
        if not self.core.run_until(lambda: self.usbd.attached, _ENUMERATE_MS):
            raise UserError("the board does not show itself on USB")
        self.usb.start()
        self.usb.enumerate(order)
        if console:
            self.usb.open_console()

    def unplug_usb(self) -> None:
        self.usb.stop()
        self.power.plug(False)

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
        """A USB control transfer; time passes until it has ended."""
        return self.usb.control(type, request, value, index, length, data, abandon)

    def play(self, pcm: np.ndarray) -> None:
        """Let the microphone hear `pcm` (int16, 16 kHz), then silence."""
        self.pdm.play(pcm)

    # ---- time ----

    def run_ms(self, ms: float) -> None:
        self.core.run_ms(ms)

    @property
    def led_brightness(self) -> float:
        """0..1; light is on where the pin is low, if the board says so."""
        high = self.led.trace[-1][1] if self.led.trace else 0.0
        return 1 - high if self.about.get("led_active_low") else high

    @property
    def faults(self) -> list[str]:
        """What a driver did that the chip would not take, and faults of the core."""
        return self.core.faults


class NrfTransport:
    """The board's console as a Transport (otolith/device): UART, or CDC once it is plugged in."""

    def __init__(self, board: VirtualNrf52840, uart: bool = False) -> None:
        self.board, self._uart = board, uart

    def _received(self) -> bytearray:
        return self.board.uart.sent if self._uart else self.board.usb.received

    def write(self, data: bytes) -> None:
        (self.board.uart if self._uart else self.board.usb).send(data)

    def read(self, timeout_ms: float) -> bytes:
        received = self._received()
        self.board.core.run_until(lambda: bool(received), timeout_ms, every_us=1000)
        data = bytes(received)
        received.clear()
        return data

    def time_ms(self) -> float:
        return self.board.core.now_ms

    def close(self) -> None:
        pass

"""A board with an nRF52840: its memory, peripherals, microphone, LED and cables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

import numpy as np

from otolith.device.boards import Board, named
from otolith.errors import UserError
from otolith.virtual.cortex import CortexM, Image, Peripheral
from otolith.virtual.nrf52840.gpio import Gpio
from otolith.virtual.nrf52840.gpiote import Gpiote
from otolith.virtual.nrf52840.i2s import I2s
from otolith.virtual.nrf52840.pdm import Pdm
from otolith.virtual.nrf52840.power_clock import PowerClock
from otolith.virtual.nrf52840.ppi import Ppi
from otolith.virtual.nrf52840.pwm import Pwm
from otolith.virtual.nrf52840.timer import Timer
from otolith.virtual.nrf52840.uarte import Uarte
from otolith.virtual.nrf52840.usbd import Usbd
from otolith.virtual.nrf52840.wdt import Watchdog
from otolith.virtual.usb_board import UsbBoard
from otolith.virtual.usb_host import UsbHost

HZ = 64_000_000
FLASH, RAM = 1 << 20, 256 << 10
DEVICE_ID = 0xE6614C311B5A7E24
_INTERRUPTS = 48
_FICR, _RAM = 0x10000000, 0x20000000


class _Registers(Peripheral):
    """A page of registers that keep what is written: NVMC's cache, and the registers that the
    workarounds of errata 171 and 187 write."""

    def reset(self, cause: str) -> None:
        self.values: dict[int, int] = {}

    def read32(self, offset: int) -> int:
        return self.values.get(offset, 0)

    def write32(self, offset: int, value: int) -> None:
        self.values[offset] = value


def pin_number(name: str) -> int:
    """The number that PSEL registers use for a pin such as "P1_10"."""
    match = re.fullmatch(r"P([01])_(\d\d)", name)
    if match is None:
        raise UserError(f"{name}: not a pin of an nRF52840, P0_00 to P1_15")
    return 32 * int(match[1]) + int(match[2])


class VirtualNrf52840(UsbBoard):
    """An nRF52840 board with its microphone, LED and cables.

    A VirtualBoard. A board from `boot` has a computer at its USB port.
    """

    NOT_MODELLED: ClassVar[str] = (
        "wait states and true cycles (an instruction takes one), the radio, analog"
    )
    SETTLE_MS: ClassVar[float] = 0.0

    def __init__(self, image: Path | str, board: Board | str = "nrf52840_dk") -> None:
        """Power the board.

        Args:
            image: .elf file.
            board: an nRF52840 board, or its name in boards/.
        """
        self.board = named(board) if isinstance(board, str) else board
        if self.board.family != "nrf52":
            raise UserError(f"{self.board.id}: not an nRF52840 board")
        self.image = Image.read(image)
        flash = self.board.flash_start or 0
        core = CortexM("cortex-m4", HZ, irqs=_INTERRUPTS, priority_bits=3, vectors=flash)
        super().__init__(core)
        self.core.add_memory(0, FLASH, b"\xff" * FLASH, writable=False)
        self.core.add_memory(_RAM, RAM)
        self.core.add_memory(_FICR, 0x2000, writable=False)
        self.core.write(_FICR + 0x60, DEVICE_ID.to_bytes(8, "little"))
        self._put_peripherals()
        if "MICROPHONE_POWER" in self.board.pins:
            self.pdm.power_pin = pin_number(self.board.name_of_pin("MICROPHONE_POWER"))
        microphone = self.board.microphone
        if microphone.kind == "i2s":
            self.i2s.word_pin = pin_number(self.board.name_of_pin("I2S_WORD"))
            self.i2s.right = microphone.channel == "right"
            self.i2s.early = microphone.read_falling
        self.has_usb = "tud_task_ext" in self.image.symbols  # TinyUSB is linked
        self._traces_told = 0
        self.core.load(self.image)
        self.core.reset()

    @classmethod
    def boot(cls, image: Path, board: Board, ideal_flash: bool = False) -> VirtualNrf52840:
        """Power the board with its cables connected; see VirtualBoard."""
        virtual = cls(image, board)
        if virtual.has_usb:
            virtual.connect()
        return virtual

    def _put_peripherals(self) -> None:
        ppi = self.ppi = Ppi()
        self.power = PowerClock(0x40000000)
        self.gpio = Gpio()
        self.uart = Uarte(0x40002000, ppi, self.gpio)
        self.timers = [Timer(0x40008000 + 0x1000 * n, 8 + n, ppi) for n in range(3)]
        self.watchdog = Watchdog(0x40010000)
        self.pwm = Pwm(0x4001C000, self.gpio)
        self.pdm = Pdm(0x4001D000, ppi, self.power, self.gpio)
        self.gpiote = Gpiote(0x40006000, ppi)
        self.i2s = I2s(0x40025000, ppi, self.power, self.gpio, self.gpiote)
        self.usbd = Usbd(0x40027000, self.power)
        for peripheral in (
            self.power,
            self.uart,
            *self.timers,
            self.watchdog,
            self.pwm,
            self.pdm,
            self.gpiote,
            self.i2s,
            self.usbd,
        ):
            self.core.map(peripheral.base, peripheral)
            ppi.peripherals[peripheral.base] = peripheral
        self.core.map(0x4001E000, _Registers())
        self.core.map(0x4001F000, ppi)
        self.core.map(0x4006E000, _Registers())
        self.core.map(0x50000000, self.gpio)
        self.usb = UsbHost(self.core, self.usbd)

    def _power_port(self, on: bool) -> None:
        self.power.plug(on)

    # ---- VirtualBoard ----

    has_microphone = True

    @property
    def ready(self) -> bool:
        """Enumerated, or the UART receives."""
        return self._enumerated if self.has_usb else self.uart.receives

    @property
    def in_bootloader(self) -> bool:
        """The image has asked for the boot loader. No boot loader is modelled: the image starts
        again."""
        request = self.board.bootloader_request
        return request is not None and self.power.retained == request and len(self.core.resets) > 1

    def run_ms(self, ms: float) -> None:
        """Let `ms` emulated milliseconds pass; an enumeration may take it 50 ms further."""
        self._pass(ms)
        self._look()

    def _look(self) -> None:
        """Bring `events` and `led` up to date."""
        self._add_resets()
        self._add_faults(self.faults)
        if self.has_usb:  # else it is the console
            self._add_debug(self.uart.sent)
        for ns, high in self.pwm.trace[self._traces_told :]:
            self._add_light(ns / 1e6, self._brightness(high))
        self._traces_told = len(self.pwm.trace)

    def write(self, data: bytes) -> None:
        """Send bytes to the console: the CDC port, or the UART."""
        (self.usb if self.has_usb else self.uart).send(data)

    def read(self) -> bytes:
        """Bytes that came from the console since the last call."""
        received = self.usb.received if self.has_usb else self.uart.sent
        data = bytes(received)
        received.clear()
        return data

    def play(self, pcm: np.ndarray) -> None:
        """Let the microphone hear `pcm` (int16, 16 kHz) from its next block on, then silence."""
        (self.i2s if self.board.microphone.kind == "i2s" else self.pdm).play(pcm)

    # ---- for tests ----

    def _brightness(self, high: float) -> float:
        return 1 - high if self.board.led_active_low else high

    @property
    def led_brightness(self) -> float:
        """The LED's brightness now, 0..1."""
        return self._brightness(self.pwm.trace[-1][1] if self.pwm.trace else 0.0)

    @property
    def faults(self) -> list[str]:
        """What a driver did that the chip does not allow, and faults of the core."""
        return self.core.faults

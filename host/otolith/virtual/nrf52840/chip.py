"""A board with an nRF52840: its memory, peripherals, microphone, LED and cables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

import numpy as np

from otolith.device.boards import Board, named
from otolith.errors import UserError
from otolith.virtual.cortex import CortexBoard, CortexM, Image, Peripheral
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
from otolith.virtual.usb_host import ControlResult, UsbHost

HZ = 64_000_000
FLASH, RAM = 1 << 20, 256 << 10
DEVICE_ID = 0xE6614C311B5A7E24
_INTERRUPTS = 48
_FICR, _RAM = 0x10000000, 0x20000000
_ENUMERATE_MS = 20.0
_WATCH_MS = 1.0  # how often the computer looks at its USB port
_TIME_EPSILON_MS = 1e-6


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


class VirtualNrf52840(CortexBoard):
    """An nRF52840 board with its microphone, LED and cables.

    A VirtualBoard. A board from `boot` has a computer at its USB port. The computer enumerates it
    when its pull-up shows, and again after every reset. A board from the constructor has nothing
    plugged in: tests call plug_usb().
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
        self.has_usb = "tud_task_ext" in self.image.symbols  # TinyUSB is linked
        self._cable = False  # a computer watches the USB port
        self._enumerated = False
        self._starts = 0  # of the controller, when it was enumerated
        self._port_open = True  # as a terminal program leaves it
        self._faults_told = self._traces_told = 0
        self._line = bytearray()  # of the debug UART
        self.core.load(self.image)
        self.core.reset()

    @classmethod
    def boot(cls, image: Path, board: Board, ideal_flash: bool = False) -> VirtualNrf52840:
        """Power the board with its cables connected; see VirtualBoard."""
        virtual = cls(image, board)
        if virtual.has_usb:
            virtual._cable = True
            virtual.power.plug(True)
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

    # ---- cables ----

    def plug_usb(self, order: str = "linux", *, console: bool = True) -> None:
        """Connect a computer; returns once it has enumerated the board.

        Args:
            order: whose order of requests: a key of usb_host.ENUMERATIONS.
            console: whether the computer opens the CDC port.
        """
        self.power.plug(True)
        if not self.core.run_until(lambda: self.usbd.attached, _ENUMERATE_MS):
            raise UserError("the board does not show itself on USB")
        self.usb.start()
        self.usb.enumerate(order)
        if console:
            self.usb.open_console()
        self._enumerated = True

    def unplug_usb(self) -> None:
        """Disconnect the computer."""
        self.usb.stop()
        self.power.plug(False)
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
        if self._cable:
            end = self.time_ms + ms
            while (left := end - self.time_ms) > _TIME_EPSILON_MS:
                self.core.run_ms(min(_WATCH_MS, left))
                self._add_resets()
                self._watch_port()
        else:
            self.core.run_ms(ms)
        self._look()

    def _look(self) -> None:
        """Bring `events` and `led` up to date."""
        self._add_resets()
        for text in self.faults[self._faults_told :]:
            self._add_event("fault", text)
        self._faults_told = len(self.faults)
        if self.has_usb:  # else it is the console
            self._line += self.uart.sent[self._uart_told :]
            self._uart_told = len(self.uart.sent)
            *lines, rest = self._line.split(b"\n")
            for line in lines:
                self._add_event("uart", line.rstrip(b"\r").decode("utf-8", "backslashreplace"))
            self._line = bytearray(rest)
        for ns, high in self.pwm.trace[self._traces_told :]:
            self._add_light(ns / 1e6, self._brightness(high))
        self._traces_told = len(self.pwm.trace)

    _uart_told = 0

    def write(self, data: bytes) -> None:
        """Send bytes to the console: the CDC port, or the UART."""
        (self.usb if self.has_usb else self.uart).send(data)

    def read(self) -> bytes:
        """Bytes that came from the console since the last call."""
        received = self.usb.received if self.has_usb else self.uart.sent
        data = bytes(received)
        received.clear()
        return data

    def set_dtr(self, on: bool) -> None:
        """Open or close the CDC port."""
        self._port_open = on
        if self.has_usb and self._enumerated:
            self.usb.open_console(on)

    def play(self, pcm: np.ndarray) -> None:
        """Let the microphone hear `pcm` (int16, 16 kHz) from its next block on, then silence."""
        (self.i2s if self.board.microphone.kind == "i2s" else self.pdm).play(pcm)

    def read_audio(self) -> np.ndarray:
        """PCM of the isochronous microphone since the last call: (samples,) int16, 16 kHz."""
        data = bytes(self.usb.audio)
        self.usb.audio.clear()
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").copy()

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

"""A board with an RP2350: its memory, blocks, microphone, LED and the computer at its USB port."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from otolith.device.boards import Board, named
from otolith.errors import UserError
from otolith.virtual.cortex import CortexM
from otolith.virtual.rp2350 import resets, ticks
from otolith.virtual.rp2350.adc import Adc
from otolith.virtual.rp2350.block import SIZE, Block, Plain
from otolith.virtual.rp2350.boot_rom import FLASH, PORT, BootRom, check_image
from otolith.virtual.rp2350.clocks import RING_HZ, Clocks, Pll, Xosc
from otolith.virtual.rp2350.dma import Dma, Source
from otolith.virtual.rp2350.microphones import PdmMicrophone, microphone_of
from otolith.virtual.rp2350.pins import Pins
from otolith.virtual.rp2350.pio import Pio
from otolith.virtual.rp2350.pwm import Pwm
from otolith.virtual.rp2350.system import Bootram, Sio, Sysinfo, Tbman
from otolith.virtual.rp2350.timer import Timer
from otolith.virtual.rp2350.uart import Uart
from otolith.virtual.rp2350.uf2 import decode
from otolith.virtual.rp2350.usb import RAM as USB_RAM
from otolith.virtual.rp2350.usb import Usb
from otolith.virtual.rp2350.watchdog import Watchdog
from otolith.virtual.sound import AnalogMicrophone, Sound
from otolith.virtual.usb_board import UsbBoard
from otolith.virtual.usb_host import UsbHost

RAM, RAM_SIZE = 0x20000000, 520 << 10
CHIP_ID = 0xE46058B3C7A11F2D
_INTERRUPTS, _PRIORITY_BITS = 52, 4
_DOUBLE_COPROCESSOR = 4
_PIO0_RX, _ADC_REQUEST = 4, 48
_POLLS = (10,)  # of the CDC port in a frame: more take time and change nothing


class VirtualPico2(UsbBoard):
    """An RP2350 board with a microphone, an LED and cables.

    A VirtualBoard. A board from `boot` has a computer at its USB port.
    """

    IMAGE: ClassVar[str] = "uf2"
    NOT_MODELLED: ClassVar[str] = (
        "flash wait states and true cycles (an instruction takes one), the second core, bus "
        "contention, the radio, analog"
    )
    SETTLE_MS: ClassVar[float] = 0.0
    WATCH_MS: ClassVar[float] = 4.0
    has_microphone = True

    def __init__(
        self,
        image: Path | str,
        board: Board | str = "pico2",
        *,
        keep_bits: bool = False,
        chip_id: int = CHIP_ID,
    ) -> None:
        """Power the board.

        Args:
            image: .uf2 file.
            board: an RP2350 board, or its name in boards/.
            keep_bits: keep the microphone's bits for read_bits().
            chip_id: the chip's 64-bit number, which is the board's serial number.

        Raises:
            UserError: the image is missing or damaged, or not for this chip.
        """
        self.board = named(board) if isinstance(board, str) else board
        if self.board.family != "rp2350":
            raise UserError(f"{self.board.id}: not an RP2350 board")
        flash = _flash(Path(image), self.board.flash)
        core = CortexM(
            "cortex-m33",
            RING_HZ,
            irqs=_INTERRUPTS,
            priority_bits=_PRIORITY_BITS,
            sleep_stops_clock=False,
        )
        super().__init__(core)
        # "not engaged": start-up asks for no more
        core.coprocessors[_DOUBLE_COPROCESSOR] = lambda *_: 0
        self.sound = Sound()
        self.microphone = microphone_of(self.board, self.sound, keep_bits)
        self._put_blocks()
        self.rom = BootRom(True, chip_id, self.watchdog.reboot)
        # TinyUSB 0.18 stores to address 0 for endpoint 0, which has no control register.
        core.add_rom(0, self.rom.code)
        core.map(PORT, self.rom)
        core.add_memory(FLASH, self.board.flash, flash, writable=False)
        core.add_memory(RAM, RAM_SIZE)
        core.add_memory(USB_RAM, 0x1000)
        core.reset()

    @classmethod
    def boot(cls, image: Path, board: Board, ideal_flash: bool = False) -> VirtualPico2:
        """Power the board with its cables connected; see VirtualBoard."""
        virtual = cls(image, board)
        virtual.connect()
        return virtual

    def _put_blocks(self) -> None:
        self.xosc = Xosc()
        plls = Pll("PLL_SYS", self.xosc), Pll("PLL_USB", self.xosc)
        self.clocks = Clocks(self.xosc, *plls, self._set_clock)
        self.ticks = ticks.Ticks(self.clocks)
        timers = [Timer(0, ticks.TIMER0, self.ticks), Timer(1, ticks.TIMER1, self.ticks)]
        self.watchdog = Watchdog(self.ticks)
        self.pins = Pins()
        self.pwm = Pwm(self.pins, self.board.number_of_pin("LED"), self._light)
        self.pio = Pio(0, self.clocks, self.pins)
        self.adc = Adc(self.clocks, self.pins)
        if isinstance(self.microphone, AnalogMicrophone):
            self.adc.microphone = self.microphone
        else:
            self.pio.microphone = self.microphone
        self.dma = Dma(self._dma_source)
        self.pio.started = self.adc.started = self.dma.started
        self.uart = Uart("UART0", self.clocks)
        self.usbd = Usb(self.clocks)
        self.usb = UsbHost(self.core, self.usbd, _POLLS)
        sysinfo, tbman, holds = Sysinfo(), Tbman(), resets
        self.resets = resets.Resets(
            {
                holds.ADC: [self.adc],
                holds.DMA: [self.dma],
                holds.IO_BANK0: [self.pins.io],
                holds.PADS_BANK0: [self.pins.pads],
                holds.PIO0: [self.pio],
                holds.PLL_SYS: [plls[0]],
                holds.PLL_USB: [plls[1]],
                holds.PWM: [self.pwm],
                holds.SYSINFO: [sysinfo],
                holds.TBMAN: [tbman],
                holds.TIMER0: [timers[0]],
                holds.TIMER1: [timers[1]],
                holds.UART0: [self.uart],
                holds.USBCTRL: [self.usbd],
            }
        )
        blocks: dict[int, Block] = {
            0x40000000: sysinfo,
            0x40010000: self.clocks,
            0x40018000: Plain("PSM"),
            0x40020000: self.resets,
            0x40028000: self.pins.io,
            0x40038000: self.pins.pads,
            0x40048000: self.xosc,
            0x40050000: plls[0],
            0x40058000: plls[1],
            0x40070000: self.uart,
            0x400A0000: self.adc,
            0x400A8000: self.pwm,
            0x400B0000: timers[0],
            0x400B8000: timers[1],
            0x400D8000: self.watchdog,
            0x400E0000: Bootram(),
            0x40108000: self.ticks,
            0x40160000: tbman,
            0x50000000: self.dma,
            0x50110000: self.usbd,
            0x50200000: self.pio,
        }
        for address, block in blocks.items():
            self.core.map(address, block, SIZE)
        self.core.map(0xD0000000, Sio())

    def _dma_source(self, request: int) -> Source | None:
        """What raises a DMA request (RP2350 datasheet, 12.6.4.1)."""
        if request == _ADC_REQUEST:
            return self.adc
        return self.pio.machines[request - _PIO0_RX] if request in range(_PIO0_RX, 8) else None

    def _set_clock(self, hz: float) -> None:
        self.core.clock_hz = round(hz)

    def _light(self, share: float) -> None:
        self._add_light(self.time_ms, 1 - share if self.board.led_active_low else share)

    # ---- VirtualBoard ----

    @property
    def ready(self) -> bool:
        """Enumerated."""
        return self._enumerated

    @property
    def in_bootloader(self) -> bool:
        """The boot ROM's USB boot loader runs instead of the image."""
        return self.rom.in_bootloader

    def run_ms(self, ms: float) -> None:
        """Let `ms` emulated milliseconds pass; an enumeration may take it 50 ms further."""
        before = self.in_bootloader
        self._pass(ms)
        self._look()
        if self.in_bootloader and not before:
            self._add_event("bootsel", "")

    def _look(self) -> None:
        """Bring `events` up to date."""
        self._add_resets()
        self._add_faults(self.faults)
        self._add_debug(self.uart.sent)

    def write(self, data: bytes) -> None:
        """Send bytes to the CDC port; the board takes them while time passes."""
        self.usb.send(data)

    def read(self) -> bytes:
        """Bytes that came from the CDC port since the last call."""
        data = bytes(self.usb.received)
        self.usb.received.clear()
        return data

    def play(self, pcm: np.ndarray) -> None:
        """Let the microphone hear `pcm` (int16, 16 kHz) from now on, then silence."""
        self.dma.catch_up()
        self.sound.play(pcm)

    # ---- for tests ----

    def read_bits(self) -> bytes:
        """A PDM microphone's bits since the last call, for boards with keep_bits: a byte each, the
        oldest first."""
        assert isinstance(self.microphone, PdmMicrophone)
        data = bytes(self.microphone.kept)
        self.microphone.kept.clear()
        return data

    @property
    def led_brightness(self) -> float:
        """The LED's brightness now, 0..1."""
        return self.led[-1][1] if self.led else 0.0

    @property
    def faults(self) -> list[str]:
        """What a driver did that the chip does not allow, and faults of the core."""
        return self.core.faults


def _flash(path: Path, size: int) -> bytes:
    """The content of the flash after a UF2 file was copied to the boot ROM's drive."""
    try:
        file = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: no such firmware image: build it with `pio run`") from error
    flash = bytearray(b"\xff" * size)
    try:
        for address, data in decode(file, range(FLASH, FLASH + size)):
            flash[address - FLASH : address - FLASH + len(data)] = data
        check_image(bytes(flash))
    except UserError as error:
        raise UserError(f"{path}: {error.message}") from None
    return bytes(flash)

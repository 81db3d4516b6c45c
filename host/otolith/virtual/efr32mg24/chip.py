"""The chip on its board: memory, peripherals, serial port, microphones, LED."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import ClassVar

import numpy as np

from otolith.device.boards import Board, named
from otolith.errors import UserError
from otolith.virtual.cortex import CortexBoard, CortexM, Image
from otolith.virtual.efr32mg24.block import SIZE, Block
from otolith.virtual.efr32mg24.cmu import FSRCO_HZ, Cmu
from otolith.virtual.efr32mg24.eusart import Eusart
from otolith.virtual.efr32mg24.iadc import BITS, Iadc
from otolith.virtual.efr32mg24.ldma import Ldma, Ldmaxbar
from otolith.virtual.efr32mg24.oscillators import Dpll, Hfrco, Hfxo
from otolith.virtual.efr32mg24.system import Emu, Gpio, Msc, Smu
from otolith.virtual.efr32mg24.timer import Timer
from otolith.virtual.efr32mg24.usart import Usart
from otolith.virtual.efr32mg24.wdog import Wdog
from otolith.virtual.sound import AnalogMicrophone, Sound

IRQS = 76
SERIAL = 0x842E14FFFE123456
TUNING_80_MHZ = 0x55
_FLASH, _RAM, _USER_DATA, _DEVINFO = 0x08000000, 0x20000000, 0x0FE00000, 0x0FE08000
_FLASH_SIZE = 1536 * 1024
_BAUD = 921_600  # of boards whose file does not say
_ANALOG_BIAS = 0.45  # of the IADC's range
_I2S = ("I2S_CLOCK", "I2S_DATA", "I2S_WORD", "MICROPHONE_ENABLE")


def _devinfo() -> bytes:
    page = bytearray(b"\xff" * 0x1000)
    struct.pack_into("<II", page, 0x48, SERIAL & 0xFFFFFFFF, SERIAL >> 32)
    struct.pack_into("<I", page, 0x58 + 4 * 16, TUNING_80_MHZ)
    return bytes(page)


class VirtualEfr32mg24(CortexBoard):
    """An EFR32MG24 board with two I2S microphones or an analog one, an LED and a serial port.

    A VirtualBoard. The wiring comes from the board's JSON file.
    """

    NOT_MODELLED: ClassVar[str] = (
        "wait states and true cycles (an instruction takes one), the radio, energy modes below "
        "EM1, analog noise, how exact the oscillators are"
    )
    SETTLE_MS: ClassVar[float] = 270.0  # 2^18 clocks at 1.024 MHz, and the driver's start
    has_microphone = True
    in_bootloader = False  # none is modelled: an image that asks for it starts again

    def __init__(
        self,
        image: Path | str,
        board: Board | str = "xg24_dev_kit",
        *,
        bootloader: bytes = b"",
    ) -> None:
        """Power the board.

        Args:
            image: .elf file.
            board: an EFR32MG24 board, or its name in boards/.
            bootloader: bytes at the start of flash, before the image.
        """
        self.board = named(board) if isinstance(board, str) else board
        if self.board.family != "efr32":
            raise UserError(f"{self.board.id}: not an EFR32MG24 board")
        pin = self.board.name_of_pin
        self.image = Image.read(image)
        super().__init__(
            CortexM(
                "cortex-m33",
                FSRCO_HZ,
                irqs=IRQS,
                priority_bits=4,
                vectors=_FLASH,
                sleep_stops_clock=False,
            )
        )
        self.core.add_memory(_FLASH, _FLASH_SIZE, writable=False)
        self.core.add_memory(_RAM, self.board.ram)
        self.core.add_memory(_USER_DATA, 0x1000, b"\xff" * 0x1000, writable=False)
        self.core.add_memory(_DEVINFO, 0x1000, _devinfo(), writable=False)
        self.cmu, self.emu, self.msc, self.smu = Cmu(self), Emu(self), Msc(self), Smu(self)
        self.hfxo, self.hfrco, self.dpll = Hfxo(self), Hfrco(self), Dpll(self)
        self.gpio = Gpio(self)
        baud = self.board.baud or _BAUD
        self.uart = Eusart(self, baud, pin("CONSOLE_TX"), pin("CONSOLE_RX"))
        wired = self.board.microphone.kind
        self.usart = Usart(self, {signal: pin(signal) for signal in _I2S} if wired == "i2s" else {})
        self._sound = Sound()
        self.iadc = Iadc(
            self,
            AnalogMicrophone(self._sound, pin("ADC"), bits=BITS, bias=_ANALOG_BIAS)
            if wired == "adc"
            else None,
            pin("MICROPHONE_POWER") if "MICROPHONE_POWER" in self.board.pins else None,
        )
        self.ldma, self.ldmaxbar = Ldma(self), Ldmaxbar(self)
        self.timer = Timer(self, pin("LED"), self.board.led_active_low)
        self.wdog = Wdog(self)
        self._blocks: dict[int, Block] = {
            0x40004000: self.emu,
            0x40008000: self.cmu,
            0x40010000: self.hfrco,
            0x4001C000: self.dpll,
            0x40030000: self.msc,
            0x4003C000: self.gpio,
            0x40040000: self.ldma,
            0x40044000: self.ldmaxbar,
            0x40048000: self.timer,
            0x4005C000: self.usart,
            0x44008000: self.smu,
            0x49004000: self.iadc,
            0x4A004000: self.hfxo,
            0x4B004000: self.wdog,
            0x4B010000: self.uart,
        }
        for address, block in self._blocks.items():
            self.core.map(address, block, SIZE)
        self.core.load(bootloader, _FLASH)
        self.core.load(self.image)
        self.core.reset()

    @classmethod
    def boot(cls, image: Path, board: Board, ideal_flash: bool = False) -> VirtualEfr32mg24:
        """Power the board; see VirtualBoard."""
        return cls(image, board)

    # ---- VirtualBoard ----

    @property
    def ready(self) -> bool:
        """The UART receives."""
        return self.uart.receives

    def run_ms(self, ms: float) -> None:
        """Let `ms` emulated milliseconds pass."""
        self.core.run_ms(ms)
        self._add_resets()
        for ns, level in self.timer.trace[self._lights_told :]:
            self._add_light(ns / 1e6, level)
        self._lights_told = len(self.timer.trace)

    _lights_told = 0

    def write(self, data: bytes) -> None:
        """Send bytes to the serial port, as fast as the line is."""
        self.uart.send(data)

    def read(self) -> bytes:
        """Bytes that came from the serial port since the last call."""
        data = bytes(self.uart.out)
        self.uart.out.clear()
        return data

    def set_dtr(self, on: bool) -> None:
        """A UART does not notice who opens it."""

    def play(self, pcm: np.ndarray) -> None:
        """Let the microphone hear a sound from its next sample on, then silence.

        Args:
            pcm: (samples,) int16, 16 kHz. The left I2S microphone sends 24 bits: these 16, and 8
                below them. The analog one's voltage is interpolated.
        """
        self._sound.play(pcm)
        samples = iter(pcm.astype(int).tolist())
        self.usart.hear = lambda: next(samples, 0) << 8 | 0x5A

    def read_audio(self) -> np.ndarray:
        """The chip has no USB: always empty."""
        return np.empty(0, np.int16)

    # ---- for tests ----

    def read_register(self, address: int) -> int:
        """Read a register as a bus master does."""
        return self._blocks[address & ~(SIZE - 1)].read32(address & (SIZE - 1))

    def variable(self, name: str) -> int:
        """The 32-bit word at a symbol of the image."""
        return self.core.read_word(self.image.symbol(name))

"""The chip on its board: memory, peripherals, serial port, microphones, LED."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from otolith import paths
from otolith.errors import UserError
from otolith.virtual.cortex import CortexM, Image
from otolith.virtual.efr32mg24.block import SIZE, Block
from otolith.virtual.efr32mg24.cmu import FSRCO_HZ, Cmu
from otolith.virtual.efr32mg24.eusart import Eusart
from otolith.virtual.efr32mg24.ldma import Ldma, Ldmaxbar
from otolith.virtual.efr32mg24.oscillators import Dpll, Hfrco, Hfxo
from otolith.virtual.efr32mg24.system import Emu, Gpio, Msc, Smu
from otolith.virtual.efr32mg24.timer import Timer
from otolith.virtual.efr32mg24.usart import Usart
from otolith.virtual.efr32mg24.wdog import Wdog

IRQS = 76
SERIAL = 0x842E14FFFE123456
TUNING_80_MHZ = 0x55
_FLASH, _RAM, _USER_DATA, _DEVINFO = 0x08000000, 0x20000000, 0x0FE00000, 0x0FE08000
_FLASH_SIZE = 1536 * 1024
_STEP_MS = 0.25


def _devinfo() -> bytes:
    page = bytearray(b"\xff" * 0x1000)
    struct.pack_into("<II", page, 0x48, SERIAL & 0xFFFFFFFF, SERIAL >> 32)
    struct.pack_into("<I", page, 0x58 + 4 * 16, TUNING_80_MHZ)
    return bytes(page)


class Chip:
    """An EFR32MG24 board that runs an image, and a Transport to it (host/otolith/device).

    Wiring comes from the board's JSON. What is not modelled beside what the core's model leaves
    out (otolith/virtual/cortex): the radio, energy modes but EM0 and EM1, analog levels, how exact
    the oscillators are.
    """

    def __init__(
        self,
        image: Path | str,
        board: str = "xg24_dev_kit",
        *,
        about: dict | None = None,
        bootloader: bytes = b"",
    ) -> None:
        """about: the board's JSON, where boards/ does not have it; bootloader: what is at the start
        of flash, before the image."""
        about = about or json.loads((paths.ROOT / "boards" / f"{board}.json").read_text())
        if about["otolith"]["family"] != "efr32":
            raise UserError(f"{board}: not an EFR32MG24 board")
        pins, limits = about["otolith"]["pins"], about["upload"]
        self.image = Image.read(image)
        self.core = CortexM(
            "cortex-m33",
            FSRCO_HZ,
            irqs=IRQS,
            priority_bits=4,
            vectors=_FLASH,
            sleep_stops_clock=False,
        )
        self.core.add_memory(_FLASH, _FLASH_SIZE, writable=False)
        self.core.add_memory(_RAM, limits["maximum_ram_size"])
        self.core.add_memory(_USER_DATA, 0x1000, b"\xff" * 0x1000, writable=False)
        self.core.add_memory(_DEVINFO, 0x1000, _devinfo(), writable=False)
        self.cmu, self.emu, self.msc, self.smu = Cmu(self), Emu(self), Msc(self), Smu(self)
        self.hfxo, self.hfrco, self.dpll = Hfxo(self), Hfrco(self), Dpll(self)
        self.gpio = Gpio(self)
        self.uart = Eusart(self, about["otolith"]["baud"], pins["CONSOLE_TX"], pins["CONSOLE_RX"])
        self.usart = Usart(self, pins)
        self.ldma, self.ldmaxbar = Ldma(self), Ldmaxbar(self)
        self.timer = Timer(self, pins["LED"], about["otolith"].get("led_active_low", False))
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
            0x4A004000: self.hfxo,
            0x4B004000: self.wdog,
            0x4B010000: self.uart,
        }
        for address, block in self._blocks.items():
            self.core.map(address, block, SIZE)
        self.core.load(bootloader, _FLASH)
        self.core.load(self.image)
        self.core.reset()

    def read_register(self, address: int) -> int:
        """As a bus master reads it."""
        return self._blocks[address & ~(SIZE - 1)].read32(address & (SIZE - 1))

    def variable(self, name: str) -> int:
        """A word of the image's, by its symbol."""
        return self.core.read_word(self.image.symbol(name))

    def play(self, pcm: np.ndarray) -> None:
        """Let the left microphone hear int16 samples from its next one on, silence after them; the
        24 bits it sends are these and 8 more below."""
        samples = iter(pcm.astype(int).tolist())
        self.usart.hear = lambda: next(samples, 0) << 8 | 0x5A

    # ---- Transport; time is the chip's ----

    def write(self, data: bytes) -> None:
        """Send all of `data`, as fast as the line is."""
        self.uart.send(data)

    def read(self, timeout_ms: float) -> bytes:
        """What has come, or comes within `timeout_ms`."""
        end = self.time_ms() + timeout_ms
        while not self.uart.out and self.time_ms() < end:
            self.core.run_ms(_STEP_MS)
        data = bytes(self.uart.out)
        self.uart.out.clear()
        return data

    def time_ms(self) -> float:
        return self.core.now_ms

    def close(self) -> None:
        """Nothing holds it."""

"""LDMA and its crossbar: linked descriptors, one unit for each request."""

from __future__ import annotations

from typing import ClassVar

from otolith.virtual.efr32mg24.block import Block

IRQ = 21
CHANNELS = 8
_ERROR = 1 << 31
_MODULES_AT = 0x40000000


def _registers() -> dict[int, str]:
    names = {0x4: "EN", 0x8: "CTRL", 0x28: "CHDIS", 0x30: "CHBUSY", 0x34: "CHDONE"}
    names |= {0x48: "LINKLOAD", 0x50: "IF", 0x54: "IEN"}
    for n in range(CHANNELS):
        fields = enumerate(("CFG", "LOOP", "CTRL", "SRC", "DST", "LINK"), 1)
        names |= {0x58 + 0x30 * n + 4 * i: f"{field}{n}" for i, field in fields}
    return names


class Ldmaxbar(Block):
    """The crossbar: which peripheral's requests a channel serves."""

    CLOCK = ("CLKEN0", 1)
    REGISTERS: ClassVar = {4 + 4 * n: f"REQSEL{n}" for n in range(CHANNELS)}


class Ldma(Block):
    """The DMA controller.

    stalled: it serves no request, as when other masters hold the bus.
    lose_interrupts: how many blocks will end without an interrupt.
    """

    CLOCK = ("CLKEN0", 0)
    REGISTERS: ClassVar = _registers()
    READ_ONLY = ("CHBUSY",)

    def __init__(self, chip) -> None:
        super().__init__(chip)
        self.stalled = False
        self.lose_interrupts = 0

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self._left = [0] * CHANNELS  # units of the descriptor that runs; 0: the channel is off

    def _interrupt(self) -> None:
        self.core.set_irq(IRQ, bool(self.values["IF"] & self.values["IEN"]))

    def write_IF(self, value: int) -> None:
        self.values["IF"] = value
        self._interrupt()

    def write_IEN(self, value: int) -> None:
        self.values["IEN"] = value
        self._interrupt()

    def write_CHDIS(self, value: int) -> None:
        for n in range(CHANNELS):
            if value >> n & 1:
                self._left[n] = 0

    def write_LINKLOAD(self, value: int) -> None:
        if not self.values["EN"] & 1:
            raise self.misuse("started while disabled")
        for n in range(CHANNELS):
            if value >> n & 1:
                self._load(n)

    def fail(self, n: int) -> None:
        """Stop channel n with a bus error."""
        self._left[n] = 0
        self.values["IF"] |= _ERROR
        self._interrupt()

    def _load(self, n: int) -> None:
        """Load the descriptor that LINK points to."""
        at = self.values[f"LINK{n}"] & ~3
        try:
            words = [self.core.read_word(at + 4 * i) for i in range(4)]
        except self.core.memory_error:
            self.fail(n)
            return
        for name, word in zip(("CTRL", "SRC", "DST", "LINK"), words, strict=True):
            self.values[f"{name}{n}"] = word
        if words[0] & 0x6F8008:
            raise self.misuse("a descriptor nothing here models")
        self._left[n] = (words[0] >> 4 & 0x7FF) + 1

    def request(self, signal: int) -> bool:
        """Move one unit for a peripheral; return whether a channel did."""
        if self.stalled:
            return False
        for n in range(CHANNELS):
            if self._left[n] and self.chip.ldmaxbar.values[f"REQSEL{n}"] == signal:
                self._move(n)
                return True
        return False

    def _move(self, n: int) -> None:
        control = self.values[f"CTRL{n}"]
        size = 1 << (control >> 26 & 3)
        source, to = self.values[f"SRC{n}"], self.values[f"DST{n}"]
        if control >> 24 & 3 != 3:
            raise self.misuse("only a register is read from here")
        data = self.chip.read_register(source).to_bytes(4, "little")[:size]
        try:
            self.core.write(to, data)
        except self.core.memory_error:
            self.fail(n)
            return
        step = control >> 28 & 3
        self.values[f"DST{n}"] = to + (0 if step == 3 else size << step)
        self._left[n] -= 1
        if self._left[n] == 0:
            self._done(n)

    def _done(self, n: int) -> None:
        link = self.values[f"LINK{n}"]
        if self.values[f"CTRL{n}"] >> 20 & 1:
            if self.lose_interrupts:
                self.lose_interrupts -= 1
            else:
                self.values["IF"] |= 1 << n
                self._interrupt()
        if not link & 2:
            self.values["CHDONE"] |= 1 << n
        elif link & 1:
            raise self.misuse("a relative link: nothing here models it")
        else:
            self._load(n)

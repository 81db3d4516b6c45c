"""XOSC, the two PLLs and CLOCKS (RP2350 datasheet, 8.1, 8.2 and 8.6): what drives the core and USB.

The core's clock follows what the registers say, so a wrong divider shows as a wrong time.
"""

from __future__ import annotations

from collections.abc import Callable

from otolith.virtual.rp2350.block import Block

CRYSTAL_HZ = 12_000_000
RING_HZ = 11_000_000  # the ring oscillator after a reset; it is not precise
_STABLE, _ENABLED = 1 << 31, 1 << 12
_START_NS, _LOCK_NS = 1e6, 50e3


class Xosc(Block):
    name = "XOSC"
    _CTRL, _STATUS, _STARTUP = 0x0, 0x4, 0xC
    plain = {0x0: 0, 0xC: 0}  # noqa: RUF012
    _ON, _RANGE = 0xFAB, 0xAA0

    def clear(self) -> None:
        super().clear()
        self._stable_at: float | None = None

    @property
    def stable(self) -> bool:
        return self._stable_at is not None and self.core.now_ns >= self._stable_at

    def load(self, offset: int) -> int:
        if offset == self._STATUS:
            return (_STABLE if self.stable else 0) | (_ENABLED if self._stable_at else 0)
        return super().load(offset)

    def store(self, offset: int, value: int) -> None:
        super().store(offset, value)
        if offset == self._CTRL and value >> 12 & 0xFFF == self._ON and self._stable_at is None:
            if value & 0xFFF != self._RANGE:
                self.fault("started for another range than 1 to 15 MHz")
            delay = (self.registers[self._STARTUP] & 0x3FFF) * 256 / CRYSTAL_HZ * 1e9
            self._stable_at = self.core.now_ns + delay


class Pll(Block):
    _CS, _PWR, _FBDIV, _PRIM = 0x0, 0x4, 0x8, 0xC
    plain = {0x0: 1, 0x4: 0x2D, 0x8: 0, 0xC: 0x77000}  # noqa: RUF012
    _PD, _POST_PD, _VCO_PD, _LOCK = 1, 1 << 3, 1 << 5, 1 << 31

    def __init__(self, name: str, crystal: Xosc) -> None:
        self.name, self._crystal = name, crystal
        super().__init__()

    def clear(self) -> None:
        super().clear()
        self._locked_at: float | None = None

    @property
    def vco_hz(self) -> float:
        return CRYSTAL_HZ / (self.registers[self._CS] & 0x3F) * self.registers[self._FBDIV]

    @property
    def hz(self) -> float:
        """What comes out; 0 while it is off or not locked."""
        prim = self.registers[self._PRIM]
        if self._locked_at is None or self.registers[self._PWR] & self._POST_PD:
            return 0
        return self.vco_hz / (prim >> 16 & 7) / (prim >> 12 & 7)

    def load(self, offset: int) -> int:
        if offset == self._CS:
            locked = self._locked_at is not None and self.core.now_ns >= self._locked_at
            return self.registers[self._CS] | (self._LOCK if locked else 0)
        return super().load(offset)

    def store(self, offset: int, value: int) -> None:
        super().store(offset, value)
        if offset != self._PWR:
            return
        if value & (self._PD | self._VCO_PD):
            self._locked_at = None
        elif self._locked_at is None:
            if not self._crystal.stable:
                self.fault("started without the crystal")
            if not 750e6 <= self.vco_hz <= 1600e6:
                self.fault(f"VCO at {self.vco_hz / 1e6:.0f} MHz, outside 750 to 1600")
            self._locked_at = self.core.now_ns + _LOCK_NS


_REF, _SYS, _PERI, _HSTX, _USB, _ADC = 4, 5, 6, 7, 8, 9  # number of a clock's registers
_STEP, _LAST = 0xC, 10 * 0xC
_CTRL, _DIV, _SELECTED = 0x0, 0x4, 0x8
_RESUS, _ENABLE = 0x84, 1 << 11


class Clocks(Block):
    """CLOCKS. `changed` is called with clk_sys in Hz whenever it may have changed."""

    name = "CLOCKS"
    plain = {  # noqa: RUF012
        **{clock * _STEP + _CTRL: 0 for clock in range(10)},
        **{clock * _STEP + _DIV: 1 << 16 for clock in range(10)},
        _RESUS: 0xFF,
    }

    def __init__(self, crystal: Xosc, sys: Pll, usb: Pll, changed: Callable[[float], None]) -> None:
        self._crystal, self._pll_sys, self._pll_usb = crystal, sys, usb
        self._changed = changed
        super().__init__()

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self._changed(self.sys_hz)

    def _register(self, clock: int, register: int) -> int:
        return self.registers[clock * _STEP + register]

    def _divided(self, clock: int, hz: float) -> float:
        return hz / (self._register(clock, _DIV) / 65536 or 65536)

    @property
    def ref_hz(self) -> float:
        source = self._register(_REF, _CTRL) & 3
        hz = {0: RING_HZ, 2: CRYSTAL_HZ if self._crystal.stable else 0}.get(source)
        if hz is None:
            raise NotImplementedError(f"CLOCKS: clk_ref from source {source}")
        return self._divided(_REF, hz)

    @property
    def sys_hz(self) -> float:
        control = self._register(_SYS, _CTRL)
        if not control & 1:
            return self._divided(_SYS, self.ref_hz)
        source = control >> 5 & 7
        if source:
            raise NotImplementedError(f"CLOCKS: clk_sys from auxiliary source {source}")
        return self._divided(_SYS, self._pll_sys.hz)

    @property
    def usb_hz(self) -> float:
        control = self._register(_USB, _CTRL)
        return self._divided(_USB, self._pll_usb.hz) if control & _ENABLE else 0

    @property
    def adc_hz(self) -> float:
        control = self._register(_ADC, _CTRL)
        return self._divided(_ADC, self._pll_usb.hz) if control & _ENABLE else 0

    @property
    def peri_hz(self) -> float:
        return self.sys_hz if self._register(_PERI, _CTRL) & _ENABLE else 0

    def load(self, offset: int) -> int:
        if offset < _LAST and offset % _STEP == _SELECTED:
            clock = offset // _STEP
            if clock == _REF:
                return 1 << (self._register(_REF, _CTRL) & 3)
            return 1 << (self._register(_SYS, _CTRL) & 1) if clock == _SYS else 1
        return super().load(offset)

    def store(self, offset: int, value: int) -> None:
        super().store(offset, value)
        if offset < _LAST and offset // _STEP in (_REF, _SYS):
            hz = self.sys_hz
            if not hz:
                self.fault("clk_sys has no source that runs")
            self._changed(hz or RING_HZ)

"""What a PIO program does with its pins (RP2350 datasheet, 11.4), traced instead of stepped.

A program that reads a microphone repeats the same steps a million times a second, and nothing from
outside changes its course. So one round is traced, instruction by instruction, until the machine's
state comes again. From then on, the times of all edges and samples are known.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

_LONGEST = 4096  # cycles of a round
_JMP, _IN, _OUT, _PUSH_PULL, _MOV, _SET = 0, 2, 3, 4, 5, 7
_ALWAYS, _NOT_X, _X_DECREMENT, _NOT_Y, _Y_DECREMENT, _X_NOT_Y = range(6)


@dataclass(frozen=True)
class Settings:
    """The registers of a state machine, as far as programs here use them.

    program: 32 instructions.
    exec, shift, pins: EXECCTRL, SHIFTCTRL and PINCTRL.
    """

    program: tuple[int, ...]
    exec: int
    shift: int
    pins: int

    @property
    def wrap_top(self) -> int:
        return self.exec >> 12 & 0x1F

    @property
    def wrap_bottom(self) -> int:
        return self.exec >> 7 & 0x1F

    @property
    def side_set_bits(self) -> int:
        return self.pins >> 29 & 7

    @property
    def side_set_optional(self) -> bool:
        return bool(self.exec >> 30 & 1)

    @property
    def side_set_pins(self) -> range:
        base, count = self.pins >> 10 & 0x1F, self.side_set_bits - self.side_set_optional
        return range(base, base + max(0, count))

    @property
    def set_base(self) -> int:
        return self.pins >> 5 & 0x1F

    @property
    def set_count(self) -> int:
        return self.pins >> 26 & 7

    @property
    def in_base(self) -> int:
        return self.pins >> 15 & 0x1F

    @property
    def threshold(self) -> int:
        return self.shift >> 20 & 0x1F or 32

    @property
    def autopush(self) -> bool:
        return bool(self.shift >> 16 & 1)

    @property
    def shifts_right(self) -> bool:
        return bool(self.shift >> 18 & 1)


@dataclass
class State:
    """A state machine between two instructions. `levels` and `outputs`: pins by number."""

    pc: int = 0
    x: int = 0
    y: int = 0
    bits: int = 0  # in the input shift register
    levels: dict[int, int] = field(default_factory=dict)
    outputs: dict[int, int] = field(default_factory=dict)

    def key(self) -> tuple[object, ...]:
        return self.pc, self.x, self.y, self.bits, tuple(sorted(self.levels.items()))


def execute(settings: Settings, state: State, word: int) -> tuple[int, bool]:
    """Execute one instruction.

    Returns:
        The cycles it takes, and whether it samples an input pin.

    Raises:
        NotImplementedError: the instruction, or this form of it, is not modelled.
    """
    operation, low = word >> 13, word & 0xFF
    taken = 5 - settings.side_set_bits
    delay, side = (word >> 8 & 0x1F) & (1 << taken) - 1, word >> 8 + taken & 0x1F
    side &= (1 << settings.side_set_bits) - 1
    chosen = settings.side_set_bits > 0
    if settings.side_set_optional:
        chosen = bool(side >> settings.side_set_bits - 1 & 1)
    if chosen:
        for bit, pin in enumerate(settings.side_set_pins):
            state.levels[pin] = side >> bit & 1
    following = settings.wrap_bottom if state.pc == settings.wrap_top else state.pc + 1 & 0x1F
    samples = False
    if operation == _JMP:
        if _jumps(state, low >> 5):
            following = low & 0x1F
    elif operation == _SET:
        _set(settings, state, low >> 5, low & 0x1F)
    elif operation == _MOV and low in (0x42, 0x21):  # mov y, y (nop) and mov x, x
        pass
    elif operation == _IN and low >> 5 == 0 and low & 0x1F == 1:  # in pins, 1
        state.bits += 1
        samples = True
        if state.bits == settings.threshold and settings.autopush:
            state.bits = 0
    else:
        raise NotImplementedError(f"PIO: instruction {word:#06x}")
    state.pc = following
    return 1 + delay, samples


def _jumps(state: State, condition: int) -> bool:
    if condition == _ALWAYS:
        return True
    if condition == _NOT_X:
        return state.x == 0
    if condition == _NOT_Y:
        return state.y == 0
    if condition == _X_DECREMENT:
        jumps, state.x = state.x != 0, state.x - 1 & 0xFFFFFFFF
        return jumps
    if condition == _Y_DECREMENT:
        jumps, state.y = state.y != 0, state.y - 1 & 0xFFFFFFFF
        return jumps
    if condition == _X_NOT_Y:
        return state.x != state.y
    raise NotImplementedError(f"PIO: jump condition {condition}")


def _set(settings: Settings, state: State, target: int, value: int) -> None:
    if target in (0, 4):
        pins = state.levels if target == 0 else state.outputs
        for bit in range(settings.set_count):
            pins[settings.set_base + bit] = value >> bit & 1
    elif target == 1:
        state.x = value
    elif target == 2:
        state.y = value
    else:
        raise NotImplementedError(f"PIO: set of target {target}")


@dataclass(frozen=True)
class Events:
    """Cycles, counted from the start, at which something happens: once, then again each round."""

    first: npt.NDArray[np.int64]
    again: npt.NDArray[np.int64]
    round: int

    def at(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The cycles of the events with these numbers, counted from 0."""
        later = np.maximum(numbers - len(self.first), 0)
        rounds, place = np.divmod(later, max(1, len(self.again)))
        cycles = self.again[place] + rounds * self.round if len(self.again) else later
        if len(self.first) == 0:
            return cycles
        early = self.first[np.minimum(numbers, len(self.first) - 1)]
        return np.where(numbers < len(self.first), early, cycles)

    def before(self, cycles: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """How many events are at these cycles or earlier."""
        early = np.searchsorted(self.first, cycles, side="right")
        if len(self.again) == 0:
            return early
        start = self.again[0]
        rounds, place = np.divmod(np.maximum(cycles - start, -1), self.round)
        later = rounds * len(self.again) + np.searchsorted(self.again - start, place, side="right")
        return early + np.maximum(later, 0)


@dataclass(frozen=True)
class Trace:
    """A program's course.

    samples: when the input pin is read, once per bit.
    rises, falls: output pin -> its edges.
    """

    samples: Events
    rises: dict[int, Events]
    falls: dict[int, Events]


def trace(settings: Settings, state: State) -> Trace:
    """Follow a program from `state` until it repeats itself; `state` stays as it is."""
    now = State(state.pc, state.x, state.y, state.bits, dict(state.levels), dict(state.outputs))
    seen: dict[tuple[object, ...], int] = {}
    samples: list[int] = []
    edges: dict[tuple[int, int], list[int]] = {}
    cycle = 0
    while (key := now.key()) not in seen:
        if cycle > _LONGEST:
            raise NotImplementedError(f"PIO: no round within {_LONGEST} cycles")
        seen[key] = cycle
        before = dict(now.levels)
        length, sampled = execute(settings, now, settings.program[now.pc])
        if sampled:
            samples.append(cycle)
        for pin, level in now.levels.items():
            if before.get(pin, 0) != level:
                edges.setdefault((pin, level), []).append(cycle)
        cycle += length
    start, length = seen[key], cycle - seen[key]

    def events(times: list[int]) -> Events:
        split = np.array(times, np.int64)
        return Events(split[split < start], split[split >= start], length)

    rises = {pin: events(times) for (pin, level), times in edges.items() if level}
    falls = {pin: events(times) for (pin, level), times in edges.items() if not level}
    return Trace(events(samples), rises, falls)

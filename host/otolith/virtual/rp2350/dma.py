"""DMA (RP2350 datasheet, 12.6): channels that a peripheral's FIFO paces.

Words are moved when a block is complete or when somebody looks; an interrupt comes on time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from otolith.virtual.cortex import Event
from otolith.virtual.rp2350.block import Block

CHANNELS = 16
IRQ = 10  # the first of four
_STEP, _LAST = 0x40, 0x400
_READ, _WRITE, _COUNT, _CTRL = range(4)
# register -> (what it is, whether writing it triggers), for each of a channel's 16 addresses
_ALIASES = (
    (_READ, _WRITE, _COUNT, _CTRL),
    (_CTRL, _READ, _WRITE, _COUNT),
    (_CTRL, _COUNT, _READ, _WRITE),
    (_CTRL, _WRITE, _COUNT, _READ),
)
_INTR, _ABORT, _COUNT_CHANNELS, _MULTI_TRIGGER = 0x400, 0x464, 0x468, 0x450
_EN, _BUSY = 1, 1 << 26
_INCREMENT_READ, _INCREMENT_WRITE, _RING_WRITES, _QUIET = 1 << 4, 1 << 6, 1 << 12, 1 << 23
_FIXED = _EN | _INCREMENT_WRITE  # what a channel here must say: from a register, to memory
_TYPES = ("<u1", "<u2", "<u4")  # by DATA_SIZE


class Source(Protocol):
    """A FIFO that a peripheral fills and a channel empties.

    fifo: what it holds, the oldest first.
    """

    fifo: list[int]

    @property
    def enabled(self) -> bool:
        """Whether the peripheral runs."""

    def due_ns(self, words: int) -> float:
        """When the word that is `words` (1 or more) ahead of the newest comes."""

    def advance(self, wanted: int = 0) -> npt.NDArray[np.uint32]:
        """Bring the FIFO up to date, and take up to `wanted` words."""


class Channel:
    def __init__(self) -> None:
        self.values = [0, 0, 0, 0]
        self.reload = 0
        self.busy = False
        self.due: Event | None = None

    @property
    def control(self) -> int:
        return self.values[_CTRL]


class Dma(Block):
    name = "DMA"
    clears = (0x400, 0x40C, 0x41C, 0x42C, 0x43C)

    def __init__(self, source_of: Callable[[int], Source | None]) -> None:
        """source_of: what raises the request of this number, or None."""
        self._source_of = source_of
        self.channels: list[Channel] = []
        super().__init__()

    def clear(self) -> None:
        for channel in self.channels:
            if channel.due:
                channel.due.cancel()
        self.channels = [Channel() for _ in range(CHANNELS)]
        self.raised = 0
        self.enabled, self.forced = [0] * 4, [0] * 4

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self._update()

    # ---- interrupts ----

    def _update(self) -> None:
        for line in range(4):
            self.core.set_irq(IRQ + line, bool(self._status(line)))

    def _status(self, line: int) -> int:
        return self.raised & self.enabled[line] | self.forced[line]

    # ---- moving ----

    def _source(self, channel: Channel) -> Source:
        request = channel.control >> 17 & 0x3F
        source = self._source_of(request)
        if source is None:
            raise NotImplementedError(f"DMA: request {request}")
        return source

    def _trigger(self, number: int) -> None:
        channel = self.channels[number]
        if not channel.control & _EN or channel.busy:
            return
        if channel.control & (_FIXED | _INCREMENT_READ) != _FIXED:
            raise NotImplementedError(f"DMA: channel {number} with control {channel.control:#x}")
        channel.busy, channel.values[_COUNT] = True, channel.reload
        self._plan(number)

    def _plan(self, number: int) -> None:
        """Be there when the channel's last word comes."""
        channel = self.channels[number]
        if channel.due:
            channel.due.cancel()
        source = self._source(channel)
        ahead = channel.values[_COUNT] - len(source.fifo)
        if not source.enabled:
            return  # the peripheral tells when it starts: started()
        wait = source.due_ns(ahead) - self.core.now_ns if ahead > 0 else 0.0
        channel.due = self.core.after_ns(max(0.0, wait), lambda: self._move(number))

    def started(self) -> None:
        """A peripheral may have started or stopped."""
        for number, channel in enumerate(self.channels):
            if channel.busy:
                self._plan(number)

    def _move(self, number: int) -> None:
        """Move the words that are there."""
        channel = self.channels[number]
        if not channel.busy or not channel.control & _EN:
            return
        words = self._source(channel).advance(channel.values[_COUNT])
        data = words.astype(_TYPES[channel.control >> 2 & 3]).tobytes()
        for start, piece in self._places(channel, len(data)):
            self.core.write(start, data[piece])
        channel.values[_COUNT] -= len(words)
        if channel.values[_COUNT] == 0:
            self._complete(number)

    def _places(self, channel: Channel, count: int) -> list[tuple[int, slice]]:
        """Where the next `count` bytes go; moves the write address along."""
        bits = channel.control >> 8 & 0xF if channel.control & _RING_WRITES else 0
        places, done = [], 0
        while done < count:
            at = channel.values[_WRITE]
            end = (at | (1 << bits) - 1) + 1 if bits else at + count
            piece = min(count - done, end - at)
            places.append((at, slice(done, done + piece)))
            done += piece
            at += piece
            channel.values[_WRITE] = at - (1 << bits) if bits and at == end else at
        return places

    def _complete(self, number: int) -> None:
        channel = self.channels[number]
        channel.busy = False
        if not channel.control & _QUIET:
            self.raised |= 1 << number
        following = channel.control >> 13 & 0xF
        if following != number:
            self._trigger(following)
        self._update()

    def catch_up(self) -> None:
        """Bring every channel up to date."""
        for number, channel in enumerate(self.channels):
            if channel.busy and self._source(channel).enabled:
                self._move(number)

    # ---- registers ----

    def load(self, offset: int) -> int:
        if offset < _LAST:
            number, place = divmod(offset, _STEP)
            if number >= CHANNELS:
                return super().load(offset)
            self.catch_up()
            channel = self.channels[number]
            value = channel.values[_ALIASES[place >> 4][place >> 2 & 3]]
            is_control = _ALIASES[place >> 4][place >> 2 & 3] == _CTRL
            return value | (_BUSY if is_control and channel.busy else 0)
        line, register = divmod(offset - _INTR, 0x10)
        if 0 <= line < 4:
            return [self.raised, self.enabled[line], self.forced[line], self._status(line)][
                register >> 2
            ]
        if offset == _COUNT_CHANNELS:
            return CHANNELS
        return 0 if offset == _ABORT else super().load(offset)

    def store(self, offset: int, value: int) -> None:
        if offset < _LAST and offset // _STEP < CHANNELS:
            self._store_channel(*divmod(offset, _STEP), value)
            return
        line, register = divmod(offset - _INTR, 0x10)
        if 0 <= line < 4:
            if register in (0x0, 0xC):
                self.raised &= ~value
            else:
                (self.enabled if register == 0x4 else self.forced)[line] = value & 0xFFFF
            self._update()
        elif offset == _ABORT:
            self._abort(value)
        elif offset == _MULTI_TRIGGER:
            for number in range(CHANNELS):
                if value >> number & 1:
                    self._trigger(number)
        else:
            super().store(offset, value)

    def _store_channel(self, number: int, place: int, value: int) -> None:
        channel = self.channels[number]
        what = _ALIASES[place >> 4][place >> 2 & 3]
        self.catch_up()
        if what == _COUNT:
            if value >> 28:
                raise NotImplementedError(f"DMA: channel {number} with count mode {value >> 28}")
            channel.reload = value
        else:
            channel.values[what] = value & ~_BUSY if what == _CTRL else value
        if place % 0x10 == 0xC and value:
            self._trigger(number)

    def _abort(self, value: int) -> None:
        self.catch_up()
        for number, channel in enumerate(self.channels):
            if value >> number & 1:
                if channel.control & _EN and channel.busy:
                    self.fault(f"channel {number} aborted while enabled (erratum RP2350-E5)")
                channel.busy = False
                if channel.due:
                    channel.due.cancel()

"""The recorder of `host record` with the browser's microphone."""

from __future__ import annotations

import contextlib
import queue
import struct
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from otolith.audio import RATE
from otolith.audio.blocks import Block
from otolith.audio.wav import MAX_SECONDS
from otolith.data.metadata import Row
from otolith.data.names import check_label
from otolith.device.claim import claim
from otolith.device.transports import usb_serial
from otolith.errors import UserError
from otolith.record.meter import Gauge, Meter
from otolith.record.serial_microphone import SerialMicrophone
from otolith.record.session import Plan, Session, Source
from otolith.record.stop import Stop
from otolith.record.store import Store
from otolith.record.stretch import Stretch
from otolith.studio.answers import plain
from otolith.studio.ports import checked
from otolith.studio.projects import Project

_MOST_WAITING = 600  # blocks; the page sends about 20 a second
_LEVELS_APART_S = 0.05
Say = Callable[[dict[str, Any]], None]


class Wish(msgspec.Struct):
    """What the page asks for.

    trim: Cut silence off both ends. continuous: A take of every sound. port: Record from the board
    at a serial port; "": from the page's microphone.
    """

    label: str
    count: int = 1
    seconds: float = 1.0
    countdown: float = 3.0
    trim: bool = False
    continuous: bool = False
    silence_db: float = -60.0
    speaker: str = ""
    device: str = ""
    port: str = ""


def plan_of(wish: Wish) -> Plan:
    """The recorder's plan. Raises UserError if a number is out of range."""
    if not 1 <= wish.count <= 1000:
        raise UserError("takes: 1 to 1000")
    if not 0.1 <= wish.seconds <= min(3600, MAX_SECONDS):
        raise UserError("seconds: 0.1 to 3600")
    if not 0 <= wish.countdown <= 60:
        raise UserError("countdown: 0 to 60 seconds")
    return Plan(
        count=None if wish.continuous else wish.count,
        seconds=wish.seconds,
        fixed=True,
        trim=wish.trim,
        duration=None,
        countdown=wish.countdown,
        silence_db=wish.silence_db,
    )


class PageMicrophone:
    """A Source of blocks that come over a WebSocket.

    A block begins with the number of samples before it (uint32, little endian, wraps around), so
    that lost ones are noticed.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._waiting: queue.Queue[bytes] = queue.Queue(_MOST_WAITING)
        self._next: int | None = None
        self._overflows = 0

    def put(self, message: bytes) -> None:
        """Take a message of the page."""
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            self._overflows += 1

    def read(self) -> Block:
        """The next samples. Empty if none came within a tenth of a second."""
        try:
            message = self._waiting.get(timeout=0.1)
        except queue.Empty:
            return Block(np.empty(0, np.int16))
        if len(message) < 4 or len(message) % 2:
            raise UserError("the page sent no sound: reload it")
        (at,) = struct.unpack_from("<I", message)
        pcm = np.frombuffer(message, "<i2", offset=4).astype(np.int16)
        lost = 0 if self._next is None else (at - self._next) % (1 << 32)
        self._next = (at + len(pcm)) % (1 << 32)
        overflows, self._overflows = self._overflows, 0
        return Block(pcm, min(lost, 10 * RATE), overflows)

    def close(self) -> None:
        """Nothing to close: the page has the microphone."""


class PageMeter(Meter):
    """The meter in the page."""

    def __init__(self, say: Say) -> None:
        super().__init__()
        self._say, self._gauge, self._told = say, Gauge(), 0.0

    def heading(self, text: str) -> None:
        self._say({"kind": "heading", "text": text})

    def show(self, state: str, pcm: np.ndarray) -> None:
        gauge = self._gauge
        gauge.add(pcm)
        now = time.monotonic()
        if now - self._told < _LEVELS_APART_S:
            return
        self._told = now
        levels = {"peak": gauge.peak_db, "rms": gauge.rms_db, "hold": gauge.hold_db}
        finite = {name: max(-120.0, float(level)) for name, level in levels.items()}
        self._say({"kind": "level", "state": state, "clipped": gauge.clipped, **finite})

    def tell(self, line: str, err: bool = False) -> None:
        self._say({"kind": "line", "text": line})


def record(project: Project, wish: Wish, source: Source, say: Say, stop: Stop) -> None:
    """Record takes until the plan is fulfilled or `stop` is true. Says what happens.

    Raises:
        UserError: As `host record`.
    """
    plan = plan_of(wish)
    row = Row("", check_label(wish.label), speaker=wish.speaker, device=source.name, gain="0")
    with contextlib.closing(Store(project.dataset, row)) as store:
        session = Session(
            plan,
            source,
            store,
            PageMeter(say),
            stop,
            lambda take: say({"kind": "take", **plain(take)}),
        )
        if wish.continuous:
            Stretch(session).run()
        else:
            session.run()
    say({"kind": "end", "kept": session.kept})


def record_board(project: Project, wish: Wish, say: Say, stop: Stop) -> None:
    """As record(), from the board at a serial port, as `host record --serial`.

    Raises:
        UserError: There is no board, or it is gone; takes that were kept stay.
    """
    port = checked(wish.port)
    with (
        claim(usb_serial(port), "Studio's Sounds page"),
        contextlib.closing(SerialMicrophone(port)) as source,
    ):
        record(project, wish, source, say, stop)

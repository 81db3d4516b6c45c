"""Plays a sound to a board and collects what the board says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from otolith.audio import RATE
from otolith.device import Client, SerialTransport, VirtualTransport
from otolith.device.client import Message
from otolith.device.records import Detect, ErrorLine, Fault, Hello, ScoresLine, Stats, Unclear
from otolith.errors import UserError, shown
from otolith.virtual import boot

TAIL_MS = 300  # for the last hop, its inference and the console
BOOT_MS = 5000


@dataclass(frozen=True)
class Detection:
    """A `detect` line; `t_ms` counts from the first sample played."""

    t_ms: float
    label: str
    score: float


@dataclass
class Heard:
    """What a board said while it listened.

    hello: the board's greeting.
    detections: its `detect` lines. Times count from the first sample played, milliseconds.
    score_times_ms, scores: of every hop, if asked for: the smoothed scores, 0..1, one list a hop.
    stats: its `stats` lines.
    not_modelled: what the emulator leaves out, for virtual boards.
    """

    hello: Hello
    detections: list[Detection] = field(default_factory=list)
    score_times_ms: list[float] = field(default_factory=list)
    scores: list[list[float]] = field(default_factory=list)
    stats: list[Stats] = field(default_factory=list)
    not_modelled: str = ""


def check_hello(hello: Hello, model_hash: str, where: str) -> None:
    """UserError if the board runs another model than the expected one."""
    if hello.hash != model_hash:
        runs = f"model {hello.model} ({hello.hash})" if hello.hash else f"the app {hello.app}"
        raise UserError(f"{where} runs {shown(runs)}, not {model_hash}: upload the firmware again")
    if hello.labels is None or hello.hop is None:
        raise UserError(f"{where} does not tell its labels and hop: upload the firmware again")


def _take(heard: Heard, message: Message, t_ms: float) -> None:
    if isinstance(message, Detect):
        heard.detections.append(Detection(t_ms, message.label, message.score))
    elif isinstance(message, ScoresLine):
        labels = heard.hello.labels or []
        if len(message.smoothed) != len(labels):
            raise UserError(
                f"the board sends {len(message.smoothed)} scores for {len(labels)} labels: "
                "upload the firmware again"
            )
        heard.score_times_ms.append(t_ms)
        heard.scores.append([value / 32767 for value in message.smoothed])
    elif isinstance(message, Stats):
        heard.stats.append(message)
    elif isinstance(message, (Fault, ErrorLine, Unclear)):
        raise UserError(f"the board reports: {shown(message.reason)}")


def through_virtual_microphone(
    image: Path,
    pcm: np.ndarray,
    model_hash: str,
    progress: Callable[[float], None] | None = None,
    scores: bool = True,
    board: str = "pico",
) -> Heard:
    """Boot an image on a virtual board and play a sound into its microphone.

    A board without a microphone gets the sound over the wire, by `inject`.

    Args:
        image: firmware with the inference app: .uf2 or .elf, as the board's emulator boots it.
        pcm: (samples,) int16, 16 kHz.
        model_hash: of the network that the image must run.
        progress: gets the share played, 0..1.
        scores: whether to ask for the scores of every hop.
        board: name of a board in boards/.

    Returns:
        What the board said. Times are those of arrival on the computer: they include the
        decimation filter, the hop, the network and the console. Injected sound has the board's own
        times.

    Raises:
        UserError: the image can't be booted, runs another network, or reports a fault.
    """
    with boot(image, board) as virtual:
        client = Client(VirtualTransport(virtual))
        heard = Heard(client.hello(timeout_ms=BOOT_MS), not_modelled=virtual.NOT_MODELLED)
        check_hello(heard.hello, model_hash, f"the virtual {board}")
        if not virtual.has_microphone:
            return _inject(client, heard, pcm)
        if scores:
            client.command("scores on")
        if (left := virtual.SETTLE_MS - virtual.time_ms) > 0:
            virtual.run_ms(left)
        start = virtual.time_ms
        virtual.play(pcm)
        length = 1000 * len(pcm) / RATE
        while (now := virtual.time_ms - start) < length + TAIL_MS:
            if progress:
                progress(min(1.0, now / length))
            for message in client.lines(timeout_ms=8):
                _take(heard, message, virtual.time_ms - start)
                break
        return heard


def _inject(client: Client, heard: Heard, pcm: np.ndarray) -> Heard:
    for message in client.inject(pcm).messages:
        _take(heard, message, getattr(message, "t_ms", None) or 0)
    return heard


def through_inject(port: str, pcm: np.ndarray, model_hash: str) -> Heard:
    """Send a sound over the wire to a board, in place of its microphone's.

    Args:
        port: the board's serial port.
        pcm: (samples,) int16, 16 kHz.
        model_hash: of the network that the board must run.

    Returns:
        What the board said. Times are the board's: the end of the hop, counted from the first
        sample.
    """
    with contextlib.closing(SerialTransport(port)) as transport:
        client = Client(transport)
        heard = Heard(client.hello(timeout_ms=BOOT_MS))
        check_hello(heard.hello, model_hash, f"the board at {port}")
        return _inject(client, heard, pcm)

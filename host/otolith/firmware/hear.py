"""Plays a sound to a board and collects what the board says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from otolith.audio import RATE
from otolith.device import Client, SerialTransport, VirtualTransport
from otolith.device.boards import Board
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
    labels: of the network that was asked for.
    model: its name, if the board runs several; None: it is the only one.
    detections: its `detect` lines. Times count from the first sample played, milliseconds.
    others: detections of the board's other networks, with their names.
    score_times_ms, scores: of every hop, if asked for: the smoothed scores, 0..1, one list a hop.
    stats: its `stats` lines.
    not_modelled: what the emulator leaves out, for virtual boards.
    led: when its LED changed, ms from the first sample played, and its level, for virtual boards.
    """

    hello: Hello
    labels: list[str] = field(default_factory=list)
    model: str | None = None
    others: list[tuple[str, Detection]] = field(default_factory=list)
    detections: list[Detection] = field(default_factory=list)
    score_times_ms: list[float] = field(default_factory=list)
    scores: list[list[float]] = field(default_factory=list)
    stats: list[Stats] = field(default_factory=list)
    not_modelled: str = ""
    led: list[tuple[float, float]] = field(default_factory=list)


def check_hello(
    hello: Hello, model_hash: str, where: str, labels: Sequence[str] | None = None
) -> Heard:
    """Whether the board runs the expected model, alone or among others.

    Args:
        hello: the board's greeting.
        model_hash: of the model.
        where: the board, for messages.
        labels: of the model. None: as the board tells, if it runs no other.

    Raises:
        UserError: it does not, or does not tell what it hears.
    """
    model, told = None, labels if hello.labels is None else hello.labels
    if hello.models and model_hash in (hello.hashes or ())[: len(hello.models)]:
        model = hello.models[(hello.hashes or []).index(model_hash)]
    elif hello.hash != model_hash:
        runs = f"model {hello.model} ({hello.hash})" if hello.hash else f"the app {hello.app}"
        if hello.models:
            runs = f"models {', '.join(hello.models)}"
        raise UserError(f"{where} runs {shown(runs)}, not {model_hash}: upload the firmware again")
    if told is None or hello.hop is None:
        raise UserError(f"{where} does not tell its labels and hop: upload the firmware again")
    return Heard(hello, list(told), model)


def _take(heard: Heard, message: Message, t_ms: float) -> None:
    if isinstance(message, Detect):
        detection = Detection(t_ms, message.label, message.score)
        if message.model == heard.model:
            heard.detections.append(detection)
        else:
            heard.others.append((message.model or "", detection))
    elif isinstance(message, ScoresLine):
        if message.model != heard.model:
            return
        labels = heard.labels
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
    board: Board | str = "pico",
    labels: Sequence[str] | None = None,
    ideal_flash: bool = False,
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
        labels: of that network; needed if the image has several.
        ideal_flash: flash answers at once (see otolith.virtual.boot).

    Returns:
        What the board said. Times are those of arrival on the computer: they include the
        decimation filter, the hop, the network and the console. Injected sound has the board's own
        times.

    Raises:
        UserError: the image can't be booted, runs another network, or reports a fault.
    """
    with boot(image, board, ideal_flash=ideal_flash) as virtual:
        client = Client(VirtualTransport(virtual))
        hello = client.hello(timeout_ms=BOOT_MS)
        heard = check_hello(hello, model_hash, f"the virtual {board}", labels)
        heard.not_modelled = virtual.NOT_MODELLED
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
        heard.led = [(t_ms - start, level) for t_ms, level in virtual.led]
        return heard


def _inject(client: Client, heard: Heard, pcm: np.ndarray) -> Heard:
    for message in client.inject(pcm).messages:
        _take(heard, message, getattr(message, "t_ms", None) or 0)
    return heard


def through_inject(
    port: str, pcm: np.ndarray, model_hash: str, labels: Sequence[str] | None = None
) -> Heard:
    """Send a sound over the wire to a board, in place of its microphone's.

    Args:
        port: the board's serial port.
        pcm: (samples,) int16, 16 kHz.
        model_hash: of the network that the board must run.
        labels: of that network; needed if the board runs several.

    Returns:
        What the board said. Times are the board's: the end of the hop, counted from the first
        sample.
    """
    with contextlib.closing(SerialTransport(port)) as transport:
        client = Client(transport)
        hello = client.hello(timeout_ms=BOOT_MS)
        heard = check_hello(hello, model_hash, f"the board at {port}", labels)
        return _inject(client, heard, pcm)

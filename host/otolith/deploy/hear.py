"""Plays a sound to a board and collects what the board says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from otolith.audio import RATE
from otolith.deploy.scenario import Detection
from otolith.device import Client, SerialTransport, VirtualTransport
from otolith.errors import UserError
from otolith.virtual import boot

TAIL_MS = 300  # for the last hop, its inference and the console
BOOT_MS = 5000


@dataclass
class Heard:
    """What a board said while it listened.

    hello: the board's greeting.
    detections: its `detect` lines. Times count from the first sample played, milliseconds.
    score_times_ms, scores: of every hop, if asked for: the smoothed scores, 0..1, one list a hop.
    stats: its `stats` lines.
    not_modelled: what the emulator leaves out, for virtual boards.
    """

    hello: dict
    detections: list[Detection] = field(default_factory=list)
    score_times_ms: list[float] = field(default_factory=list)
    scores: list[list[float]] = field(default_factory=list)
    stats: list[dict] = field(default_factory=list)
    not_modelled: str = ""


def check_hello(hello: dict, model_hash: str, where: str) -> None:
    """UserError if the board runs another model than the expected one."""
    if hello.get("hash") != model_hash:
        raise UserError(
            f"{where} runs model {hello.get('model')} ({hello.get('hash')}), not {model_hash}: "
            "upload the firmware again"
        )


def _take(heard: Heard, message: dict, t_ms: float) -> None:
    if message["event"] == "detect":
        heard.detections.append(Detection(t_ms, message["label"], message["score"]))
    elif message["event"] == "scores":
        heard.score_times_ms.append(t_ms)
        heard.scores.append([value / 32767 for value in message["smoothed"]])
    elif message["event"] == "stats":
        heard.stats.append(message)
    elif message["event"] in ("fault", "error"):
        raise UserError(f"the board reports: {message.get('reason', message)}")


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
                if isinstance(message, dict):
                    _take(heard, message, virtual.time_ms - start)
                break
        return heard


def _inject(client: Client, heard: Heard, pcm: np.ndarray) -> Heard:
    for message in client.inject(pcm).messages:
        _take(heard, message, message.get("t_ms", 0))
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

"""Let a board hear a sound and collect what it says."""

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
from otolith.virtual import VirtualPico

TAIL_MS = 300  # the last hop, its inference and the way over USB
BOOT_MS = 5000


@dataclass
class Heard:
    """What a board said while it listened; times count from the first sample played."""

    hello: dict
    detections: list[Detection] = field(default_factory=list)
    score_times_ms: list[float] = field(default_factory=list)
    scores: list[list[float]] = field(default_factory=list)  # smoothed, 0..1, one list a hop
    stats: list[dict] = field(default_factory=list)


def check_hello(hello: dict, model_hash: str, where: str) -> None:
    """The board must run the model we think it runs."""
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
    """Boot `image` on a virtual RP2040 with the pins of `board` and play `pcm` (int16, 16 kHz) into
    its PDM microphone.

    Times are those of arrival on the computer: they include the decimation filter, the hop, the
    network and USB. `progress` gets the played share, 0..1.
    """
    with VirtualPico(image, board=board) as pico:
        client = Client(VirtualTransport(pico))
        heard = Heard(client.hello(timeout_ms=BOOT_MS))
        check_hello(heard.hello, model_hash, "the virtual Pico")
        if scores:
            client.command("scores on")
        start = pico.time_ms
        pico.play(pcm)
        length = 1000 * len(pcm) / RATE
        while (now := pico.time_ms - start) < length + TAIL_MS:
            if progress:
                progress(min(1.0, now / length))
            for message in client.lines(timeout_ms=8):
                if isinstance(message, dict):
                    _take(heard, message, pico.time_ms - start)
                break
        return heard


def through_inject(port: str, pcm: np.ndarray, model_hash: str) -> Heard:
    """Send `pcm` over the wire to the board at `port` in place of its microphone.

    Times are the device's: the end of the hop, counted from the first sample.
    """
    with contextlib.closing(SerialTransport(port)) as transport:
        client = Client(transport)
        heard = Heard(client.hello(timeout_ms=BOOT_MS))
        check_hello(heard.hello, model_hash, f"the board at {port}")
        for message in client.inject(pcm).messages:
            _take(heard, message, message.get("t_ms", 0))
        return heard

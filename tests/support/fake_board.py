"""A simulated board: a transport that answers lines, and stream frames."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from otolith.device.frames import encode_frame


def line(**fields) -> bytes:
    """A line of JSON as a board sends it."""
    return json.dumps(fields).encode() + b"\n"


def ok(command: str) -> bytes:
    """The default answer to a command."""
    return line(event="ok", command=command)


HOUR_MS = 3_600_000


class FakeBoard:
    """A transport that replies to each line with `answers[line]` and keeps what was sent."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self.answers = answers
        self.sent = b""
        self.inbox = b""
        self.now = 0.0

    def write(self, data: bytes) -> None:
        self.sent += data
        for text in data.split(b"\n")[:-1]:
            self.inbox += self.answers.get(text.strip(b"\0").decode("latin-1"), b"")

    def read(self, timeout_ms: float) -> bytes:
        data, self.inbox = self.inbox[:7], self.inbox[7:]
        if not data:
            self.now += timeout_ms
            assert self.now < HOUR_MS, "nothing ended in an hour of silence"
        return data

    def time_ms(self) -> float:
        return self.now

    def close(self) -> None:
        pass


HELLO = {
    "event": "hello",
    "app": "inference",
    "board": "pico",
    "version": "0.1.0",
    "serial": "E661",
    "model": "loud",
    "hash": "4c1d",
    "labels": ["background", "loud"],
    "rate": 16000,
    "hop": 512,
}
STATS = {
    "event": "stats",
    "t_ms": 992,
    "feature_us": 3900,
    "infer_us": 1100,
    "cpu": 0.226,
    "overruns": 3,
    "dropped": 0,
    "stack": 976,
    "level": 3277,
}

DETECT = {"event": "detect", "t_ms": 64, "label": "loud", "score": 0.913}
SCORES = {
    "event": "scores",
    "hop": 2,
    "t_ms": 64,
    "q": [-128, 127],
    "scores": [0, 32767],
    "smoothed": [8192, 24575],
}


def listening_board(stream: bytes, more: dict[str, bytes] | None = None) -> FakeBoard:
    """A board that sends `stream` after it has been restarted."""
    words = ("scores", "features", "pcm")
    answers = {
        f"{word} {switch}": ok(f"{word} {switch}") for word in words for switch in ("on", "off")
    }
    settings = line(event="settings", detect={"gate": 0, "thresholds": [0.0, 0.5]})
    answers |= {
        "get detect": settings,
        "hello": line(**HELLO),
        "stats": line(**STATS),
        "restart": ok("restart") + stream,
    }
    return FakeBoard(answers | (more or {}))


def pcm_frames(pcm: np.ndarray, lost: Sequence[int] = (), first: int = 0) -> list[bytes]:
    """`pcm` as stream frames of a microphone, without the frame numbers in `lost`."""
    blocks = pcm.reshape(-1, 128)
    return [
        encode_frame("P", first + i, block.astype("<i2").tobytes())
        for i, block in enumerate(blocks)
        if first + i not in lost
    ]

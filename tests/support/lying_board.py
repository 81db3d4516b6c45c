"""A faulty board: wrong types, numbers of 400 digits, missing fields, damaged frames, noise."""

from __future__ import annotations

import copy
import json
import random

from otolith.device.frames import encode_frame
from support.fake_board import DETECT, HELLO, SCORES, STATS

SETTINGS = {"event": "settings", "detect": {"gate": 0, "thresholds": [0.0, 0.5]}}
INJECTING = {"event": "injecting", "samples": 3000, "block": 512, "ahead": 3}
RAN = {"event": "ran", "cycles": 7, "arena": 8, "layers": [3, 4], "clock_hz": 125_000_000}
LINES = (STATS, SCORES, DETECT, HELLO, SETTINGS, {"event": "fault", "reason": "x"})
LINES += (
    {"event": "error", "reason": "y", "command": "z"},
    {"event": "ok", "command": "scores on"},
)
LINES += ({"event": "more", "blocks": 2}, {"event": "injected", "hops": 3}, RAN)
WRONG = (
    *(None, True, 0, -1, 1 << 63, 10**400, 1e308, -1e308, 0.5, "", "x" * 3000, "\x1b[31m", "[/x]"),
    *("\ud800", "a\nb", [], [None], [[]], {}, {"event": "hello"}, ["x"] * 300, [1e308] * 3, "NaN"),
)


def encoded(line: dict) -> bytes:
    """A line as the board sends it."""
    return json.dumps(line).encode() + b"\n"


class LyingBoard:
    """A transport with many wrong answers and unsolicited messages.

    Args:
        seed: the same seed gives the same conversation.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._sequence = {"P": 0, "F": 0}
        self.now = 0.0
        self.out = b""

    # ---- lies ----

    def _lie(self, line: dict) -> dict:
        rng, line = self._random, copy.deepcopy(line)
        for _ in range(rng.choice([0, 1, 1, 2])):
            key, dice = rng.choice(list(line)), rng.random()
            if dice < 0.2:
                del line[key]
            elif dice < 0.8:
                line[key] = copy.deepcopy(rng.choice(WRONG))
            else:
                names = ("event", "t_ms", "label", "level", "x", "score", "smoothed", "labels")
                line[rng.choice(names)] = copy.deepcopy(rng.choice(WRONG))
            if not line:
                break
        return line

    def _frame(self) -> bytes:
        rng = self._random
        kind, size = (
            rng.choice("PFPFTX"),
            rng.choice([0, 1, 2, 256, 258, 1024, rng.randrange(1025)]),
        )
        number = self._sequence.get(kind, 0)
        self._sequence[kind] = number + 1
        if rng.random() < 0.2:
            number = rng.randrange(65536)
        frame = bytearray(encode_frame(kind, number, rng.randbytes(size)))
        if rng.random() < 0.4:
            frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
        return bytes(frame[: rng.randrange(len(frame))] if rng.random() < 0.2 else frame)

    def _piece(self) -> bytes:
        rng, dice = self._random, self._random.random()
        if dice < 0.5:
            return encoded(self._lie(rng.choice(LINES)))
        if dice < 0.7:
            return self._frame()
        if dice < 0.85:
            damaged = bytearray(encoded(rng.choice((STATS, SCORES, DETECT))))
            for _ in range(rng.choice([1, 3])):
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            return bytes(damaged)
        if dice < 0.9:
            return b"[" * rng.choice([10, 3000, 8000]) + b"\n"
        if dice < 0.93:
            digits = b"1" * rng.choice([20, 4000, 7000])
            return b'{"event":"scores","smoothed":[' + digits + b"]}\n"
        return rng.randbytes(rng.randrange(1, 300))

    def _answer(self, command: str) -> dict:
        rng, word = self._random, command.split(" ")[0]
        if word == "inject":
            block = rng.choice([512, 512, 512, 0, -1, None, "x", 1e9])
            return {**INJECTING, "block": block, "ahead": rng.choice([3, None, 0, -1, "x"])}
        known = {"hello": HELLO, "version": HELLO, "stats": STATS, "run": {"event": "running"}}
        known |= dict.fromkeys(("get", "set"), SETTINGS)
        return known.get(word, {"event": "ok", "command": command})

    # ---- Transport ----

    def write(self, data: bytes) -> None:
        for text in data.replace(b"\0", b"").split(b"\n"):
            if command := text.decode("latin-1"):
                if self._random.random() < 0.1:
                    self.out += self._piece()
                answer = self._answer(command)
                self.out += encoded(self._lie(answer) if self._random.random() < 0.3 else answer)

    def read(self, timeout_ms: float) -> bytes:
        self.now += max(1, min(timeout_ms, 50))
        if self._random.random() < 0.6:
            self.out += self._piece()
        whole = self._random.random() < 0.5
        size = len(self.out) if whole else self._random.randrange(len(self.out) + 1)
        data, self.out = self.out[:size], self.out[size:]
        return data

    def time_ms(self) -> float:
        return self.now

    def close(self) -> None:
        pass

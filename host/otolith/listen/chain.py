"""The whole chain on this computer: PCM -> features -> scores -> events, in the chip's own C."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from otolith.audio import RATE
from otolith.compile import compile_graph
from otolith.compile.engine import generated
from otolith.errors import UserError
from otolith.native import library
from otolith.native.sources import lib
from otolith.settings.detect import UNKNOWN, InForce, assignment

HEADERS = ("listen.h", "detect_settings.h", "nn.h")


@dataclass(frozen=True)
class Hop:
    """What one hop gave; the fields of a board's `scores` and `detect` lines."""

    hop: int  # counts from 1
    t_ms: int  # end of the hop
    level: int
    features: np.ndarray  # int16 (new frames, bands)
    q: np.ndarray | None  # int8 network output; None until the window is full, and after a rest
    scores: np.ndarray | None  # Q15
    smoothed: np.ndarray | None  # Q15
    event: tuple[str, int] | None  # label or "unknown", and smoothed Q15 score
    decision: str | None = None  # label, "unknown" or None: nothing decided


class Chain:
    """A model with metadata, listening. One stream a chain, as many chains as wanted."""

    def __init__(self, tflite: bytes | Path) -> None:
        if isinstance(tflite, Path):
            path = tflite
            try:
                tflite = path.read_bytes()
            except OSError as error:
                raise UserError(f"{path}: {error.strerror}") from error
        compiled = compile_graph(tflite, "model")
        if "pipeline.c" not in compiled.files:
            raise UserError("the model carries no Otolith metadata: train it with `host train`")
        self.network = compiled.schedule.network
        self.labels: list[str] = list(self.network.labels)
        self._outputs = self.network.outputs[0].count
        digest = self.network.digest
        common = lib("features", "nn", "detect", "listen")
        s = common + generated(compiled.files, f"chain-{digest}")
        # private: the state is in static variables, and two chains of a model must not share it
        # shared: only the model's own files are compiled anew, the rest takes seconds
        self._ffi, self._lib = library(
            f"chain-{digest}",
            s.files,
            HEADERS,
            s.include,
            (*s.flags, "-O2"),
            private=True,
            shared=common.files,
        )
        metadata = self.network.metadata
        assert metadata is not None
        self.metadata = metadata
        self._shape = metadata.features.shape
        self.hop = metadata.hop
        self._frames: list[np.ndarray] = []

        @self._ffi.callback("void(const int16_t *, uint16_t)")
        def on_frame(values, bands: int) -> None:
            raw = self._ffi.buffer(values, 2 * bands)
            self._frames.append(np.frombuffer(raw, np.int16).copy())

        self._on_frame = on_frame  # must live as long as the library may call it
        if self._lib.listen_init(self._ffi.NULL) != 0:
            raise UserError("the network and its metadata do not fit together: train it again")
        self._lib.listen_on_frame(on_frame)
        self.reset()

    def set(self, name: str, value: object) -> InForce:
        """Change a setting from the next hop on, as a board's `set` does: "detect.gate", 300;
        "detect.threshold.bell", 0.8 (settings/detect.py). The settings then in force.
        On a UserError nothing has changed."""
        text = assignment(name, value, self.labels, self.metadata.hop_ms)
        refused = self._lib.listen_set(text.encode())
        if refused != self._ffi.NULL:
            raise UserError(f"{text}: {self._ffi.string(refused).decode()}")
        return self.settings()

    def settings(self) -> InForce:
        """The decision layer's settings in force."""
        config, lib = self._lib.listen_detect_settings(), self._lib
        values: dict[str, int | bool] = {}
        for i in range(lib.detect_setting_count):
            setting = lib.detect_settings + i
            value = lib.detect_setting_value(config, setting)
            name = self._ffi.string(setting.name).decode()
            values[name] = bool(value) if setting.is_switch else value
        decimals = self._ffi.new("uint32_t *")
        thresholds = {
            label: lib.detect_decimal(config.threshold[i], decimals) / 10 ** decimals[0]
            for i, label in enumerate(self.labels)
        }
        return InForce(values, thresholds)

    def rest(self, on: bool) -> None:
        """Let network and front end rest while the gate is closed, as a board does: events stay the
        same, but such hops have no `q` and `scores`, and may have no `features`."""
        self._lib.listen_rest(on)

    def reset(self) -> None:
        """Forget everything heard; settings stay."""
        self._lib.listen_reset()
        self._frames.clear()
        self._count = 0

    def feed(self, pcm: np.ndarray) -> list[Hop]:
        """Hear int16 samples in blocks of any size, as an app does.

        Args:
            pcm: int16 samples, shape (any,).

        Returns:
            The hops that ended in this block. Samples of a hop that has not ended are kept for the
            next call; `reset` forgets them.

        Raises:
            UserError: pcm is not one-dimensional int16.
        """
        if pcm.dtype != np.int16 or pcm.ndim != 1:
            raise UserError(f"sound is int16 samples, not {pcm.dtype} {pcm.shape}")
        data = np.ascontiguousarray(pcm)
        start = self._ffi.cast("const int16_t *", data.ctypes.data)
        result = self._ffi.new("listen_result_t *")
        hops, at = [], 0
        while at < len(data):
            at += self._lib.listen_feed(start + at, len(data) - at, result)
            if result.complete:
                hops.append(self._hop(result))
        return hops

    def push(self, pcm: np.ndarray) -> Hop:
        """One hop of self.hop int16 samples."""
        return self._hear(pcm, self._lib.listen_push)

    def skip(self, pcm: np.ndarray) -> Hop:
        """A hop that only the front end hears, while the network is busy."""
        return self._hear(pcm, self._lib.listen_skip)

    def window(self) -> np.ndarray:
        """What the network saw in the last hop, if that was scored: int8 (frames, bands)."""
        raw = self._ffi.buffer(self._lib.listen_window(), self._shape[0] * self._shape[1])
        return np.frombuffer(raw, np.int8).reshape(self._shape).copy()

    def _hear(self, pcm: np.ndarray, push: Callable) -> Hop:
        if pcm.dtype != np.int16 or pcm.shape != (self.hop,):
            raise UserError(f"a hop is {self.hop} int16 samples, not {pcm.dtype} {pcm.shape}")
        result = self._ffi.new("listen_result_t *")
        data = np.ascontiguousarray(pcm)
        push(self._ffi.cast("const int16_t *", data.ctypes.data), result)
        return self._hop(result)

    def _hop(self, result: Any) -> Hop:
        """What a listen_result_t says of the hop that has ended."""
        ffi = self._ffi
        self._count += 1
        n = len(self.labels)
        q = scores = smoothed = event = decision = None
        if result.scored:
            q = np.frombuffer(ffi.buffer(self._lib.nn_output(0), self._outputs), np.int8).copy()
            scores = np.array([result.scores[i] for i in range(n)], np.uint16)
        if result.scored or result.rested:
            smoothed = np.array([result.smoothed[i] for i in range(n)], np.uint16)
            if result.event:
                label = self._name(result.detection.label) or UNKNOWN  # an event has a label
                event = (label, int(result.detection.score))
            decision = self._name(result.decision)
        t_ms = self._count * self.hop * 1000 // RATE
        frames = np.array(self._frames, np.int16)
        self._frames.clear()
        return Hop(self._count, t_ms, result.level, frames, q, scores, smoothed, event, decision)

    def _name(self, decision: int) -> str | None:
        """Of a label, DETECT_UNKNOWN or DETECT_NONE."""
        return self.labels[decision] if decision >= 0 else UNKNOWN if decision == -1 else None

    def run(self, pcm: np.ndarray) -> Iterator[Hop]:
        """All of `pcm`, hop by hop; the last hop is padded with zeros."""
        padded = np.pad(pcm, (0, -len(pcm) % self.hop))
        for start in range(0, len(padded), self.hop):
            yield self.push(padded[start : start + self.hop])

"""The whole chain on this computer: PCM -> features -> scores -> events, in the chip's own C."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host.compile import compile_graph
from host.compile.engine import generated
from host.compile.metadata import read_metadata
from host.errors import UserError
from host.features import shape
from host.native import library
from host.native.sources import front_ends, lib

RATE = 16000  # Hz
CDEF = """
typedef struct { uint16_t label, score; } detect_event_t;
typedef struct {
    bool scored, event;
    uint16_t level;
    uint16_t scores[32];
    const uint16_t *smoothed;
    detect_event_t detection;
    uint32_t feature_us, infer_us;
} listen_result_t;
int listen_init(uint32_t (*clock_us)(void));
void listen_reset(void);
void listen_on_frame(void (*on_frame)(const int16_t *values, uint16_t bands));
void listen_push(const int16_t *pcm, listen_result_t *result);
void listen_skip(const int16_t *pcm, listen_result_t *result);
const int8_t *listen_window(void);
const int8_t *nn_output(int i);
"""


@dataclass(frozen=True)
class Hop:
    """What one hop gave; the fields of a board's `scores` and `detect` lines."""

    hop: int  # counts from 1
    t_ms: int  # end of the hop
    level: int
    features: np.ndarray  # int16 (new frames, bands)
    q: np.ndarray | None  # int8 network output; None until the window is full
    scores: np.ndarray | None  # Q15
    smoothed: np.ndarray | None  # Q15
    event: tuple[str, int] | None  # label and smoothed Q15 score


class Chain:
    """A model with metadata, listening. One stream a chain, as many chains as wanted."""

    def __init__(self, tflite: bytes | Path) -> None:
        if isinstance(tflite, Path):
            try:
                tflite = tflite.read_bytes()
            except OSError as error:
                raise UserError(f"{tflite}: {error.strerror}") from error
        compiled = compile_graph(tflite, "model")
        if "pipeline.c" not in compiled.files:
            raise UserError("the model carries no Otolith metadata: train it with `host train`")
        self.report = compiled.report
        self.labels: list[str] = compiled.report["labels"]
        self._outputs = int(np.prod(compiled.report["outputs"][0]["shape"]))
        digest = compiled.report["hash"]
        s = lib("features", "nn", "detect", "listen") + front_ends()
        s = s + generated(compiled.files, f"chain-{digest}")
        # private: the state is in static variables, and two chains of a model must not share it
        self._ffi, self._lib = library(
            f"chain-{digest}", s.files, CDEF, s.include, (*s.flags, "-O2"), private=True
        )
        metadata = read_metadata(tflite)
        assert metadata is not None
        self.metadata = metadata
        self._shape = shape(metadata["features"])
        self.hop = metadata["deploy"]["hop_frames"] * metadata["features"]["hop"]
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

    def reset(self) -> None:
        """Forget everything heard."""
        self._lib.listen_reset()
        self._count = 0

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
        ffi = self._ffi
        self._frames.clear()
        result = ffi.new("listen_result_t *")
        data = np.ascontiguousarray(pcm)
        push(ffi.cast("const int16_t *", data.ctypes.data), result)
        self._count += 1
        n = len(self.labels)
        q = scores = smoothed = event = None
        if result.scored:
            q = np.frombuffer(ffi.buffer(self._lib.nn_output(0), self._outputs), np.int8).copy()
            scores = np.array([result.scores[i] for i in range(n)], np.uint16)
            smoothed = np.array([result.smoothed[i] for i in range(n)], np.uint16)
            if result.event:
                event = (self.labels[result.detection.label], result.detection.score)
        t_ms = self._count * self.hop * 1000 // RATE
        frames = np.array(self._frames, np.int16)
        return Hop(self._count, t_ms, result.level, frames, q, scores, smoothed, event)

    def run(self, pcm: np.ndarray) -> Iterator[Hop]:
        """All of `pcm`, hop by hop; the last hop is padded with zeros."""
        padded = np.pad(pcm, (0, -len(pcm) % self.hop))
        for start in range(0, len(padded), self.hop):
            yield self.push(padded[start : start + self.hop])

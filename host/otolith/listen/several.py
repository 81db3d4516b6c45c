"""Several networks on this computer that listen to one stream, in the chip's own C."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from otolith.audio import RATE
from otolith.compile.engine import generated
from otolith.compile.read import model_hash
from otolith.compile.several import compile_several
from otolith.errors import UserError
from otolith.listen.chain import Hop
from otolith.native import library
from otolith.native.sources import lib
from otolith.settings.detect import UNKNOWN

HEADERS = ("listen_several.h", "detect_settings.h")


@dataclass(frozen=True)
class HopOf:
    """What a hop gave for one network. model: its name."""

    model: str
    hop: Hop


class SeveralChain:
    """Networks that share a front end, listening. One stream a chain.

    Args:
        models: Bytes of each .tflite, and its name if its metadata has none.
        gate: Name of the network that gates the others, or None.

    Raises:
        UserError: The networks can't be compiled, or don't fit together.
    """

    def __init__(self, models: Sequence[tuple[bytes, str]], gate: str | None = None) -> None:
        compiled = compile_several(models, gate)
        networks = [s.network for s in compiled.schedules]
        self.names = [n.name for n in networks]
        self.digests = [n.digest for n in networks]
        self.labels = [list(n.labels) for n in networks]
        self.metadata = compiled.metadata
        self.hop = self.metadata[0].hop
        self._outputs = [n.outputs[0].count for n in networks]
        text = "".join(compiled.files.values())
        digest = model_hash(text.encode())
        common = lib("features", "nn", "detect", "listen")
        s = common + generated(compiled.files, f"some-{digest}")
        flags = (*s.flags, "-O2", f"-DLISTEN_MODELS={len(networks)}")
        self._ffi, self._lib = library(
            f"some-{digest}",
            s.files,
            HEADERS,
            s.include,
            flags,
            private=True,
            shared=common.files,
        )
        self._frames: list[np.ndarray] = []

        @self._ffi.callback("void(const int16_t *, uint16_t)")
        def on_frame(values: Any, bands: int) -> None:
            raw = self._ffi.buffer(values, 2 * bands)
            self._frames.append(np.frombuffer(raw, np.int16).copy())

        self._on_frame = on_frame  # must live as long as the library may call it
        if self._lib.listen_init(self._ffi.NULL) != 0:
            raise UserError("the networks and their metadata do not fit together")
        self._lib.listen_on_frame(on_frame)
        self.reset()

    def rest(self, on: bool) -> None:
        """Lets networks rest while their gate is closed (Chain.rest)."""
        self._lib.listen_rest(on)

    def reset(self) -> None:
        """Forgets everything heard."""
        self._lib.listen_reset()
        self._frames.clear()
        self._count = 0

    @property
    def missing(self) -> int:
        """Samples that complete the running hop; 0 between two hops."""
        return int(self._lib.listen_missing()) % self.hop

    def feed(self, pcm: np.ndarray) -> Iterator[list[HopOf]]:
        """Hears int16 samples in blocks of any size.

        Yields:
            For each hop that ends in the block, what it gave for each network.

        Raises:
            UserError: pcm is not one-dimensional int16.
        """
        if pcm.dtype != np.int16 or pcm.ndim != 1:
            raise UserError(f"sound is int16 samples, not {pcm.dtype} {pcm.shape}")
        data = np.ascontiguousarray(pcm)
        start = self._ffi.cast("const int16_t *", data.ctypes.data)
        results = self._ffi.new("listen_result_t[]", len(self.names))
        at = 0
        while at < len(data):
            at += self._lib.listen_feed(start + at, len(data) - at, results)
            if results[0].complete:
                yield self._hops(results)

    def run(self, pcm: np.ndarray) -> Iterator[list[HopOf]]:
        """All of `pcm`; the last hop is padded with zeros."""
        yield from self.feed(np.pad(pcm, (0, -len(pcm) % self.hop)))

    def _hops(self, results: Any) -> list[HopOf]:
        self._count += 1
        frames = np.array(self._frames, np.int16)
        self._frames.clear()
        return [HopOf(name, self._hop(m, results[m], frames)) for m, name in enumerate(self.names)]

    def _hop(self, m: int, result: Any, frames: np.ndarray) -> Hop:
        labels, ffi = self.labels[m], self._ffi
        q = scores = smoothed = event = decision = None

        def named(index: int) -> str | None:
            return labels[index] if index >= 0 else UNKNOWN if index == -1 else None

        if result.scored:
            raw = ffi.buffer(self._lib.listen_output(m), self._outputs[m])
            q = np.frombuffer(raw, np.int8).copy()
            scores = np.array([result.scores[i] for i in range(len(labels))], np.uint16)
        if result.scored or result.rested:
            smoothed = np.array([result.smoothed[i] for i in range(len(labels))], np.uint16)
            if result.event:
                event = (named(result.detection.label) or UNKNOWN, int(result.detection.score))
            decision = named(result.decision)
        t_ms = self._count * self.hop * 1000 // RATE
        return Hop(self._count, t_ms, result.level, frames, q, scores, smoothed, event, decision)

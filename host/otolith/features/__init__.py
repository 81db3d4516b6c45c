"""Audio front ends: the C of lib/features, called from Python.

Features are the integers the chip computes. `value * front_end.step` is what a network sees in
training. A front end's settings are an `otolith.settings.features.FrontEnd`: the [features] of a
spec, those of a model's metadata, or a ready one from `preset`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cffi
import numpy as np

from otolith.audio import RATE, read_pcm
from otolith.errors import UserError
from otolith.features.native import features_library
from otolith.features.tables import Struct, in_memory
from otolith.settings.features import COMPRESS, FrontEnd, preset
from otolith.settings.front_ends.presets import PRESETS
from otolith.settings.registries import attribute

__all__ = ["COMPRESS", "PRESETS", "preset"]  # from settings, for callers

# kind -> "module:function" that computes the tables of the C code
TABLES = {
    "spectrogram": "otolith.features.spectrogram:tables",
    "mfcc": "otolith.features.mfcc:tables",
    "logmel": "otolith.features.logmel:tables",
}


@dataclass(frozen=True)
class Quantizer:
    """int16 feature -> int8 network input, in one 32-bit multiply (audio_features.h)."""

    multiplier: int
    shift: int
    zero_point: int


def tables_of(front_end: FrontEnd) -> Struct | None:
    """The tables lib/features takes for a front end; None if it takes none.

    Raises:
        UserError: lib/features does not take these settings.
    """
    make: Callable[[FrontEnd], Struct | None] = attribute(TABLES[front_end.kind])
    return make(front_end.checked())


# int8 = (256 * value + 333) / 666 - 128 of TFLM's micro_speech example, exact up to where it clamps
TFLM_INPUT = Quantizer(25191, 16, -128)


def input_quantizer(front_end: FrontEnd, scale: float, zero_point: int) -> Quantizer:
    """The quantizer between a front end and a network's input.

    A network trained here is fed by its input's scale. One of TFLM's or MLTK's programs is fed as
    those programs do.

    Args:
        front_end: The front end.
        scale: Real value of one step of the network's input.
        zero_point: The input's value that stands for 0.

    Raises:
        UserError: No quantizer of the chip gives this scale.
    """
    if front_end.input_of_tflm:
        # MLTK's dynamic range ends in int8 whatever the scale; here it ends in 0..255
        return Quantizer(1 << 14, 14, -128) if front_end.compress == "dynamic" else TFLM_INPUT
    ratio = front_end.step / scale if scale > 0 else 0.0
    shift = 30
    # The largest 15-bit multiplier whose product with 32767 still fits 31 bits.
    while shift > 1 and ratio * 2**shift >= 32767.5:
        shift -= 1
    multiplier = round(ratio * 2**shift) if math.isfinite(ratio) else 0
    if not 1 <= multiplier <= 32767:
        raise UserError(
            f"network input scale {scale:g} does not suit {front_end.compress} features: "
            "train with features of this project"
        )
    return Quantizer(multiplier, shift, zero_point)


def extract(pcm: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """Features of a clip.

    Args:
        pcm: int16 samples at 16 kHz, mono.
        front_end: The front end. compress = "dynamic" takes the whole clip as one window.

    Returns:
        int16 (frames, bands), after compression and before quantising; no frames if the clip is
        shorter than a frame's window.

    Raises:
        UserError: lib/features does not take these samples or settings.
    """
    return _extract(pcm, front_end)[0]


def window(pcm: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """Features of a network window that is looked at alone; as `extract`.

    A log-mel front end estimates the noise as it goes and begins with none. On the chip it has
    heard the room before. Here `settle` frames made of the window's quietest moments go first.
    """
    lead = front_end.lead_frames
    if not lead:
        return extract(pcm, front_end)
    return extract(np.concatenate([room_of(pcm, lead * front_end.hop), pcm]), front_end)[lead:]


def room_of(pcm: np.ndarray, samples: int) -> np.ndarray:
    """What a clip sounds like in its quietest quarter, played forwards and backwards in turn.

    Args:
        pcm: int16 samples.
        samples: How many samples to make.

    Returns:
        int16 (samples,).
    """
    block = 800  # 50 ms
    blocks = pcm[: len(pcm) // block * block].reshape(-1, block)
    order = np.argsort(np.square(blocks.astype(np.float64)).sum(1), kind="stable")
    quiet = blocks[np.sort(order[: max(1, len(order) // 4)])].ravel()
    there_and_back = np.concatenate([quiet, quiet[::-1]])
    return np.resize(there_and_back, samples)


def activity(pcm: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """For each frame of a clip, whether the front end detected activity in it.

    Args:
        pcm: int16 samples at 16 kHz, mono.
        front_end: The front end; without activity detection all frames are False.

    Returns:
        bool (frames,).
    """
    return _extract(pcm, front_end)[1]


def _extract(pcm: np.ndarray, front_end: FrontEnd) -> tuple[np.ndarray, np.ndarray]:
    ffi, lib = features_library()
    made = tables_of(front_end)
    pcm = np.ascontiguousarray(pcm)
    if pcm.dtype != np.int16 or pcm.ndim != 1:
        raise UserError(f"features need mono int16 samples, not {pcm.dtype} of shape {pcm.shape}")
    out = np.empty((front_end.frames_in(len(pcm)), front_end.bands), np.int16)
    active = np.zeros(len(out), bool)
    if not len(out):
        return out, active
    tables, alive = (ffi.NULL, []) if made is None else in_memory(ffi, made)
    config = ffi.new(
        "features_config_t *",
        {
            "frontend": lib.features_find(front_end.kind.encode()),
            "sample_rate": front_end.sample_rate,
            "window": front_end.window,
            "hop": front_end.hop,
            "frames": 1,
            "bands": front_end.bands,
            "compress": COMPRESS[front_end.compress],
            "quantizer": {"multiplier": 1, "shift": 1, "zero_point": 0},
            "tables": tables,
            **_limits(ffi, front_end, alive),
        },
    )
    count = lib.features_extract(
        config,
        ffi.cast("const int16_t *", pcm.ctypes.data),
        len(pcm),
        ffi.cast("int16_t *", out.ctypes.data),
        ffi.cast("bool *", active.ctypes.data),
    )
    del alive  # the C code reads it until here
    if count != len(out):
        raise UserError(
            f"front end {front_end.kind} does not take window {front_end.window}, hop "
            f"{front_end.hop}, bands {front_end.bands}"
        )
    return out, active


def _limits(ffi: cffi.FFI, front_end: FrontEnd, alive: list[Any]) -> dict[str, Any]:
    """What compress needs besides its name; arrays that must live go to `alive`."""
    if front_end.compress == "minmax":
        alive += [ffi.new("int16_t[]", list(values)) for values in front_end.limits]
        return {"minimum": alive[-2], "maximum": alive[-1]}
    if front_end.compress == "dynamic":
        return {"range": front_end.range_steps}
    return {}


def min_max(values: Iterable[np.ndarray]) -> tuple[list[int], list[int]]:
    """The limits of each band that compress = "minmax" takes.

    Args:
        values: int16 (frames, bands) arrays, extracted with compress = "linear".

    Returns:
        (minimum, maximum) over all frames of all arrays, the minimum below the maximum.

    Raises:
        UserError: There are no frames.
    """
    arrays = [v for v in values if len(v)]
    if not arrays:
        raise UserError("no frames to take minimum and maximum of")
    low = np.min([v.min(axis=0) for v in arrays], axis=0).astype(int)
    high = np.max([v.max(axis=0) for v in arrays], axis=0).astype(int)
    # a band that never moved still needs room
    high = np.minimum(np.maximum(high, low + 1), 32767)
    return np.minimum(low, high - 1).tolist(), high.tolist()


def quantize(values: np.ndarray, q: Quantizer) -> np.ndarray:
    """Quantises features with the chip's code.

    Args:
        values: int16, any shape.
        q: The quantizer.

    Returns:
        int8 of the same shape.
    """
    ffi, lib = features_library()
    values = np.ascontiguousarray(values, dtype=np.int16)
    out = np.empty(values.shape, np.int8)
    lib.features_quantize(
        ffi.new("features_quantizer_t *", vars(q)),
        ffi.cast("const int16_t *", values.ctypes.data),
        ffi.cast("int8_t *", out.ctypes.data),
        values.size,
    )
    return out


def extract_files(
    files: Sequence[Path],
    front_end: FrontEnd,
    workers: int | None = None,
    resample: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Iterable[np.ndarray]:
    """Features of many files, in order, on `workers` threads (the C code runs without the GIL)."""

    def one(path: Path) -> np.ndarray:
        pcm = read_pcm(path, resample)
        features = extract(pcm, front_end)
        if not len(features):
            raise UserError(
                f"{path}: {len(pcm)} samples at {RATE} Hz: one frame takes {front_end.window}"
            )
        return features

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        for done, features in enumerate(pool.map(one, files), 1):
            if progress:
                progress(done)
            yield features

"""Audio front ends: the C of lib/features, called from Python.

Values are the integers the chip computes; `real = value * step(settings)` is what a network sees
in training. Settings are the [features] of a spec or of a model's metadata; `preset` has ready
ones, host/otolith/features/settings.py all keys.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from otolith.audio import RATE, read_pcm
from otolith.errors import UserError
from otolith.features import logmel, spectrogram
from otolith.features.native import features_library
from otolith.features.settings import COMPRESS, PRESETS, checked, module, preset, step
from otolith.features.tables import in_memory

__all__ = ["COMPRESS", "PRESETS", "checked", "preset", "step"]  # from settings, for callers

# Real value of one step of a spectrogram; `step` knows those of every front end.
SCALE = spectrogram.SCALE


@dataclass(frozen=True)
class Quantizer:
    """int16 feature -> int8 network input, in one 32-bit multiply (audio_features.h)."""

    multiplier: int
    shift: int
    zero_point: int


def shape(settings: dict) -> tuple[int, int]:
    """(frames, bands): what a network takes."""
    return settings["frames"], settings["bands"]


def window_samples(settings: dict) -> int:
    """Samples one network window covers."""
    return settings["window"] + (settings["frames"] - 1) * settings["hop"]


def window_bytes(settings: dict) -> int:
    """Bytes of the chip's sliding window (features_rows_bytes)."""
    frames, bands = shape(settings)
    if settings["compress"] == "dynamic":
        return (2 * frames * (bands + 1) + 3) // 4 * 4 + frames * bands
    return 2 * frames * bands


# int8 = (256 * value + 333) / 666 - 128 of TFLM's micro_speech example, exact up to where it clamps
TFLM_INPUT = Quantizer(25191, 16, -128)


def input_quantizer(settings: dict, scale: float, zero_point: int) -> Quantizer:
    """The quantizer between a front end with `settings` and a network's input: by the input's
    scale, or, if settings have input = "tflm", as TFLM's and MLTK's programs do. Networks of theirs
    want that; one trained here has its own scale."""
    if settings.get("input") == "tflm":
        # MLTK's dynamic range ends in int8 whatever the scale; here it ends in 0..255
        return Quantizer(1 << 14, 14, -128) if settings["compress"] == "dynamic" else TFLM_INPUT
    step(settings)
    return quantizer(settings["compress"], scale, zero_point, settings["kind"])


def quantizer(compress: str, scale: float, zero_point: int, kind: str = "spectrogram") -> Quantizer:
    """The quantizer for a network whose input has `scale` and `zero_point`."""
    ratio = module(kind).SCALE[compress] / scale if scale > 0 else 0.0
    shift = 30
    # The largest 15-bit multiplier whose product with 32767 still fits 31 bits.
    while shift > 1 and ratio * 2**shift >= 32767.5:
        shift -= 1
    multiplier = round(ratio * 2**shift) if math.isfinite(ratio) else 0
    if not 1 <= multiplier <= 32767:
        raise UserError(
            f"network input scale {scale:g} does not suit {compress} features: "
            "train with features of this project"
        )
    return Quantizer(multiplier, shift, zero_point)


def frames_in(samples: int, settings: dict) -> int:
    """How many frames `samples` give."""
    return max(0, (samples - settings["window"]) // settings["hop"] + 1)


def extract(pcm: np.ndarray, settings: dict) -> np.ndarray:
    """Features of a clip.

    pcm: int16, 16 kHz. settings: the [features] of a spec or of a model's metadata. Returns int16
    (frames, bands), after compression, before quantising; no frames if shorter than a window.
    compress "dynamic" takes the whole clip as one window.
    """
    return _extract(pcm, settings)[0]


def window(pcm: np.ndarray, settings: dict) -> np.ndarray:
    """Features of a network window that is looked at alone; as `extract`.

    A log-mel front end estimates the noise as it goes and begins with none; on the chip it has
    heard the room before. settings["settle"] frames of that, made of the window's quietest moments,
    go ahead of it here.
    """
    lead = settings.get("settle", 0)
    if not lead:
        return extract(pcm, settings)
    return extract(np.concatenate([room_of(pcm, lead * settings["hop"]), pcm]), settings)[lead:]


def room_of(pcm: np.ndarray, samples: int) -> np.ndarray:
    """`samples` of what a clip sounds like in its quietest quarter, there and back again."""
    block = 800  # 50 ms
    blocks = pcm[: len(pcm) // block * block].reshape(-1, block)
    order = np.argsort(np.square(blocks.astype(np.float64)).sum(1), kind="stable")
    quiet = blocks[np.sort(order[: max(1, len(order) // 4)])].ravel()
    there_and_back = np.concatenate([quiet, quiet[::-1]])
    return np.resize(there_and_back, samples)


def activity(pcm: np.ndarray, settings: dict) -> np.ndarray:
    """For each frame of a clip whether logmel's activity detection tripped in it; bool (frames,).

    Arguments as for `extract`; all False without fe.activity_detection_enable.
    """
    return _extract(pcm, settings)[1]


def _extract(pcm: np.ndarray, settings: dict) -> tuple[np.ndarray, np.ndarray]:
    ffi, lib = features_library()
    checked(settings)
    pcm = np.ascontiguousarray(pcm)
    if pcm.dtype != np.int16 or pcm.ndim != 1:
        raise UserError(f"features need mono int16 samples, not {pcm.dtype} of shape {pcm.shape}")
    front_end = module(settings["kind"])
    frontend = lib.features_find(settings["kind"].encode())
    bands = settings["bands"]
    out = np.empty((frames_in(len(pcm), settings), bands), np.int16)
    active = np.zeros(len(out), bool)
    if not len(out):
        return out, active
    made = front_end.tables(settings)
    tables, alive = (ffi.NULL, []) if made is None else in_memory(ffi, made)
    config = ffi.new(
        "features_config_t *",
        {
            "frontend": frontend,
            "sample_rate": settings["sample_rate"],
            "window": settings["window"],
            "hop": settings["hop"],
            "frames": 1,
            "bands": bands,
            "compress": COMPRESS[settings["compress"]],
            "quantizer": {"multiplier": 1, "shift": 1, "zero_point": 0},
            "tables": tables,
            **limits(ffi, settings, alive),
        },
    )
    count = lib.features_extract(
        config,
        ffi.cast("const int16_t *", pcm.ctypes.data),
        len(pcm),
        ffi.cast("int16_t *", out.ctypes.data),
        ffi.cast("bool *", active.ctypes.data),
    )
    del alive  # until here the C code reads it
    if count != len(out):
        raise UserError(
            f"front end {settings['kind']} does not take window {settings['window']}, hop "
            f"{settings['hop']}, bands {bands}"
        )
    return out, active


def limits(ffi: Any, settings: dict, alive: list) -> dict:
    """What compress needs besides its name; arrays that must live go to `alive`."""
    if settings["compress"] == "minmax":
        alive += [ffi.new("int16_t[]", settings[name]) for name in ("minimum", "maximum")]
        return {"minimum": alive[-2], "maximum": alive[-1]}
    if settings["compress"] == "dynamic":
        return {"range": logmel.dynamic_range(settings)}
    return {}


def min_max(values: Iterable[np.ndarray]) -> tuple[list[int], list[int]]:
    """minimum and maximum for compress "minmax": of each band over all frames of all arrays, which
    were extracted with compress "linear"."""
    arrays = [v for v in values if len(v)]
    if not arrays:
        raise UserError("no frames to take minimum and maximum of")
    low = np.min([v.min(axis=0) for v in arrays], axis=0).astype(int)
    high = np.max([v.max(axis=0) for v in arrays], axis=0).astype(int)
    # a band that never moved still needs room
    high = np.minimum(np.maximum(high, low + 1), 32767)
    return np.minimum(low, high - 1).tolist(), high.tolist()


def quantize(values: np.ndarray, q: Quantizer) -> np.ndarray:
    """int16 features -> int8, as the chip does it."""
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
    settings: dict,
    workers: int | None = None,
    resample: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Iterable[np.ndarray]:
    """Features of many files, in order, on `workers` threads (the C code runs without the GIL)."""

    def one(path: Path) -> np.ndarray:
        pcm = read_pcm(path, resample)
        features = extract(pcm, settings)
        if not len(features):
            raise UserError(
                f"{path}: {len(pcm)} samples at {RATE} Hz: one frame takes {settings['window']}"
            )
        return features

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        for done, features in enumerate(pool.map(one, files), 1):
            if progress:
                progress(done)
            yield features

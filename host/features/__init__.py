"""Audio front ends: the C of lib/features, called from Python.

Values are the integers the chip computes; `real = value * SCALE[compress]` is what a network sees
in training.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host.errors import UserError
from host.features.native import features_library

RATE = 16000  # Hz
COMPRESS = {"linear": 0, "log2": 1}
# Real value of one step of a feature.
SCALE = {"linear": 1 / 32768, "log2": 1 / 1024}


@dataclass(frozen=True)
class Quantizer:
    """int16 feature -> int8 network input, in one 32-bit multiply (audio_features.h)."""

    multiplier: int
    shift: int
    zero_point: int


def quantizer(compress: str, scale: float, zero_point: int) -> Quantizer:
    """The quantizer for a network whose input has `scale` and `zero_point`."""
    ratio = SCALE[compress] / scale
    shift = 30
    # The largest 15-bit multiplier whose product with 32767 still fits 31 bits.
    while shift > 1 and round(ratio * 2**shift) > 32767:
        shift -= 1
    multiplier = round(ratio * 2**shift)
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
    """
    ffi, lib = features_library()
    pcm = np.ascontiguousarray(pcm)
    if pcm.dtype != np.int16 or pcm.ndim != 1:
        raise UserError(f"features need mono int16 samples, not {pcm.dtype} of shape {pcm.shape}")
    frontend = lib.features_find(settings["kind"].encode())
    if frontend == ffi.NULL:
        raise UserError(f"unknown front end {settings['kind']!r}")
    bands = settings["bands"]
    out = np.empty((frames_in(len(pcm), settings), bands), np.int16)
    if not len(out):
        return out
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
        },
    )
    count = lib.features_extract(
        config,
        ffi.cast("const int16_t *", pcm.ctypes.data),
        len(pcm),
        ffi.cast("int16_t *", out.ctypes.data),
    )
    if count != len(out):
        raise UserError(
            f"front end {settings['kind']} does not take window {settings['window']}, hop "
            f"{settings['hop']}, bands {bands}"
        )
    return out


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


def read_pcm(path: Path | str, resample: bool = False) -> np.ndarray:
    """A sound file as int16 mono at 16 kHz; with `resample`, from any rate and channel count.

    Without it, anything but 16 kHz, 16 bit, mono is refused: what is trained on must be what was
    recorded.
    """
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            rate, channels, subtype = file.samplerate, file.channels, file.subtype
            data = file.read(dtype="float64" if resample else "int16", always_2d=True)
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        reason = str(error).partition(": ")[2] or str(error)
        raise UserError(f"{path}: not a sound file that can be read: {reason}") from error
    if not len(data):
        raise UserError(f"{path}: no samples in it")
    if not resample:
        if (rate, channels, subtype) != (RATE, 1, "PCM_16"):
            raise UserError(
                f"{path}: {rate} Hz, {channels} channel(s), {subtype}: need {RATE} Hz, mono, "
                "PCM_16 (or ask for resampling)"
            )
        return data[:, 0]
    mono = data.mean(axis=1)
    if rate != RATE:
        import soxr

        mono = soxr.resample(mono, rate, RATE, quality="VHQ")
    return np.clip(np.round(mono * 32768), -32768, 32767).astype(np.int16)


def extract_files(
    files: Sequence[Path],
    settings: dict,
    workers: int | None = None,
    resample: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Iterable[np.ndarray]:
    """Features of many files, in order, on `workers` threads (the C code runs without the GIL)."""

    def one(path: Path) -> np.ndarray:
        return extract(read_pcm(path, resample), settings)

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        for done, features in enumerate(pool.map(one, files), 1):
            if progress:
                progress(done)
            yield features

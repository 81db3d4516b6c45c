"""Audio front ends: the C code of lib/features, called from Python.

Features are the same integers that the chip computes. In training, a network sees
`value * front_end.step`. The settings are an `otolith.settings.features.FrontEnd`. It comes from
the [features] section of a spec, from a model's metadata or from `preset`.
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
from otolith.farm import map_tasks
from otolith.features.native import features_library
from otolith.features.tables import Struct, in_memory
from otolith.places import local, portable
from otolith.settings.features import COMPRESS, FrontEnd, preset
from otolith.settings.front_ends.presets import PRESETS
from otolith.settings.registries import attribute

__all__ = ["COMPRESS", "PRESETS", "preset"]  # re-exported from settings

# kind -> "module:function" that computes the tables for the C code
TABLES = {
    "spectrogram": "otolith.features.spectrogram:tables",
    "mfcc": "otolith.features.mfcc:tables",
    "logmel": "otolith.features.logmel:tables",
    "lfbe": "otolith.features.lfbe:tables",
}

FILES = 16  # sounds of one task of a cluster


@dataclass(frozen=True)
class Quantizer:
    """Converts int16 features to int8 network input with one 32-bit multiplication.

    lib/features/src/audio_features.h defines the arithmetic.
    """

    multiplier: int
    shift: int
    zero_point: int


def tables_of(front_end: FrontEnd) -> Struct | None:
    """Computes the tables that lib/features needs for a front end. None: it needs none.

    Raises:
        UserError: lib/features does not support these settings.
    """
    make: Callable[[FrontEnd], Struct | None] = attribute(TABLES[front_end.kind])
    return make(front_end.checked())


# TFLM's micro_speech example: int8 = (256 * value + 333) / 666 - 128. Exact for values that it does
# not clamp.
TFLM_INPUT = Quantizer(25191, 16, -128)


def input_quantizer(front_end: FrontEnd, scale: float, zero_point: int) -> Quantizer:
    """Makes the quantizer between a front end and a network's input.

    For networks trained here, the quantizer follows from the scale and zero point of the input.
    Networks for the front ends of TFLM or MLTK get the fixed conversion of those programs.

    Args:
        front_end: The front end.
        scale: Real value of one step of the network's input.
        zero_point: Value of the network's input that represents 0.

    Raises:
        UserError: The chip's quantizer can't represent this scale.
    """
    if front_end.input_of_tflm:
        # MLTK's dynamic range always yields int8. Here it yields 0 to 255.
        return Quantizer(1 << 14, 14, -128) if front_end.compress == "dynamic" else TFLM_INPUT
    ratio = front_end.step / scale if scale > 0 else 0.0
    shift = 30
    # The largest multiplier whose product with 32767 still fits 31 bits. Networks trained here have
    # always had 15 bits.
    most = 65535 if front_end.input_nearest else 32767
    while shift > 1 and ratio * 2**shift >= most + 0.5:
        shift -= 1
    multiplier = round(ratio * 2**shift) if math.isfinite(ratio) else 0
    if not 1 <= multiplier <= most:
        raise UserError(
            f"network input scale {scale:g} does not fit {front_end.compress} features: "
            "train with features of this project"
        )
    return Quantizer(multiplier, shift, zero_point)


def extract(pcm: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """Computes the features of a clip.

    Args:
        pcm: int16 samples at 16 kHz, mono.
        front_end: The front end. With compress = "dynamic", the whole clip counts as one window.

    Returns:
        int16 array of shape (frames, bands), compressed but not quantised. It has no frames if the
        clip is shorter than one frame's window.

    Raises:
        UserError: lib/features does not support these samples or settings.
    """
    return _extract(pcm, front_end)[0]


def window(pcm: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """Computes the features of a single network window, separate from any recording.

    A log-mel front end tracks the background noise and starts without an estimate. On the chip it
    has already heard the room. Here it first hears `settle` frames, made from the quietest parts
    of the window. Arguments, result and errors are those of `extract`.
    """
    lead = front_end.lead_frames
    if not lead:
        return extract(pcm, front_end)
    return extract(np.concatenate([room_of(pcm, lead * front_end.hop), pcm]), front_end)[lead:]


def room_of(pcm: np.ndarray, samples: int) -> np.ndarray:
    """Makes background sound from the quietest quarter of a clip.

    The quiet parts are played forwards, then backwards, and so on.

    Args:
        pcm: int16 samples.
        samples: Number of samples to make.

    Returns:
        int16 array of shape (samples,).
    """
    block = 800  # 50 ms
    blocks = pcm[: len(pcm) // block * block].reshape(-1, block)
    order = np.argsort(np.square(blocks.astype(np.float64)).sum(1), kind="stable")
    quiet = blocks[np.sort(order[: max(1, len(order) // 4)])].ravel()
    there_and_back = np.concatenate([quiet, quiet[::-1]])
    return np.resize(there_and_back, samples)


def activity(pcm: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """Tells in which frames of a clip the front end detected activity.

    Args:
        pcm: int16 samples at 16 kHz, mono.
        front_end: The front end. Without activity detection, all frames are False.

    Returns:
        bool array of shape (frames,).
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
    del alive  # the C code reads these objects up to here
    if count != len(out):
        raise UserError(
            f"front end {front_end.kind} does not support window {front_end.window}, hop "
            f"{front_end.hop}, bands {front_end.bands}"
        )
    return out, active


def _limits(ffi: cffi.FFI, front_end: FrontEnd, alive: list[Any]) -> dict[str, Any]:
    """Settings of the compression; arrays that must outlive the call are added to `alive`."""
    if front_end.compress == "minmax":
        alive += [ffi.new("int16_t[]", list(values)) for values in front_end.limits]
        return {"minimum": alive[-2], "maximum": alive[-1]}
    if front_end.compress == "dynamic":
        return {"range": front_end.range_steps}
    return {}


def min_max(values: Iterable[np.ndarray]) -> tuple[list[int], list[int]]:
    """Computes the limits of each band for compress = "minmax".

    Args:
        values: int16 arrays of shape (frames, bands), extracted with compress = "linear".

    Returns:
        (minimum, maximum) of each band over all frames of all arrays. Each minimum is below its
        maximum.

    Raises:
        UserError: There are no frames.
    """
    arrays = [v for v in values if len(v)]
    if not arrays:
        raise UserError("there are no frames to compute minimum and maximum from")
    low = np.min([v.min(axis=0) for v in arrays], axis=0).astype(int)
    high = np.max([v.max(axis=0) for v in arrays], axis=0).astype(int)
    # a constant band also needs a range
    high = np.minimum(np.maximum(high, low + 1), 32767)
    return np.minimum(low, high - 1).tolist(), high.tolist()


def quantize(values: np.ndarray, q: Quantizer) -> np.ndarray:
    """Quantises features with the chip's C code.

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
    scheduler: str | None = None,
) -> Iterable[np.ndarray]:
    """Computes the features of many files in parallel; the C code runs without the GIL.

    Args:
        files: Sound files.
        front_end: The front end.
        workers: Number of threads. None: one per core.
        resample: Whether to accept any sample rate and channel count.
        progress: Called with the number of finished files.
        scheduler: Address of a Dask scheduler (otolith.farm) to use instead of threads.

    Yields:
        int16 array of shape (frames, bands) for each file, in the order of `files`.

    Raises:
        UserError: A file can't be read or is shorter than one frame.
    """

    def counted(rows: Iterable[np.ndarray]) -> Iterable[np.ndarray]:
        for done, features in enumerate(rows, 1):
            if progress:
                progress(done)
            yield features

    if scheduler is not None:
        tasks = [
            _Files(tuple(portable(f) for f in files[at : at + FILES]), front_end, resample)
            for at in range(0, len(files), FILES)
        ]
        parts = map_tasks(_of_files, tasks, scheduler=scheduler)
        yield from counted(row for part in parts for row in part)
        return
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        yield from counted(pool.map(lambda path: _of_file(path, front_end, resample), files))


@dataclass(frozen=True)
class _Files:
    """A task of a cluster. files: For otolith.places.local()."""

    files: tuple[str, ...]
    front_end: FrontEnd
    resample: bool


def _of_files(task: _Files) -> list[np.ndarray]:
    return [_of_file(local(file), task.front_end, task.resample) for file in task.files]


def _of_file(path: Path, front_end: FrontEnd, resample: bool) -> np.ndarray:
    """The features of a file. UserError if it can't be read or is shorter than one frame."""
    pcm = read_pcm(path, resample)
    features = extract(pcm, front_end)
    if not len(features):
        raise UserError(
            f"{path}: {len(pcm)} samples at {RATE} Hz: one frame needs {front_end.window}"
        )
    return features

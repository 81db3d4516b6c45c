"""TFLM's original audio front end: the C++ of the pymicro-features source distribution.

Unlike its wheel, it accepts any settings.
"""

import subprocess
import tempfile
from functools import cache
from pathlib import Path

import cffi
import numpy as np

from otolith import native
from otolith.features import logmel
from otolith.native.sources import TFLM_FLAGS, TFLM_LIB
from otolith.paths import TFLM_FRONTEND

FOLDER = TFLM_FRONTEND / "tensorflow/lite/experimental/microfrontend/lib"
NOT = ("_main", "_test", "_io", "_generator")
HEADERS = (f"{TFLM_LIB}/frontend_util.h", f"{TFLM_LIB}/frontend.h", *logmel.HEADERS)


@cache
def library():
    """Build the C++ sources. Returns (ffi, lib)."""
    folder = Path(tempfile.mkdtemp())
    files = [f for f in FOLDER.glob("*.cc") if not f.stem.endswith(NOT)]
    include = [TFLM_FRONTEND, TFLM_FRONTEND / "kissfft"]
    command = ["g++", "-O2", "-fPIC", "-shared", "-ffp-contract=off", "-w"]
    command += [*(f"-I{i}" for i in include), *map(str, files), "-o", str(folder / "tflm.so")]
    subprocess.run(command, check=True)
    ffi = cffi.FFI()
    ffi.cdef(native.cdef("tflm-frontend", HEADERS, include, TFLM_FLAGS))
    return ffi, ffi.dlopen(str(folder / "tflm.so"))


def run(pcm, settings):
    """Features of a clip, uint16 (frames, bands)."""
    ffi, lib = library()
    fe = settings.fe
    ms = settings.sample_rate // 1000
    config = ffi.new(
        "struct FrontendConfig *",
        {
            "window": [settings.window // ms, settings.hop // ms],
            "filterbank": {
                "num_channels": settings.bands,
                "upper_band_limit": fe.filterbank_upper_band_limit,
                "lower_band_limit": fe.filterbank_lower_band_limit,
            },
            "noise_reduction": {
                key: getattr(fe, f"noise_reduction_{key}")
                for key in (
                    "smoothing_bits",
                    "even_smoothing",
                    "odd_smoothing",
                    "min_signal_remaining",
                )
            },
            "pcan_gain_control": [
                int(fe.pcan_enable),
                *(getattr(fe, f"pcan_{key}") for key in ("strength", "offset", "gain_bits")),
            ],
            "log_scale": [int(fe.log_scale_enable), fe.log_scale_shift],
        },
    )
    state = ffi.new("struct FrontendState *")
    assert lib.FrontendPopulateState(config, state, settings.sample_rate)
    frames, at, read = [], 0, ffi.new("size_t *")
    samples = ffi.from_buffer("int16_t[]", np.ascontiguousarray(pcm))
    while at < len(pcm):
        out = lib.FrontendProcessSamples(state, samples + at, len(pcm) - at, read)
        at += read[0]
        if out.size:
            frames.append(np.frombuffer(ffi.buffer(out.values, 2 * out.size), np.uint16).copy())
    lib.FrontendFreeStateContents(state)
    return np.array(frames, np.uint16).reshape(-1, settings.bands)

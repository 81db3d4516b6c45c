"""TFLM's audio front end as its own authors build it: the C++ of the pymicro-features source
distribution, with any settings."""

import subprocess
import tempfile
from functools import cache
from pathlib import Path

import cffi
import numpy as np

from otolith.features import logmel
from otolith.paths import TFLM_FRONTEND

FOLDER = TFLM_FRONTEND / "tensorflow/lite/experimental/microfrontend/lib"
NOT = ("_main", "_test", "_io", "_generator")
CDEF = """
struct LogScaleConfig { int enable_log; int scale_shift; };
struct LogScaleState { int enable_log; int scale_shift; };
struct complex_int16_t { int16_t real, imag; };
struct FftState {
    int16_t *input; struct complex_int16_t *output; size_t fft_size, input_size; void *scratch;
    size_t scratch_size;
};
struct FrontendConfig {
    struct WindowConfig window; struct FilterbankConfig filterbank;
    struct NoiseReductionConfig noise_reduction; struct PcanGainControlConfig pcan_gain_control;
    struct LogScaleConfig log_scale;
};
struct FrontendState {
    struct WindowState window; struct FftState fft; struct FilterbankState filterbank;
    struct NoiseReductionState noise_reduction; struct PcanGainControlState pcan_gain_control;
    struct LogScaleState log_scale;
};
struct FrontendOutput { const uint16_t *values; size_t size; };
int FrontendPopulateState(const struct FrontendConfig *, struct FrontendState *, int sample_rate);
void FrontendFreeStateContents(struct FrontendState *);
struct FrontendOutput FrontendProcessSamples(struct FrontendState *, const int16_t *, size_t,
                                             size_t *);
"""


@cache
def library():
    """(ffi, lib) of the C++ sources."""
    folder = Path(tempfile.mkdtemp())
    files = [f for f in FOLDER.glob("*.cc") if not f.stem.endswith(NOT)]
    include = [TFLM_FRONTEND, TFLM_FRONTEND / "kissfft"]
    command = ["g++", "-O2", "-fPIC", "-shared", "-ffp-contract=off", "-w"]
    command += [*(f"-I{i}" for i in include), *map(str, files), "-o", str(folder / "tflm.so")]
    subprocess.run(command, check=True)
    ffi = cffi.FFI()
    ffi.cdef(logmel.CDEF + CDEF)
    return ffi, ffi.dlopen(str(folder / "tflm.so"))


def run(pcm, settings):
    """uint16 (frames, bands) of a clip."""
    ffi, lib = library()
    fe = settings["fe"]
    ms = settings["sample_rate"] // 1000
    config = ffi.new(
        "struct FrontendConfig *",
        {
            "window": [settings["window"] // ms, settings["hop"] // ms],
            "filterbank": {
                "num_channels": settings["bands"],
                "upper_band_limit": fe["filterbank_upper_band_limit"],
                "lower_band_limit": fe["filterbank_lower_band_limit"],
            },
            "noise_reduction": {
                key: fe[f"noise_reduction_{key}"]
                for key in (
                    "smoothing_bits",
                    "even_smoothing",
                    "odd_smoothing",
                    "min_signal_remaining",
                )
            },
            "pcan_gain_control": [
                int(fe["pcan_enable"]),
                *(fe[f"pcan_{key}"] for key in ("strength", "offset", "gain_bits")),
            ],
            "log_scale": [int(fe["log_scale_enable"]), fe["log_scale_shift"]],
        },
    )
    state = ffi.new("struct FrontendState *")
    assert lib.FrontendPopulateState(config, state, settings["sample_rate"])
    frames, at, read = [], 0, ffi.new("size_t *")
    samples = ffi.from_buffer("int16_t[]", np.ascontiguousarray(pcm))
    while at < len(pcm):
        out = lib.FrontendProcessSamples(state, samples + at, len(pcm) - at, read)
        at += read[0]
        if out.size:
            frames.append(np.frombuffer(ffi.buffer(out.values, 2 * out.size), np.uint16).copy())
    lib.FrontendFreeStateContents(state)
    return np.array(frames, np.uint16).reshape(-1, settings["bands"])

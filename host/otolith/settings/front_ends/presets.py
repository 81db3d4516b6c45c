"""Ready front ends by name: `[features] preset = "keyword"`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Limits of 23 coefficients from 23 filters, in steps of 1/128 (q8.7). 99.8 % of the frames of 129
# real recordings of environment and speech keep to them, digital silence aside.
_MFCC_LIMITS: dict[str, Any] = {
    "compress": "minmax",
    "minimum": (
        *(-3500, -1100, -1400, -640, -580, -560, -490, -570, -300, -270, -350, -350),
        *(-320, -370, -330, -260, -240, -270, -200, -160, -190, -150, -180),
    ),
    "maximum": (
        *(3500, 2500, 600, 1070, 540, 410, 450, 350, 410, 460, 320, 350),
        *(330, 280, 240, 270, 220, 220, 170, 200, 170, 180, 160),
    ),
}
# SensiML's tutorials give window, hop, coefficients and frames of the first two. The 23 mel filters
# and their limits are this project's.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    # SensiML, smart lock: 40 frames a second, a cascade of 15
    "smart_lock": {
        "kind": "mfcc",
        "window": 400,
        "hop": 400,
        "bands": 20,
        "frames": 15,
        **_MFCC_LIMITS,
    },
    # SensiML, keyword spotting: a cascade of 49
    "keyword": {
        "kind": "mfcc",
        "window": 480,
        "hop": 320,
        "bands": 23,
        "frames": 49,
        **_MFCC_LIMITS,
    },
    # TensorFlow Lite Micro's micro_speech, and MLTK's tflite_micro_speech
    "micro_speech": {
        "kind": "logmel",
        "fe": {
            "window_size_ms": 30,
            "window_step_ms": 20,
            "sample_length_ms": 1000,
            "filterbank_n_channels": 40,
            "filterbank_lower_band_limit": 125.0,
            "filterbank_upper_band_limit": 7500.0,
            "noise_reduction_enable": True,
            "pcan_enable": True,
        },
    },
    # MLTK's keyword_spotting_on_off
    "on_off": {
        "kind": "logmel",
        "fe": {
            "window_size_ms": 30,
            "window_step_ms": 10,
            "sample_length_ms": 1000,
            "filterbank_n_channels": 104,
            "filterbank_lower_band_limit": 125.0,
            "filterbank_upper_band_limit": 7500.0,
            "noise_reduction_enable": True,
            "noise_reduction_min_signal_remaining": 0.4,
            "dc_notch_filter_enable": True,
            "quantize_dynamic_scale_enable": True,
        },
    },
    # MLPerf Tiny's streaming wake word
    "streaming_wakeword": {"kind": "lfbe", "frames": 30},
}

"""A model of Silicon Labs' MLTK as one of ours: its parameters as the metadata this project reads.

MLTK's audio classifier has one threshold for all classes, in 255ths, and times where [detect] and
[deploy] count hops; its classes with a leading underscore never make an event. What its programs do
beyond that (volume gain, the LEDs) is theirs.
"""

from __future__ import annotations

import re
from typing import Any

from otolith.errors import UserError, short
from otolith.features.mltk_settings import features_of, read_mltk

MOST_HOPS = 32  # detect.h: hops averaged


def _milliseconds(parameters: dict[str, Any], key: str, default: int) -> int:
    value = parameters.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100_000:
        raise UserError(f"its MLTK parameter {key} is {short(repr(value))}, not 0 to 100000 ms")
    return value


def mltk_metadata(data: bytes) -> dict[str, Any] | None:
    """Metadata (otolith.compile.metadata) of a .tflite that carries MLTK's parameters for audio, or
    None if it carries none. UserError if they are damaged or ask for what nothing here does."""
    parameters = read_mltk(data)
    if parameters is None or not any(key.startswith("fe.") for key in parameters):
        return None
    classes = parameters.get("classes")
    if not isinstance(classes, list) or not classes:
        raise UserError("its MLTK parameters name no classes")
    features = features_of(parameters)
    hop_ms = 1000 * features["hop"] / features["sample_rate"]
    latency = _milliseconds(parameters, "latency_ms", 100)
    hop_frames = max(1, min(features["frames"], round(latency / hop_ms)))
    decision_ms = hop_frames * hop_ms
    averaged = _milliseconds(parameters, "average_window_duration_ms", 1000)
    smoothing = max(1, min(MOST_HOPS, round(averaged / decision_ms)))
    count = parameters.get("minimum_count", 3)
    if isinstance(count, bool) or not isinstance(count, int):
        raise UserError(f"its MLTK parameter minimum_count is {short(repr(count))}, not a number")
    threshold = parameters.get("detection_threshold", 185)
    if isinstance(threshold, bool) or not isinstance(threshold, int) or not 1 <= threshold <= 255:
        raise UserError(f"its MLTK detection_threshold is {short(repr(threshold))}, not 1 to 255")
    suppression = _milliseconds(parameters, "suppression_ms", 1500)
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", str(parameters.get("name", "mltk")))[:40] or "mltk"
    return {
        "format": 1,
        "name": name,
        "description": "a model of MLTK",
        "classes": classes,
        "features": features,
        "detect": {
            "thresholds": {c: threshold / 255 for c in classes if not c.startswith("_")},
            "gate": 0,
            "smoothing": smoothing,
            "minimum_count": max(1, min(count, smoothing)),
            "suppression_hops": min(65535, round(suppression / decision_ms)),
        },
        "deploy": {"hop_frames": hop_frames},
    }

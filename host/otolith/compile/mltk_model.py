"""A model of Silicon Labs' MLTK as one of this project: its parameters become our metadata.

MLTK keeps a model's parameters in the .tflite's metadata, entry SL_PARAMSv1: a flatbuffer of keys
and typed values (its dictionary.fbs). The keys of its AudioFeatureGenerator begin with "fe.".

MLTK's audio classifier has one threshold for all classes, in 255ths, and times where [detect] and
[deploy] count hops. Its classes with a leading underscore never make an event. What its programs do
beyond that (volume gain, the LEDs) is not taken over.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from otolith.compile.flatbuffer import Buffer, Table, named_metadata
from otolith.errors import UserError, short
from otolith.settings.deploy import Deploy
from otolith.settings.detect import MOST_SMOOTHING, Detect
from otolith.settings.features import FrontEnd, read_features
from otolith.settings.front_ends.logmel import MLTK, Logmel
from otolith.settings.metadata import Metadata
from otolith.settings.model import MOST_CLASSES
from otolith.settings.problems import Problems

MLTK_NAME = "SL_PARAMSv1"
SCALARS = {
    1: "?",
    2: "b",
    3: "B",
    4: "h",
    5: "H",
    6: "i",
    7: "I",
    8: "q",
    9: "Q",
    10: "f",
    11: "d",
}
STRING, STRINGS, INTEGERS, FLOATS, BINARY = 12, 13, 14, 15, 16


def read_mltk(data: bytes) -> dict[str, Any] | None:
    """MLTK's parameters in a .tflite.

    Args:
        data: The file's bytes.

    Returns:
        Value by key, such as "fe.window_size_ms"; None if the file carries none.

    Raises:
        UserError: The file is no .tflite, or damaged.
    """
    held_bytes = named_metadata(data, MLTK_NAME)
    if held_bytes is None:
        return None
    root = Buffer(held_bytes).root()
    version = root.number(0, "B")
    if version != 1:
        raise UserError(f"MLTK parameters of version {version}: only 1 is known")

    def value(item: Table) -> Any:
        kind, held = item.number(1, "B"), item.table(2)
        if held is None:
            raise UserError(f"damaged model: MLTK parameter {short(item.text(0))} has no value")
        if kind in SCALARS:
            found = held.number(0, SCALARS[kind])
            # MLTK stores 0.05 as a float32: the shortest decimal that reads back as it
            return float(f"{found:.7g}") if kind == 10 else found
        if kind == STRING:
            return held.text(0)
        if kind in (INTEGERS, FLOATS):
            return list(held.numbers(0, "i" if kind == INTEGERS else "f"))
        if kind == BINARY:
            return held.bytes(0)
        if kind == STRINGS:
            return held.texts(0)
        return None

    return {item.text(0): value(item) for item in root.tables(1)}


def features_of(parameters: dict[str, Any]) -> FrontEnd:
    """The front end of a model with MLTK's parameters.

    Args:
        parameters: From `read_mltk`.

    Raises:
        UserError: The model has none, or one that no front end here computes.
    """
    fe = {k.removeprefix("fe."): v for k, v in parameters.items() if k.startswith("fe.")}
    if not fe:
        raise UserError("its MLTK parameters hold no fe. settings: it listens to no audio")
    for key in ("samplewise_norm.rescale", "samplewise_norm.mean_and_std"):
        if parameters.get(key):
            raise UserError(
                f"{key} = {short(parameters[key])}: samplewise normalising is not supported"
            )
    defaults = {key: value for key, value in MLTK.items() if key != "fft_length"}
    problems = Problems()
    section = problems.section("features")
    front_end = read_features({"kind": "logmel", "fe": {**defaults, **fe}}, section)
    if isinstance(front_end, Logmel):
        front_end.check_supported(section)
    if problems.found:
        raise UserError(f"its MLTK parameters: {problems.found[0].text}")
    assert isinstance(front_end, Logmel)
    # MLTK's and TFLM's programs fill the network's input by their own rule, whatever its scale
    return replace(front_end, input="tflm")


def _whole(parameters: dict[str, Any], key: str, default: int, low: int, high: int) -> int:
    value = parameters.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UserError(f"its MLTK {key} is {short(repr(value))}, not {low} to {high}")
    return value


def mltk_metadata(data: bytes) -> Metadata | None:
    """Metadata of a .tflite that carries MLTK's parameters for audio.

    Args:
        data: The file's bytes.

    Returns:
        The metadata; None if the file carries no such parameters.

    Raises:
        UserError: They are damaged, or ask for what nothing here does.
    """
    parameters = read_mltk(data)
    if parameters is None or not any(key.startswith("fe.") for key in parameters):
        return None
    classes = parameters.get("classes")
    if not isinstance(classes, list) or not 1 <= len(classes) <= MOST_CLASSES:
        raise UserError(f"its MLTK parameters name no list of 1 to {MOST_CLASSES} classes")
    features = features_of(parameters)
    latency = _whole(parameters, "latency_ms", 100, 0, 100_000)
    hop_frames = max(1, min(features.frames, round(latency / features.hop_ms)))
    decision_ms = hop_frames * features.hop_ms
    averaged = _whole(parameters, "average_window_duration_ms", 1000, 0, 100_000)
    smoothing = max(1, min(MOST_SMOOTHING, round(averaged / decision_ms)))
    count = _whole(parameters, "minimum_count", 3, -(2**31), 2**31)
    threshold = _whole(parameters, "detection_threshold", 185, 1, 255)
    suppression = _whole(parameters, "suppression_ms", 1500, 0, 100_000)
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", str(parameters.get("name", "mltk")))[:40] or "mltk"
    detect = Detect(
        {label: threshold / 255 for label in classes if not label.startswith("_")},
        smoothing=smoothing,
        minimum_count=max(1, min(count, smoothing)),
        suppression_hops=min(65535, round(suppression / decision_ms)),
    )
    deploy = Deploy(hop_frames)
    return Metadata(features, detect, deploy, tuple(classes), name, "a model of MLTK")

"""MLTK's audio settings: their names and defaults, and reading them from a .tflite.

MLTK (Silicon Labs) keeps a model's parameters in the .tflite's metadata, entry SL_PARAMSv1: a
flatbuffer of keys and typed values (its dictionary.fbs). The keys of its AudioFeatureGenerator
begin with "fe."; here they stand without.
"""

from __future__ import annotations

import math
from typing import Any

from otolith.errors import UserError, short

NAME = "SL_PARAMSv1"
DEFAULTS: dict[str, Any] = {
    "sample_rate_hz": 16000,
    "sample_length_ms": 1000,
    "window_size_ms": 25,
    "window_step_ms": 10,
    "filterbank_n_channels": 32,
    "filterbank_upper_band_limit": 7500.0,
    "filterbank_lower_band_limit": 125.0,
    "noise_reduction_enable": False,
    "noise_reduction_smoothing_bits": 10,
    "noise_reduction_even_smoothing": 0.025,
    "noise_reduction_odd_smoothing": 0.06,
    "noise_reduction_min_signal_remaining": 0.05,
    "pcan_enable": False,
    "pcan_strength": 0.95,
    "pcan_offset": 80.0,
    "pcan_gain_bits": 21,
    "log_scale_enable": True,
    "log_scale_shift": 6,
    "activity_detection_enable": False,
    "activity_detection_alpha_a": 0.5,
    "activity_detection_alpha_b": 0.8,
    "activity_detection_arm_threshold": 0.75,
    "activity_detection_trip_threshold": 0.8,
    "dc_notch_filter_enable": False,
    "dc_notch_filter_coefficient": 0.95,
    "quantize_dynamic_scale_enable": False,
    "quantize_dynamic_scale_range_db": 40.0,
    "fft_length": 0,  # follows from the window
}
# Those a [features] section says in keys all kinds have: sample_rate, window, hop, frames, bands,
# compress.
SIZES = {
    "sample_rate_hz",
    "sample_length_ms",
    "window_size_ms",
    "window_step_ms",
    "filterbank_n_channels",
    "quantize_dynamic_scale_enable",
    "fft_length",
}


def checked(fe: object) -> dict[str, Any]:
    """Settings by their names without "fe.", each of its type; UserError that begins with the
    key."""
    if not isinstance(fe, dict):
        raise UserError(f"fe: a table of MLTK's settings, not {short(repr(fe))}")
    result = {}
    for key, value in fe.items():
        if key not in DEFAULTS:
            import difflib

            close = difflib.get_close_matches(str(key), list(DEFAULTS), 1)
            hint = f": did you mean fe.{close[0]}?" if close else ""
            raise UserError(f"fe.{short(key)}: MLTK has no such setting{hint}")
        kind = type(DEFAULTS[key])
        if kind is bool and value in (0, 1):  # the .tflite's and TOML's ways
            result[key] = bool(value)
            continue
        good = isinstance(value, int | float) and not isinstance(value, bool) and kind is not bool
        if not good or not math.isfinite(value) or (kind is int and value != int(value)):
            raise UserError(f"fe.{key} = {short(repr(value))}: must be {kind.__name__}")
        result[key] = kind(value)
    return result


def from_fe(fe: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """The keys of a logmel [features] section that MLTK's settings give, `fe` complete in it.

    fe: settings without "fe.", any of them. said: what the section says in its own keys, which must
    not contradict. UserError that begins with the key.
    """
    fe = checked(fe)
    result: dict[str, Any] = {}
    rate = fe.get("sample_rate_hz", said.get("sample_rate", 16000))
    if not isinstance(rate, int) or not 1 <= rate <= 65535:
        raise UserError(f"sample_rate = {short(repr(rate))}: must be 1 to 65535")
    if "sample_rate_hz" in fe:
        result["sample_rate"] = rate
    for name, key in (("window_size_ms", "window"), ("window_step_ms", "hop")):
        if name in fe:
            result[key] = fe[name] * rate // 1000
    if "filterbank_n_channels" in fe:
        result["bands"] = fe["filterbank_n_channels"]
    if "quantize_dynamic_scale_enable" in fe:
        result["compress"] = "dynamic" if fe["quantize_dynamic_scale_enable"] else "linear"
    sizes = {"window": 400, "hop": 160, **said, **result}
    window, hop = sizes["window"], sizes["hop"]
    if "sample_length_ms" in fe and isinstance(window, int) and isinstance(hop, int) and hop > 0:
        result["frames"] = (fe["sample_length_ms"] * rate // 1000 - window) // hop + 1
    for key, value in result.items():
        if said.get(key, value) != value and not (key == "compress" and said[key] == "minmax"):
            raise UserError(f"{key} = {short(repr(said[key]))}: fe settings say {value}")
    if fe.get("fft_length") and isinstance(window, int):
        length = 1 << max(0, window - 1).bit_length()
        if fe["fft_length"] != length:
            raise UserError(
                f"fe.fft_length = {fe['fft_length']}: a window of {window} has {length}"
            )
    rest = {key: value for key, value in DEFAULTS.items() if key not in SIZES}
    result["fe"] = {**rest, **{key: value for key, value in fe.items() if key not in SIZES}}
    return result


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
    """MLTK's parameters of a .tflite, or None if it carries none. UserError if damaged."""
    from otolith.compile.flatbuffer import Buffer, Table

    if len(data) < 16 or data[4:8] != b"TFL3":
        raise UserError("not a .tflite model: no TFL3 identifier at byte 4")
    model = Buffer(data).root()
    for entry in model.tables(6):
        if entry.text(0) != NAME:
            continue
        buffers = model.tables(4)
        number = entry.number(1, "I")
        if number >= len(buffers):
            raise UserError(f"damaged model: metadata in buffer {number} of {len(buffers)}")
        root = Buffer(buffers[number].bytes(0)).root()
        version = root.number(0, "B")
        if version != 1:
            raise UserError(f"MLTK parameters of version {version}: only 1 is known")

        def value(item: Table) -> Any:
            kind, held = item.number(1, "B"), item.table(2)
            if held is None:
                raise UserError(f"damaged model: MLTK parameter {short(item.text(0))} has no value")
            if kind in SCALARS:
                found = held.number(0, SCALARS[kind])
                # 0.05 was stored as a float32: the shortest text that reads back as it
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
    return None


def features_of(parameters: dict[str, Any]) -> dict[str, Any]:
    """The [features] section of a model with MLTK's parameters; UserError if it has none, or one
    that no front end here computes."""
    fe = {k.removeprefix("fe."): v for k, v in parameters.items() if k.startswith("fe.")}
    if not fe:
        raise UserError("its MLTK parameters hold no fe. settings: it listens to no audio")
    for key in ("samplewise_norm.rescale", "samplewise_norm.mean_and_std"):
        if parameters.get(key):
            raise UserError(f"{key} = {parameters[key]}: samplewise normalising is not supported")
    defaults = {key: value for key, value in DEFAULTS.items() if key != "fft_length"}
    # MLTK and TFLM's examples feed the network numbers of their own, whatever its input's scale
    return {"kind": "logmel", "input": "tflm", **from_fe({**defaults, **fe}, {})}

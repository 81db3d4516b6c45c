"""What a [features] section may say: front ends, presets, what is checked by kind.

A new front end is one file here, one in lib/features, and a line in each registry.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from otolith.errors import UserError, short
from otolith.features import logmel, mfcc, spectrogram
from otolith.features.mltk_settings import from_fe

if TYPE_CHECKING:
    from otolith.settings.spec import Features

KINDS: dict[str, ModuleType] = {"spectrogram": spectrogram, "mfcc": mfcc, "logmel": logmel}
# how features_compress_t counts them
COMPRESS = {"linear": 0, "log2": 1, "minmax": 2, "dynamic": 3}
COMMON = ("kind", "sample_rate", "window", "hop", "frames", "bands", "compress")

# Limits of 23 coefficients from 23 filters, q8.7: what 99.8 % of the frames of 129 real recordings
# (environment, speech) keep to, digital silence aside.
MFCC_LIMITS: dict[str, Any] = {
    "compress": "minmax",
    "minimum": [
        *(-3500, -1100, -1400, -640, -580, -560, -490, -570, -300, -270, -350, -350),
        *(-320, -370, -330, -260, -240, -270, -200, -160, -190, -150, -180),
    ],
    "maximum": [
        *(3500, 2500, 600, 1070, 540, 410, 450, 350, 410, 460, 320, 350),
        *(330, 280, 240, 270, 220, 220, 170, 200, 170, 180, 160),
    ],
}
# The tutorials these come from give window, hop, coefficients and frames; the 23 mel filters and
# their limits are ours.
PRESETS: dict[str, dict[str, Any]] = {
    # SensiML, smart lock: 40 frames a second, a cascade of 15
    "smart_lock": {
        "kind": "mfcc",
        "window": 400,
        "hop": 400,
        "bands": 20,
        "frames": 15,
        "compress": "minmax",
        **MFCC_LIMITS,
    },
    # SensiML, keyword spotting: a cascade of 49
    "keyword": {
        "kind": "mfcc",
        "window": 480,
        "hop": 320,
        "bands": 23,
        "frames": 49,
        "compress": "minmax",
        **MFCC_LIMITS,
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
}


def module(kind: object) -> ModuleType:
    """The front end of this name; UserError."""
    if not isinstance(kind, str) or kind not in KINDS:
        raise UserError(f"unknown front end {short(repr(kind))}: one of {', '.join(KINDS)}")
    return KINDS[kind]


def _limits(base: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """A preset's minimum and maximum for as many bands as wanted: none if not for minmax."""
    names = [name for name in ("minimum", "maximum") if name in base]
    bands = {**base, **said}.get("bands")
    minmax = {**base, **said}.get("compress") == "minmax" and isinstance(bands, int)
    return {name: base[name][:bands] if minmax else [] for name in names}


def _expand(table: dict[str, Any]) -> dict[str, Any]:
    table = dict(table)
    if "preset" in table:
        preset = table.pop("preset")
        if not isinstance(preset, str) or preset not in PRESETS:
            raise UserError(f"preset = {short(repr(preset))}: one of {', '.join(PRESETS)}")
        base = PRESETS[preset]
        if table.get("kind", base["kind"]) != base["kind"]:
            raise UserError(f"kind: the preset {preset} is {base['kind']}")
        fe = table.get("fe", {})
        if isinstance(fe, dict) and "fe" in base:
            table["fe"] = {**base["fe"], **fe}
        table = {**base, **_limits(base, table), **table}
    front_end = module(table.get("kind", "spectrogram"))
    for key in table:
        others = [k for k, m in KINDS.items() if key in m.KEYS]
        if others and key not in front_end.KEYS:
            raise UserError(f"{key}: goes with kind {' or '.join(others)}")
    if front_end is logmel:
        table = {**table, **from_fe(table.get("fe", {}), table)}
    table = {**front_end.DEFAULTS, **table}
    if front_end is spectrogram and isinstance(table.get("window", 256), int):
        table.setdefault("bands", table.get("window", 256) // 2 + 1)
    return table


def expand(table: dict[str, Any], where: str) -> dict[str, Any]:
    """A [features] section as written -> with preset, fe settings and the kind's defaults filled
    in. where: what errors begin with. UserError."""
    try:
        return _expand(table)
    except UserError as error:
        raise UserError(f"{where}: [features] {error.message}") from error


def preset(name: str, **changes: Any) -> dict[str, Any]:
    """Settings of a preset, as `extract` takes them."""
    from otolith.settings.spec import Features

    return kept(Features(**_expand({"preset": name, **changes})))


def kept(features: Features) -> dict[str, Any]:
    """The settings that travel with a model: those its kind reads."""
    front_end = KINDS[features.kind]
    keys = [*COMMON, *front_end.KEYS]
    if features.compress != "minmax":
        keys = [key for key in keys if key not in ("minimum", "maximum")]
    if not features.settle:
        keys = [key for key in keys if key != "settle"]
    return {key: getattr(features, key) for key in keys}


def check(features: Features, need: Callable[[bool, str, str], None]) -> None:
    """Ranges of a [features] section. need: raises its text unless the first argument is true."""
    f = features
    need(f.kind in KINDS, "[features] kind", f"must be one of {', '.join(KINDS)}")
    need(f.sample_rate == 16000, "[features] sample_rate", "must be 16000")
    front_end = KINDS[f.kind]
    names = " or ".join(f'"{name}"' for name in front_end.SCALE)
    need(f.compress in front_end.SCALE, "[features] compress", names)
    front_end.check(f, need)
    if f.compress == "minmax":
        good = f.bands == len(f.minimum) == len(f.maximum)
        pairs = zip(f.minimum, f.maximum, strict=True) if good else ()
        need(
            good and all(-32768 <= low < high <= 32767 for low, high in pairs),
            "[features] minimum, maximum",
            f"{f.bands} integers each, minimum below maximum: host features --min-max gives them",
        )
    else:
        need(
            not f.minimum and not f.maximum,
            "[features] minimum, maximum",
            'go with compress = "minmax"',
        )


def step(settings: dict) -> float:
    """Real value of one step of a feature."""
    scales = module(settings["kind"]).SCALE
    if settings["compress"] not in scales:
        raise UserError(f"{settings['kind']} features: compress is one of {', '.join(scales)}")
    return scales[settings["compress"]]


def checked(settings: dict) -> dict:
    """Settings that may come from a file, refused if the C types can't hold them; what a front end
    takes is its own affair. Returns them. UserError."""
    for name in ("sample_rate", "window", "hop", "bands"):
        value = settings.get(name)
        if type(value) is not int or not 1 <= value <= 65535:
            raise UserError(f"features: {name} is {short(repr(value))}, not a number 1 to 65535")
    if not isinstance(settings.get("compress"), str) or settings["compress"] not in COMPRESS:
        raise UserError(
            f"features: compress is {short(repr(settings.get('compress')))}, "
            f"not one of {', '.join(COMPRESS)}"
        )
    step(settings)
    if settings["compress"] == "minmax":
        for name in ("minimum", "maximum"):
            values = settings.get(name)
            good = isinstance(values, list) and len(values) == settings["bands"]
            if not good or not all(type(v) is int and -32768 <= v <= 32767 for v in values):
                raise UserError(f"features: {name} is no list of {settings['bands']} integers")
        pairs = zip(settings["minimum"], settings["maximum"], strict=True)
        if not all(low < high for low, high in pairs):
            raise UserError("features: minimum must be below maximum in every band")
    return settings

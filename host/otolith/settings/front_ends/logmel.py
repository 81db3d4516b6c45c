"""Front end `logmel`: TFLM's audio front end with MLTK's additions (lib/features/src/logmel.c).

MLTK (Silicon Labs) names the settings of its AudioFeatureGenerator "fe.". A spec may write any of
them: those that are sizes become the keys every front end has, the others are kept in `fe`.
"""

from __future__ import annotations

import difflib
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from otolith.settings.features import MOST, FrontEnd
from otolith.settings.fields import about, setting, settings_of
from otolith.settings.problems import Section

MAX_FFT = 512  # points, rfft_kiss.h
MAX_BANDS = 127  # logmel.h


@dataclass(frozen=True)
class Fe:
    """MLTK's settings that are no sizes, under MLTK's names."""

    filterbank_upper_band_limit: float = setting("Upper limit of the filters.", 7500.0, unit="Hz")
    filterbank_lower_band_limit: float = setting("Lower limit of the filters.", 125.0, unit="Hz")
    noise_reduction_enable: bool = setting("Subtract an estimate of the noise.", False)
    noise_reduction_smoothing_bits: int = setting("Bits the noise estimate is scaled by.", 10)
    noise_reduction_even_smoothing: float = setting(
        "Smoothing of the noise estimate in even bands.", 0.025, low=0, high=1
    )
    noise_reduction_odd_smoothing: float = setting(
        "Smoothing of the noise estimate in odd bands.", 0.06, low=0, high=1
    )
    noise_reduction_min_signal_remaining: float = setting(
        "Share of the signal that is always kept.", 0.05, low=0, high=1
    )
    pcan_enable: bool = setting("Normalise each band by its own level (PCAN).", False)
    pcan_strength: float = setting("Exponent of the normalisation.", 0.95, low=0, high=2)
    pcan_offset: float = setting("Added to the level before it divides.", 80.0, above=0, high=1e6)
    pcan_gain_bits: int = setting("Fractional bits of the gain.", 21)
    log_scale_enable: bool = setting("Take the logarithm.", True)
    log_scale_shift: int = setting("Bits the logarithm is scaled by.", 6, low=0, high=15)
    activity_detection_enable: bool = setting("Detect activity, for the gate.", False)
    activity_detection_alpha_a: float = setting("Smoothing of the fast level.", 0.5, low=0, high=1)
    activity_detection_alpha_b: float = setting("Smoothing of the slow level.", 0.8, low=0, high=1)
    activity_detection_arm_threshold: float = setting(
        "Ratio of the levels that arms the detector.", 0.75, low=0, high=7.99
    )
    activity_detection_trip_threshold: float = setting(
        "Ratio of the levels that trips the detector.", 0.8, low=0, high=7.99
    )
    dc_notch_filter_enable: bool = setting("Remove DC before the window.", False)
    dc_notch_filter_coefficient: float = setting("Pole of the DC filter.", 0.95, low=0, high=0.9999)
    quantize_dynamic_scale_range_db: float = setting(
        'Range of compress = "dynamic".', 40.0, unit="dB"
    )


# MLTK's sizes and their defaults. A [features] section says the same in keys that all front ends
# have: sample_rate, window, hop, frames, bands, compress.
SIZES: dict[str, Any] = {
    "sample_rate_hz": 16000,
    "sample_length_ms": 1000,
    "window_size_ms": 25,
    "window_step_ms": 10,
    "filterbank_n_channels": 32,
    "quantize_dynamic_scale_enable": False,
    "fft_length": 0,  # follows from the window
}
MLTK: dict[str, Any] = {**SIZES, **vars(Fe())}  # all of MLTK's settings with their defaults
_WORDS = {bool: "true or false", int: "a whole number", float: "a number"}


def fft_length(window: int) -> int:
    """TFLM's FFT length: the power of two at or above a window."""
    return 1 << max(0, window - 1).bit_length()


def correction_bits(size: int) -> int:
    """TFLM's input_correction_bits of an FFT length."""
    return size.bit_length() - 1 - 6


def _float32(value: float) -> int:
    """A number as MLTK computes it: rounded to float32, then truncated."""
    most = 1 << 30
    if not abs(value) < most:
        return most
    (rounded,) = struct.unpack("<f", struct.pack("<f", value))
    return int(rounded)


def typed_fe(fe: object, section: Section) -> dict[str, Any]:
    """MLTK's settings, each of its type; what is wrong goes to `section` and is left out.

    Args:
        fe: A table of settings, named without "fe.".
        section: Takes the problems; keys are named "fe.window_size_ms".
    """
    if not isinstance(fe, dict):
        section.wrong("fe", fe, "must be a table of MLTK's settings")
        return {}
    result: dict[str, Any] = {}
    for key, value in fe.items():
        name = f"fe.{key}"
        if key not in MLTK:
            close = difflib.get_close_matches(str(key), list(MLTK), 1)
            hint = f": did you mean fe.{close[0]}?" if close else ""
            section.add(name, f"MLTK has no such setting{hint}")
            continue
        kind = type(MLTK[key])
        if kind is bool and type(value) in (bool, int) and value in (0, 1):
            result[key] = bool(value)  # MLTK's .tflite files write 0 and 1
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool)
        good = number and kind is not bool and math.isfinite(value)
        if not good or (kind is int and value != int(value)):
            section.wrong(name, value, f"must be {_WORDS[kind]}")
            continue
        result[key] = kind(value)
    return result


def sizes_of(fe: Mapping[str, Any], told: Mapping[str, object], section: Section) -> dict[str, Any]:
    """The keys of a [features] section that MLTK's sizes give.

    Args:
        fe: MLTK's settings, typed, any of them.
        told: What the section says in its own keys, which must not contradict.
        section: Takes the problems.
    """
    result: dict[str, Any] = {}
    rate = fe.get("sample_rate_hz", told.get("sample_rate", 16000))
    if not isinstance(rate, int) or not 1 <= rate <= MOST:
        section.wrong("sample_rate", rate, f"must be 1 to {MOST}")
        rate = 16000
    if "sample_rate_hz" in fe:
        result["sample_rate"] = rate
    for name, key in (("window_size_ms", "window"), ("window_step_ms", "hop")):
        if name in fe:
            result[key] = fe[name] * rate // 1000
    if "filterbank_n_channels" in fe:
        result["bands"] = fe["filterbank_n_channels"]
    if "quantize_dynamic_scale_enable" in fe:
        result["compress"] = "dynamic" if fe["quantize_dynamic_scale_enable"] else "linear"
    sizes = {"window": 400, "hop": 160, **told, **result}
    window, hop = sizes["window"], sizes["hop"]
    if "sample_length_ms" in fe and isinstance(window, int) and isinstance(hop, int) and hop > 0:
        result["frames"] = (fe["sample_length_ms"] * rate // 1000 - window) // hop + 1
    for key, value in result.items():
        minmax = key == "compress" and told.get(key) == "minmax"
        if told.get(key, value) != value and not minmax:
            section.wrong(key, told[key], f"fe settings say {value}")
    if fe.get("fft_length") and isinstance(window, int) and window <= MOST:
        length = fft_length(window)
        if fe["fft_length"] != length:
            section.wrong("fe.fft_length", fe["fft_length"], f"a window of {window} has {length}")
    return result


@dataclass(frozen=True)
class Logmel(FrontEnd):
    """[features] with kind = "logmel"."""

    kind: ClassVar[str] = "logmel"
    # A linear value of 25.6 is 1, as TFLM's examples have it.
    steps: ClassVar[Mapping[str, float]] = {
        "linear": 10 / 256,
        "minmax": 1 / 255,
        "dynamic": 1 / 255,
    }

    window: int = setting("Samples one frame looks at.", 400, unit="samples", low=1, high=MOST)
    hop: int = setting("Samples from a frame to the next.", 160, unit="samples", low=1, high=MOST)
    frames: int = setting("Frames one network window has.", 98, unit="frames", low=1, high=MOST)
    bands: int = setting("Filters.", 32, low=1, high=MOST)
    compress: str = setting(
        "How filter outputs become features.", "linear", names=("linear", "minmax", "dynamic")
    )
    fe: Fe = setting("MLTK's settings that are no sizes.", factory=Fe)
    settle: int = setting(
        "Frames of the room before a training window, for its noise estimate.",
        0,
        unit="frames",
        newer=True,
    )
    minimum: tuple[int, ...] = setting(
        'Least value of each band, for compress = "minmax".', (), newer=True
    )
    maximum: tuple[int, ...] = setting(
        'Greatest value of each band, for compress = "minmax".', (), newer=True
    )
    input: str = setting(
        "`tflm`: the network takes int8 values as TFLM's and MLTK's programs fill them. `nearest`: "
        "the nearest int8 values, as microWakeWord's reference computes them.",
        "",
        newer=True,
        in_spec=False,
    )

    @property
    def octave(self) -> float:
        fe = self.fe
        plain = fe.log_scale_enable and not fe.noise_reduction_enable and not fe.pcan_enable
        if self.compress != "linear" or not plain:
            return 0.0
        return self.step * (1 << fe.log_scale_shift) * math.log(2)

    @property
    def limits(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return self.minimum, self.maximum

    @property
    def lead_frames(self) -> int:
        return self.settle

    @property
    def range_steps(self) -> int:
        if self.compress != "dynamic":
            return 0
        fe = self.fe
        steps = fe.quantize_dynamic_scale_range_db * (1 << fe.log_scale_shift)
        return _float32(steps * math.log(10) / 20)

    @property
    def tells_activity(self) -> bool:
        return self.fe.activity_detection_enable

    @property
    def input_nearest(self) -> bool:
        return self.input == "nearest"

    @property
    def input_of_tflm(self) -> bool:
        return self.input == "tflm"

    @property
    def rest_lead(self) -> int | None:
        """Noise and activity are estimated over all frames."""
        return None if self.fe.noise_reduction_enable or self.tells_activity else 0

    def check_supported(self, section: Section) -> None:
        """Checks what TFLM's and MLTK's code takes without overflow."""
        super().check_supported(section)
        fe, need = self.fe, section.need

        def between(key: str, low: float, high: float) -> None:
            need(low <= getattr(fe, key) <= high, f"fe.{key}", f"must be {low} to {high}")

        for key, declared in settings_of(Fe).items():
            limits = about(declared).range
            good = limits is None or limits.holds(getattr(fe, key))
            need(good, f"fe.{key}", f"must be {limits}")
        need(16 <= self.window <= MAX_FFT, "window", f"must be 16 to {MAX_FFT} samples")
        need(1 <= self.bands <= MAX_BANDS, "bands", f"must be 1 to {MAX_BANDS}")
        low, high = fe.filterbank_lower_band_limit, fe.filterbank_upper_band_limit
        if section.clean("sample_rate"):
            need(
                0 <= low < high <= self.sample_rate / 2,
                "fe.filterbank_lower_band_limit, fe.filterbank_upper_band_limit",
                "must be 0 to half the sample rate, lower below upper",
            )
        correction = correction_bits(fft_length(min(max(self.window, 1), MAX_FFT)))
        between("noise_reduction_smoothing_bits", max(0, correction), 14)
        enabled = fe.noise_reduction_enable or not fe.pcan_enable
        need(enabled, "fe.pcan_enable", "needs fe.noise_reduction_enable")
        between("pcan_gain_bits", max(1, 12 + correction), 30)
        if self.compress == "dynamic" and section.clean("fe.log_scale_shift"):
            range_db = "fe.quantize_dynamic_scale_range_db"
            need(
                1 <= self.range_steps <= 32767,
                range_db,
                "must give 1 to 32767 steps of the log scale",
            )
            dynamic = "fe.quantize_dynamic_scale_enable"
            need(fe.log_scale_enable, dynamic, "needs fe.log_scale_enable")

    def check(self, section: Section) -> None:
        super().check(section)
        section.need(1 <= self.hop <= self.window, "hop", "must be 1 to window")
        if not 1 <= self.frames <= 500 and section.clean("frames"):
            section.wrong("frames", self.frames, "must be 1 to 500")
        if not 0 <= self.settle <= 500:
            section.wrong("settle", self.settle, "must be 0 to 500")
        section.need(not self.settle or self.compress != "dynamic", "settle", 'not with "dynamic"')

    @classmethod
    def expand(cls, table: Mapping[str, object], section: Section) -> dict[str, object]:
        fe = typed_fe(table.get("fe", {}), section)
        kept = {key: value for key, value in fe.items() if key not in SIZES}
        return {**table, **sizes_of(fe, table, section), "fe": Fe(**kept)}

    @classmethod
    def of_model(cls, table: Mapping[str, object], section: Section) -> dict[str, object]:
        if "fe" not in table:
            return dict(table)
        fe = typed_fe(table["fe"], section)
        missing = [key for key in settings_of(Fe) if key not in fe]
        if missing and section.clean("fe", *(f"fe.{key}" for key in missing)):
            section.lacks(f"fe.{missing[0]}")
        kept = {key: value for key, value in fe.items() if key not in SIZES}
        return {**table, "fe": Fe(**kept)}

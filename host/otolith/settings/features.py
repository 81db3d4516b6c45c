"""[features]: the front end that turns sound into what the network sees.

`FrontEnd` is what all front ends have in common. Each kind is a dataclass of its own in
otolith/settings/front_ends, with the settings only it has. A new front end is one file there, one
in otolith/features, one in lib/features, and a line in each registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, TypeVar

from otolith.audio.rate import RATE
from otolith.errors import UserError
from otolith.settings.fields import about, read, setting, settings_of, table_of
from otolith.settings.front_ends.presets import PRESETS
from otolith.settings.problems import MetadataSection, Problems, Section, nearest
from otolith.settings.registries import attribute

# kind -> "module:class"
FRONT_ENDS = {
    "spectrogram": "otolith.settings.front_ends.spectrogram:Spectrogram",
    "mfcc": "otolith.settings.front_ends.mfcc:Mfcc",
    "logmel": "otolith.settings.front_ends.logmel:Logmel",
    "lfbe": "otolith.settings.front_ends.lfbe:Lfbe",
}
# name -> number of features_compress_t
COMPRESS = {"linear": 0, "log2": 1, "minmax": 2, "dynamic": 3}
MOST = 65535  # of sizes in features_config_t
PAST_MOST = 24576  # samples of sound kept while the front end rests: 48 KiB
_MIN_MAX = "minimum, maximum"

F = TypeVar("F", bound="FrontEnd")


@dataclass(frozen=True)
class FrontEnd:
    """What every front end has. Instances are hashable; tables are cached by them."""

    kind: ClassVar[str] = ""
    # compress -> real value of one step of a feature
    steps: ClassVar[Mapping[str, float]] = {}

    sample_rate: int = setting("Samples a second.", RATE, unit="Hz", low=1, high=MOST)
    window: int = setting("Samples one frame looks at.", 256, unit="samples", low=1, high=MOST)
    hop: int = setting("Samples from a frame to the next.", 128, unit="samples", low=1, high=MOST)
    frames: int = setting("Frames one network window has.", 124, unit="frames", low=1, high=MOST)
    bands: int = setting("Values of a frame.", 129, low=1, high=MOST)
    compress: str = setting(
        "How values become features: as they are, by logarithm, between limits of each band, or "
        "scaled to each window's own range.",
        "linear",
        names=tuple(COMPRESS),
    )

    @property
    def shape(self) -> tuple[int, int]:
        """(frames, bands): what a network takes."""
        return self.frames, self.bands

    @property
    def samples(self) -> int:
        """Samples one network window covers."""
        return self.window + (self.frames - 1) * self.hop

    def frames_in(self, samples: int) -> int:
        """How many frames `samples` give."""
        return max(0, (samples - self.window) // self.hop + 1)

    @property
    def window_bytes(self) -> int:
        """Bytes of the chip's sliding window (features_rows_bytes)."""
        frames, bands = self.shape
        if self.compress == "dynamic":
            return (2 * frames * (bands + 1) + 3) // 4 * 4 + frames * bands
        return 2 * frames * bands

    @property
    def hop_ms(self) -> float:
        """Milliseconds from a frame to the next."""
        return 1000 * self.hop / self.sample_rate

    @property
    def step(self) -> float:
        """Real value of one step of a feature: what a network sees is `value * step`."""
        return self.checked().steps[self.compress]

    @property
    def octave(self) -> float:
        """Real value by which a feature grows when the sound's magnitude doubles; 0 if features
        are no logarithms of magnitudes.
        """
        return 0.0

    @property
    def limits(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """minimum and maximum of each band for compress = "minmax"; both empty otherwise."""
        return (), ()

    @property
    def lead_frames(self) -> int:
        """Frames of the room that are computed before a window looked at alone."""
        return 0

    @property
    def rest_lead(self) -> int | None:
        """Frames to compute before one that is right, after others were left out (`lead` in
        lib/features). None: every frame has to be computed.
        """
        return None

    @property
    def past_samples(self) -> int:
        """Samples to keep so that the front end can rest behind a closed gate; 0: it can't, or the
        window is too long.
        """
        if self.rest_lead is None:
            return 0
        samples = (self.frames + self.rest_lead) * self.hop + self.window
        return samples if samples <= PAST_MOST else 0

    @property
    def range_steps(self) -> int:
        """Range of compress = "dynamic" in steps; 0 for other kinds of compression."""
        return 0

    @property
    def tells_activity(self) -> bool:
        """Whether it detects activity (`detect.gate_activity`)."""
        return False

    @property
    def input_nearest(self) -> bool:
        """Whether the network's input must be the nearest int8, as NumPy rounds it."""
        return False

    @property
    def input_of_tflm(self) -> bool:
        """Whether the network takes int8 values as TFLM's and MLTK's programs fill them, whatever
        its input's scale."""
        return False

    def checked(self: F) -> F:
        """Itself, if lib/features takes these settings.

        Raises:
            UserError: It does not; the message names the setting.
        """
        problem = _problem(self)
        if problem is not None:
            raise UserError(f"front end {self.kind}: {problem}")
        return self

    def check_supported(self, section: Section) -> None:
        """Checks what lib/features takes. Applies to specs and to metadata of any origin."""
        if section.clean("compress") and self.compress not in self.steps:
            section.wrong("compress", self.compress, f"must be one of {', '.join(self.steps)}")
        minimum, maximum = self.limits
        if self.compress == "minmax" and "minmax" in self.steps:
            good = self.bands == len(minimum) == len(maximum)
            pairs = zip(minimum, maximum, strict=True) if good else ()
            section.need(
                good and all(-32768 <= low < high <= 32767 for low, high in pairs),
                _MIN_MAX,
                f"must be {self.bands} integers each, minimum below maximum: host features "
                "--min-max gives them",
            )
        else:
            section.need(not minimum and not maximum, _MIN_MAX, 'need compress = "minmax"')

    def check(self, section: Section) -> None:
        """Checks a spec's section: what lib/features takes, within the limits of this project's
        chips."""
        if self.sample_rate != RATE and section.clean("sample_rate"):
            section.wrong("sample_rate", self.sample_rate, f"must be {RATE}")
        self.check_supported(section)

    def to_json(self) -> dict[str, object]:
        """The settings as they travel in the .tflite."""
        return {"kind": self.kind, **table_of(self)}

    @classmethod
    def expand(cls, table: Mapping[str, object], section: Section) -> dict[str, object]:
        """A spec's section as written, with keys filled in that follow from others."""
        return dict(table)

    @classmethod
    def of_model(cls, table: Mapping[str, object], section: Section) -> dict[str, object]:
        """A table of metadata, with values that are no plain JSON read."""
        return dict(table)


class _Bare(MetadataSection):
    """Names keys without anything before them."""

    def key(self, key: str) -> str:
        return key


@lru_cache(maxsize=256)
def _problem(front_end: FrontEnd) -> str | None:
    problems = Problems()
    section = _Bare(problems, "")
    for name, field in settings_of(type(front_end)).items():
        limits = about(field).range
        value = getattr(front_end, name)
        if limits is not None and not limits.holds(value):
            section.wrong(name, value, f"must be {limits}")
    if not problems.found:
        front_end.check_supported(section)
    return problems.found[0].text if problems.found else None


def kind_named(kind: str) -> type[FrontEnd]:
    """The settings of a front end that is in FRONT_ENDS."""
    found: type[FrontEnd] = attribute(FRONT_ENDS[kind])
    return found


def _kinds_with(key: str) -> list[str]:
    """The kinds that have a setting of their own called `key`."""
    common = settings_of(FrontEnd)
    kinds = {kind: settings_of(kind_named(kind)) for kind in FRONT_ENDS}
    return [
        kind
        for kind, fields in kinds.items()
        if key in fields and key not in common and about(fields[key]).in_spec
    ]


def _with_preset(table: Mapping[str, object], section: Section) -> dict[str, object] | None:
    """The section with a preset's settings below what it says itself; None if that fails."""
    preset = table["preset"]
    if not isinstance(preset, str) or preset not in PRESETS:
        near = nearest(str(preset), PRESETS)
        section.wrong("preset", preset, f"must be one of {', '.join(PRESETS)}: {near}")
        return None
    base, told = PRESETS[preset], {k: v for k, v in table.items() if k != "preset"}
    if told.get("kind", base["kind"]) != base["kind"]:
        section.add("kind", f"the preset {preset} is {base['kind']}")
        return None
    fe, own = base.get("fe"), told.get("fe", {})
    if isinstance(fe, dict) and isinstance(own, dict):
        told["fe"] = {**fe, **own}
    merged = {**base, **told}
    for name in ("minimum", "maximum"):  # for as many bands as wanted
        values, bands = merged.get(name), merged.get("bands")
        if name in told or not isinstance(values, tuple):
            continue
        if merged.get("compress") == "minmax" and isinstance(bands, int):
            merged[name] = values[:bands]
        else:
            del merged[name]
    return merged


def read_features(table: Mapping[str, object], section: Section) -> FrontEnd | None:
    """The front end of a [features] section; what is wrong goes to `section`.

    Args:
        table: The section as written: a preset, MLTK's fe settings, or the front end's own keys.
        section: Takes the problems.

    Returns:
        The front end, or None if the section does not say which.
    """
    merged = _with_preset(table, section) if "preset" in table else dict(table)
    if merged is None:
        return None
    kind = merged.pop("kind", "spectrogram")
    if not isinstance(kind, str) or kind not in FRONT_ENDS:
        section.wrong("kind", kind, f"unknown front end: {nearest(str(kind), FRONT_ENDS)}")
        return None
    front_end = kind_named(kind)
    own = settings_of(front_end)
    for key in list(merged):
        others = _kinds_with(key)
        if key not in own and others:
            section.add(key, f"needs kind {' or '.join(others)}")
            del merged[key]
    known = ("kind", "preset")
    return read(front_end, front_end.expand(merged, section), section, known=known)


def features_of_model(table: Mapping[str, object], section: Section) -> FrontEnd | None:
    """The front end of a model's metadata; None if the metadata does not say which."""
    if "kind" not in table:
        section.lacks("kind")
        return None
    kind = table["kind"]
    if not isinstance(kind, str) or kind not in FRONT_ENDS:
        section.wrong("kind", kind, f"unknown front end: {nearest(str(kind), FRONT_ENDS)}")
        return None
    cls = kind_named(kind)
    return read(cls, cls.of_model(table, section), section, of_model=True)


def front_end(**settings: object) -> FrontEnd:
    """A front end from the keys of a [features] section.

    Raises:
        UserError: A key or value is wrong.
    """
    problems = Problems()
    found = read_features(settings, problems.section("features"))
    if found is not None:
        found.check_supported(problems.section("features"))
    problems.refuse("front end")
    assert found is not None
    return found


def preset(name: str, **changes: object) -> FrontEnd:
    """The front end of a preset, with changes: `preset("keyword", bands=13)`."""
    return front_end(preset=name, **changes)

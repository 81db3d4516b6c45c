"""Front end `spectrogram`: magnitudes of a 256-point FFT (lib/features/src/spectrogram.c)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from otolith.settings.features import MOST, FrontEnd
from otolith.settings.fields import setting
from otolith.settings.problems import Section

HOPS = (64, 128, 256)  # samples


@dataclass(frozen=True)
class Spectrogram(FrontEnd):
    """[features] with kind = "spectrogram"."""

    kind: ClassVar[str] = "spectrogram"
    steps: ClassVar[Mapping[str, float]] = {"linear": 1 / 32768, "log2": 1 / 1024}

    bands: int = setting("Values of a frame: window / 2 + 1.", 129, low=1, high=MOST)
    compress: str = setting("How magnitudes become features.", "log2", names=("linear", "log2"))

    @property
    def octave(self) -> float:
        return 1.0 if self.compress == "log2" else 0.0

    @property
    def rest_lead(self) -> int | None:
        """A frame depends on its samples alone."""
        return 0

    def check(self, section: Section) -> None:
        super().check(section)
        sizes = self.window == 256 and self.hop in HOPS
        section.need(sizes, "window, hop", "must be window 256 with hop 64, 128 or 256")
        if self.bands != 129 and section.clean("window", "bands"):
            section.wrong("bands", self.bands, "must be 129, as a window of 256 gives")
        if not 8 <= self.frames <= 500 and section.clean("frames"):
            section.wrong("frames", self.frames, "must be 8 to 500")

    @classmethod
    def expand(cls, table: Mapping[str, object], section: Section) -> dict[str, object]:
        window = table.get("window", 256)
        bands = {"bands": window // 2 + 1} if isinstance(window, int) else {}
        return {**bands, **table}

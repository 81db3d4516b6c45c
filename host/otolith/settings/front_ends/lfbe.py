"""Front end `lfbe`: log filter-bank energies of MLPerf Tiny's streaming wake word
(lib/features/src/lfbe.c)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from otolith.settings.features import MOST, FrontEnd
from otolith.settings.fields import setting
from otolith.settings.problems import Section

HOP = 512  # samples, lfbe.h
MAX_BANDS = 64


@dataclass(frozen=True)
class Lfbe(FrontEnd):
    """[features] with kind = "lfbe".

    A frame looks at the hop before its own too: at 64 ms, every 32 ms.
    """

    kind: ClassVar[str] = "lfbe"
    steps: ClassVar[Mapping[str, float]] = {"linear": 1 / 4096}

    window: int = setting(
        "Samples one frame adds; it looks at as many before them.",
        HOP,
        unit="samples",
        low=1,
        high=MOST,
    )
    hop: int = setting("Samples from a frame to the next.", HOP, unit="samples", low=1, high=MOST)
    frames: int = setting("Frames one network window has.", 30, unit="frames", low=1, high=MOST)
    bands: int = setting("Mel filters.", 40, low=1, high=MOST)
    compress: str = setting("How energies become features.", "linear", names=("linear",))

    @property
    def lead_frames(self) -> int:
        """The first frame of a window looks at the hop before it."""
        return 1

    @property
    def rest_lead(self) -> int | None:
        """A frame needs the hop before it and the sample before that."""
        return 2

    def check_supported(self, section: Section) -> None:
        super().check_supported(section)
        sizes = self.window == HOP and self.hop == HOP
        section.need(sizes, "window, hop", f"must be {HOP}")
        section.need(2 <= self.bands <= MAX_BANDS, "bands", f"must be 2 to {MAX_BANDS}")

    def check(self, section: Section) -> None:
        super().check(section)
        if not 1 <= self.frames <= 500 and section.clean("frames"):
            section.wrong("frames", self.frames, "must be 1 to 500")

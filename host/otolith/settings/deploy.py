"""[deploy]: how the result listens, and when it is good enough."""

from __future__ import annotations

from dataclasses import dataclass

from otolith.settings.features import FrontEnd
from otolith.settings.fields import setting
from otolith.settings.problems import Section

MOST_HOP = 8192  # samples between two inferences that lib/listen buffers


@dataclass(frozen=True)
class Deploy:
    """[deploy] of a spec and of a model's metadata."""

    hop_frames: int = setting("Frames between two inferences.", 4, unit="frames", low=1)
    accept: float = setting(
        "Share of the test scene that must be judged right.", 1.0, above=0, high=1, in_model=False
    )
    board: str = setting(
        "Board the model must fit: a file in boards/ without .json.",
        "pico",
        since="0.2",
        in_model=False,
    )
    stream: bool = setting(
        "Keep rows of the network between inferences, where that is worth its RAM.",
        True,
        newer=True,
    )

    def check(self, section: Section, front_end: FrontEnd) -> None:
        """Checks the hop against the window of a front end."""
        most = min(front_end.frames, MOST_HOP // max(1, front_end.hop))
        good = 1 <= self.hop_frames <= most
        if not good:
            section.wrong("hop_frames", self.hop_frames, f"must be 1 to {most}")

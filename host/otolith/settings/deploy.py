"""[deploy]: how the result listens, and when it is good enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from otolith.errors import short
from otolith.settings.features import FrontEnd
from otolith.settings.fields import setting
from otolith.settings.model import is_name
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

    models: tuple[str, ...] = setting(
        "Networks that listen on the same board: folders or .tflite files beside this folder.",
        (),
        since="0.2",
        in_model=False,
    )
    gate: str = setting(
        "Of several networks, the one without which the others hear nothing.",
        "",
        since="0.2",
        in_model=False,
    )

    def check(self, section: Section, front_end: FrontEnd) -> None:
        """Checks the hop against the window of a front end."""
        most = min(front_end.frames, MOST_HOP // max(1, front_end.hop))
        good = 1 <= self.hop_frames <= most
        if not good:
            section.wrong("hop_frames", self.hop_frames, f"must be 1 to {most}")

    def check_together(self, section: Section, own: str) -> None:
        """Checks the networks that listen with the spec's own.

        Args:
            section: Takes the problems.
            own: The name of the spec's own network.
        """
        check_names(self.models, section)
        if self.gate and self.gate not in (*self.models, own):
            section.wrong("gate", self.gate, f"must be one of models, or {own}")


def check_names(names: Sequence[object], section: Section) -> list[str]:
    """Checks names of networks: each means a folder or .tflite beside the spec's folder.

    Returns:
        Those that can be such a name.
    """
    good = []
    for name in names:
        bare = name.removesuffix(".tflite") if isinstance(name, str) else ""
        if isinstance(name, str) and is_name(bare) and not bare.startswith("."):
            good.append(name)
        else:
            section.add(f"models {short(str(name))}", "must be a folder or .tflite beside this one")
    return good

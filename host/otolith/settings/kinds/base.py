"""What a kind of model decides: a front end, a network, augmentation and when to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Table = Mapping[str, object]


@dataclass(frozen=True)
class Facts:
    """What the settings of a kind may depend on.

    clips: Takes of the rarest class that makes events; None if there is no dataset yet.
    """

    clips: int | None = None

    @property
    def few(self) -> bool:
        """Whether the takes are so few that augmentation has to supply most of the variety."""
        return self.clips is None or self.clips < 100


@dataclass(frozen=True)
class Kind:
    """Settings of a kind of model.

    text: What the kind is for. Times are in milliseconds, because the hop of a front end is not
    known here: `hop_ms` between two inferences, `average_ms` that scores are averaged over,
    `suppression_ms` after an event without another one. threshold: of every class that makes
    events.
    """

    text: str
    architecture: str
    features: Table
    augment: Table
    train: Table
    hop_ms: float
    average_ms: float
    suppression_ms: float
    threshold: float

"""The sounds a freshly trained model is tested with: never those it was trained on."""

from __future__ import annotations

import numpy as np

from otolith.audio import RATE, read_pcm
from otolith.data.synthetic import clip, is_synthetic
from otolith.data.windows import test_recordings
from otolith.deploy.scenario import Segment
from otolith.errors import UserError
from otolith.settings.spec import Spec

SEGMENT_S = 1.5  # of a synthesised scene
SCENE = 0xF5E5  # seed of sounds no set has


def _recorded_scene(spec: Spec, seed: int) -> list[Segment]:
    """A recording of every class from the test set, in random order."""
    rng = np.random.default_rng(seed)
    files = test_recordings(spec)
    segments = []
    for number in rng.permutation(len(spec.model.classes)):
        label = spec.model.classes[number]
        mine = [entry.file for entry in files if entry.label == number]
        if not mine:
            raise UserError(f"no clip of class {label} in the test set to play")
        pcm = read_pcm(mine[rng.integers(len(mine))], resample=True)
        heard = label if label in spec.detect.thresholds else None
        segments.append(Segment(label, heard, pcm))
    return segments


def _synthetic_scene(spec: Spec, seed: int) -> list[Segment]:
    """Each class that makes an event, between stretches of none; sounds of no set."""
    told = [label for label in spec.model.classes if label in spec.detect.thresholds]
    quiet = [label for label in spec.model.classes if label not in told]
    order = np.random.default_rng((seed, SCENE)).permutation(len(told))
    labels: list[str] = []
    for number in order:
        labels += [*quiet[:1], told[number]]
    segments = []
    for place, label in enumerate([*labels, *quiet[:1]]):
        heard = label if label in told else None
        pcm = clip(spec, label, round(SEGMENT_S * RATE), "test", (seed, SCENE, place))
        segments.append(Segment(label, heard, pcm))
    return segments


def scene(spec: Spec, seed: int) -> list[Segment]:
    """The test scene of a model; another seed draws other sounds."""
    return (_synthetic_scene if is_synthetic(spec) else _recorded_scene)(spec, seed)

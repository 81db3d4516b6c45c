"""The sounds a freshly trained model is tested with: never those it was trained on."""

from __future__ import annotations

import numpy as np

from otolith.audio import RATE, read_pcm
from otolith.data.synthetic import SCENE, clip, is_synthetic
from otolith.data.windows import recordings
from otolith.deploy.scenario import Segment
from otolith.errors import UserError
from otolith.settings.spec import Spec
from otolith.synth.alarm import T3, alarm_clip, background_clip

SEGMENT_S = 1.5  # of a synthesised scene


def _alarm_scene(spec: Spec, seed: int) -> list[Segment]:
    """Background, an alarm, background."""
    rng = np.random.default_rng((seed, 0xA1A))
    quiet, label = spec.model.classes
    alarm = alarm_clip(rng, 8 * RATE, T3, low=False)
    return [
        Segment(quiet, None, background_clip(rng, 5 * RATE)),
        Segment(label, label, alarm),
        Segment(quiet, None, background_clip(rng, 5 * RATE)),
    ]


def _recorded_scene(spec: Spec, seed: int) -> list[Segment]:
    """A recording of every class from the test set, in random order."""
    rng = np.random.default_rng(seed)
    files = [entry for entry in recordings(spec) if entry.set == "test"]
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
    if spec.data.kind == "alarm":
        return _alarm_scene(spec, seed)
    return (_synthetic_scene if is_synthetic(spec) else _recorded_scene)(spec, seed)

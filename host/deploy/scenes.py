"""The sounds a freshly trained model is tested with: never those it was trained on."""

from __future__ import annotations

import numpy as np

from host.data.alarm import T3, alarm_clip, background_clip
from host.data.windows import esc_files
from host.deploy.scenario import RATE, Segment
from host.features import read_pcm
from host.spec import Spec


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


def _esc_scene(spec: Spec, seed: int) -> list[Segment]:
    """One recording of every class from the test folds, in random order."""
    rng = np.random.default_rng(seed)
    files = [entry for entry in esc_files(spec) if entry[2] in spec.data.test_folds]
    segments = []
    for number in rng.permutation(len(spec.model.classes)):
        label = spec.model.classes[number]
        mine = [file for file, klass, _, _ in files if klass == number]
        segments.append(
            Segment(label, label, read_pcm(mine[rng.integers(len(mine))], resample=True))
        )
    return segments


def scene(spec: Spec, seed: int) -> list[Segment]:
    """The test scene of a model; another seed draws other sounds."""
    return {"alarm": _alarm_scene, "esc": _esc_scene}[spec.data.kind](spec, seed)

"""The sounds a freshly trained model is tested with: of the test set alone, never trained on."""

from __future__ import annotations

import numpy as np

from otolith.audio import RATE, read_pcm
from otolith.augment.fill import room_tone
from otolith.data.synthetic import clip, is_synthetic
from otolith.data.windows import test_recordings
from otolith.deploy.scenario import Segment
from otolith.errors import UserError
from otolith.listen.ending import memory_ms
from otolith.settings.spec import Spec
from otolith.synth.registry import find

SCENE = 0xF5E5  # part of the seeds of generated scenes: no clip of a training set has it
MORE_S = 2.0  # a segment lasts this much longer than the chain remembers
LEAD_S = 0.5  # room tone before a sound, at most
MOST_S = 10.0  # of one recording


def _segment(spec: Spec, label: str, pcm: np.ndarray) -> Segment:
    """A sound with room tone around it, at least MORE_S longer than the chain remembers."""
    pcm = pcm[: round(MOST_S * RATE)]
    least = round((memory_ms(spec.metadata()) / 1000 + MORE_S) * RATE)
    spare = max(0, least - len(pcm))
    lead = min(round(LEAD_S * RATE), spare // 2)
    room = room_tone(pcm, spare)
    heard = label if label in spec.detect.thresholds else None
    whole = np.concatenate([room[:lead], pcm, room[lead:]])
    return Segment(label, heard, whole, (lead, lead + len(pcm)))


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
        segments.append(_segment(spec, label, pcm))
    return segments


def _synthetic_scene(spec: Spec, seed: int) -> list[Segment]:
    """Each class that makes an event, between stretches of one that makes none.

    The generator makes them as it makes the test set, with voices no other set has, from seeds
    that no set uses.
    """
    told = [label for label in spec.model.classes if label in spec.detect.thresholds]
    quiet = [label for label in spec.model.classes if label not in told]
    order = np.random.default_rng((seed, SCENE)).permutation(len(told))
    labels: list[str] = []
    for number in order:
        labels += [*quiet[:1], told[number]]
    samples = round(find(spec.data.synth).scene_s * RATE)
    return [
        _segment(spec, label, clip(spec, label, samples, "test", (seed, SCENE, place)))
        for place, label in enumerate([*labels, *quiet[:1]])
    ]


def scene(spec: Spec, seed: int) -> list[Segment]:
    """Make the test scene of a model.

    Args:
        spec: The model's spec.
        seed: Another seed draws other sounds.

    Returns:
        Segments to play in a row.

    Raises:
        UserError: The test set lacks a class, or can't be read.
    """
    return (_synthetic_scene if is_synthetic(spec) else _recorded_scene)(spec, seed)

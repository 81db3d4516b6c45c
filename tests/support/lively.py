"""Untrained networks whose scores depend on the sound, for comparisons of board and computer."""

import numpy as np

from otolith.audio import RATE
from otolith.compile.metadata import write_metadata
from otolith.features import extract
from otolith.features.network_input import real_input
from otolith.train.architectures import find, fused
from otolith.train.convert import to_int8
from otolith.train.fit import build_network
from otolith.train.session import new_session


def lively(spec):
    """The int8 .tflite of a spec's network before training.

    It is quantised for features of real sound. Its last layer weighs what varies between sounds, so
    that the scores vary too.
    """
    keras = new_session(spec.train.seed)
    build = find(spec.model.architecture, None)
    model = fused(build_network(build, spec, keras), build)
    values = np.array(
        [extract(pcm, spec.features)[: spec.features.frames] for pcm in _sounds(spec)]
    )
    typical = real_input(values, spec.features)
    last = [layer for layer in model.layers if layer.get_weights()][-1]
    seen = keras.Model(model.input, last.input).predict(typical, verbose=0)
    seen = seen.reshape(-1, seen.shape[-1])
    kernel, *_ = last.get_weights()
    spread = np.random.default_rng(2).normal(0, 1, kernel.shape) / (seen.std(0).mean() + 1e-9)
    bias = -(seen.mean(0) @ spread.reshape(-1, kernel.shape[-1]))
    last.set_weights([spread, bias][: len(last.get_weights())])
    return write_metadata(to_int8(model, typical), spec.metadata())


def _sounds(spec):
    """Noises and tones of several levels, int16, one window long."""
    rng = np.random.default_rng(1)
    t = np.arange(spec.features.samples) / RATE
    for level in (30, 300, 3000, 10_000):
        yield rng.normal(0, level, len(t)).astype(np.int16)
        for pitch in (300, 1100, 3100):
            noise = rng.normal(0, level / 20, len(t))
            yield (level * np.sin(2 * np.pi * pitch * t) + noise).astype(np.int16)

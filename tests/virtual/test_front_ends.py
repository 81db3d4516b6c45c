"""Every front-end preset in the inference app on the virtual Pico equals the chain here.

`make test` takes one preset of each kind, `make soak` all.
"""

import numpy as np
import pytest

from otolith.device import Client, VirtualTransport
from otolith.features import PRESETS
from otolith.listen.chain import Chain
from otolith.settings.features import FRONT_ENDS
from otolith.virtual import boot
from support.front_end_model import network, settings, sound
from support.images import build
from support.parity import assert_same

KINDS = {"keyword": "mfcc", "on_off": "logmel", "streaming_wakeword": "lfbe"}


def test_each_kind_is_here():
    other = "spectrogram"  # of the network in test_inference.py
    assert {*KINDS.values(), other} == set(FRONT_ENDS)
    assert all(settings(name).kind == kind for name, kind in KINDS.items())


@pytest.mark.deep
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.soak] * (n not in KINDS)) for n in PRESETS]
)
def test_the_image_gives_the_hosts_features_scores_and_events(name, tmp_path):
    features = settings(name)
    # the hops fill the network's window once and then slide it
    hop_frames = max(1, 640 // features.hop)
    model = network(features, hop_frames)
    pcm = sound(1.5)
    with boot(build("pico", model, tmp_path)) as board:
        client = Client(VirtualTransport(board))
        client.hello(timeout_ms=5000)
        result = client.inject(pcm)
    hops = list(Chain(model).run(pcm))
    assert_same(result, hops)
    assert sum(hop.q is not None for hop in hops) >= 10
    assert len(np.unique(result.outputs)) > 5  # the outputs vary, so the comparison is meaningful

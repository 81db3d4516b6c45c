"""A network that keeps rows between hops, on the virtual Pico, equals a full pass here."""

import numpy as np
import pytest

from otolith.compile import model_hash, schedule_model
from otolith.device import Client, VirtualTransport
from otolith.listen.chain import Chain
from otolith.summarize.profile import profile_image, whole_app
from otolith.virtual import boot
from support import small_models
from support.front_end_model import sound
from support.front_ends import told, with_metadata
from support.images import build
from support.parity import assert_same

DATA = small_models.sliding()

pytestmark = pytest.mark.slow


def test_it_gives_the_full_passes_results_for_less(tmp_path):
    image = build("pico", DATA, tmp_path)
    metadata = told(DATA)
    metadata["deploy"]["stream"] = False
    data = with_metadata(DATA, metadata)
    assert schedule_model(data, "whole").stream is None
    whole = Chain(data)
    pcm = sound(2)
    hops = list(whole.run(pcm))
    with boot(image) as board:
        client = Client(VirtualTransport(board))
        client.hello(timeout_ms=5000)
        for _ in range(2):  # the second run must not depend on what the first left behind
            result = client.inject(pcm)
            assert_same(result, hops)
            assert len(np.unique(result.outputs)) > 5
    # Between two hops the app's other code takes the cache; the bench app runs hop after hop.
    app = whole_app(image, model_hash(DATA), "pico", 1000, ideal_flash=True)
    bench = build("pico-bench", DATA, tmp_path)
    profile = profile_image(bench, schedule_model(DATA, "m"), ideal_flash=True)
    assert 0 < profile.hop_cycles < profile.cycles / 4
    assert app["overruns"] == 0
    assert app["infer_ms"] == pytest.approx(profile.ms_a_hop, abs=0.1)

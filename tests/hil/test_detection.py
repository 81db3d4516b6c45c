"""The inference app gives the same results for injected sound as the same C code here."""

import numpy as np
import pytest

from otolith.listen.chain import Chain
from otolith.synth.alarm import alarm_clip

RATE = 16_000

pytestmark = pytest.mark.app("inference")


@pytest.fixture  # function scope, so that right_app runs first and other apps need no network
def chain(board):
    return Chain(board.model)


def heard_here(chain, pcm):
    chain.reset()
    return list(chain.run(pcm))


def loud_sound(chain):
    """A sound in which the network, run on this computer, detects something."""
    rng = np.random.default_rng(7)
    t = np.arange(4 * RATE) / RATE
    candidates = [
        (12000 * np.sin(2 * np.pi * 600 * t)).astype(np.int16),
        *(alarm_clip(np.random.default_rng((7, i)), 8 * RATE) for i in range(5)),
        rng.normal(0, 6000, 4 * RATE).clip(-32768, 32767).astype(np.int16),
    ]
    for pcm in candidates:
        if any(hop.event for hop in heard_here(chain, pcm)):
            return pcm
    pytest.fail("this network detects none of the sounds tried: name one with --model")


def test_injected_sound_gives_what_the_chain_gives_here(client, chain):
    rng = np.random.default_rng(11)
    noise = rng.integers(-32768, 32768, 6000).astype(np.int16)
    pcm = np.concatenate([np.zeros(8000, np.int16), noise, loud_sound(chain)[:24_000], noise // 9])
    result = client.inject(pcm)
    hops = heard_here(chain, pcm)
    scored = [hop for hop in hops if hop.q is not None]
    assert result.hops == len(hops) and len(scored) > 10
    features = np.concatenate([h.features for h in hops if len(h.features)])
    np.testing.assert_array_equal(result.features, features)
    np.testing.assert_array_equal(result.outputs, [h.q for h in scored])
    np.testing.assert_array_equal(result.scores, [h.scores for h in scored])
    np.testing.assert_array_equal(result.smoothed, [h.smoothed for h in scored])


def test_a_sound_is_detected_and_silence_is_not(client, chain):
    sound = loud_sound(chain)
    quiet = client.inject(np.zeros(3 * RATE, np.int16))
    assert quiet.events == []
    found = client.inject(sound)
    here = [(h.t_ms, h.event[0]) for h in heard_here(chain, sound) if h.event]
    assert [(e["t_ms"], e["label"]) for e in found.events] == here
    assert here

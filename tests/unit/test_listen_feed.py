"""listen_feed: blocks of any size give the same as whole hops."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.errors import UserError
from otolith.listen.chain import Chain
from support.front_end_model import network, sound
from support.front_end_model import settings as front_end
from support.front_ends import changed

# three front ends; micro_speech with a DC filter, on_off with dynamic range
PRESETS = ("smart_lock", "micro_speech", "on_off")
HOP_FRAMES = 3


@cache
def chain_and_hops(name):
    """A chain, a sound that ends in mid-hop, and the results of its whole hops."""
    notch = {"fe": {"dc_notch_filter_enable": True}} if name == "micro_speech" else {}
    features = changed(front_end(name), frames=12, **notch)
    chain = Chain(network(features, HOP_FRAMES))
    pcm = sound(0.6)
    pcm = pcm[: (len(pcm) // chain.hop - 1) * chain.hop + chain.hop // 3]
    whole = [chain.push(part) for part in np.split(pcm, range(chain.hop, len(pcm), chain.hop))[:-1]]
    assert sum(hop.q is not None for hop in whole) > 2
    assert sum(len(hop.features) for hop in whole) > 12
    return chain, pcm, whole


def same(a, b):
    for key, value in vars(a).items():
        np.testing.assert_array_equal(value, getattr(b, key), err_msg=key)


@pytest.mark.parametrize("name", PRESETS)
@given(sizes=st.lists(st.integers(0, 3000), min_size=1, max_size=12))
@settings(max_examples=15, deadline=None)
def test_blocks_of_any_size_give_the_same_hops(name, sizes):
    chain, pcm, whole = chain_and_hops(name)
    chain.reset()
    hops, at, turn = [], 0, 0
    while at < len(pcm):
        size = sizes[turn % len(sizes)] if turn < 50 else chain.hop
        hops += chain.feed(pcm[at : at + size])
        at, turn = at + size, turn + 1
        assert len(hops) == min(at, len(pcm)) // chain.hop  # each hop as soon as it is complete
    for a, b in zip(hops, whole, strict=True):
        same(a, b)


def test_single_samples_give_the_same_hops():
    chain, pcm, whole = chain_and_hops("micro_speech")
    chain.reset()
    hops = [hop for i in range(4 * chain.hop) for hop in chain.feed(pcm[i : i + 1])]
    assert len(hops) == 4
    for a, b in zip(hops, whole[:4], strict=True):
        same(a, b)


def test_a_reset_forgets_half_a_hop():
    chain, pcm, whole = chain_and_hops("smart_lock")
    chain.reset()
    assert chain.feed(pcm[5 : 5 + chain.hop // 2]) == []
    chain.reset()
    (hop,) = chain.feed(pcm[: chain.hop])
    same(hop, whole[0])


def test_other_arrays_are_refused():
    chain, pcm, _ = chain_and_hops("smart_lock")
    for wrong in (pcm.astype(float), pcm.reshape(1, -1)):
        with pytest.raises(UserError, match="int16"):
            chain.feed(wrong)

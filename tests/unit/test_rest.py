"""A network that rests behind a closed gate: the events are those of one that runs all the time."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.listen.chain import Chain
from otolith.listen.several import SeveralChain
from support import chain_model, small_models
from support.front_end_model import network
from support.front_end_model import settings as preset
from support.front_ends import changed, told, with_metadata
from support.soak import depth
from support.wake_words import adopted

GATE = 500
HEARS_ACTIVITY = changed(preset("on_off"), fe={"activity_detection_enable": True})
LOUDNESS = st.sampled_from([0, 0, 0, 30, 499, 501, 3000, 12000])  # silence is the rule


def gated(data, **detect):
    """The model with other settings of the decision layer."""
    metadata = told(data)
    metadata["detect"] = {**metadata["detect"], "gate": GATE, **detect}
    return with_metadata(data, metadata)


def sound(levels, hop):
    """A hop of square wave for each level: its mean |sample| is the level."""
    wave = np.where(np.arange(hop) // 8 % 2, 1, -1)
    return np.concatenate([level * wave for level in levels]).astype(np.int16)


def told_by(hops):
    """What must not depend on rests."""
    return [
        (hop.hop, hop.level, hop.event, hop.decision, hop.smoothed is not None and [*hop.smoothed])
        for hop in hops
    ]


def rests(hops):
    return [hop.hop for hop in hops if hop.q is None and hop.smoothed is not None]


@pytest.fixture(scope="module")
def pairs():
    """Model by name: (never resting, resting), fed the same sound."""
    models = {
        "plain": gated(chain_model.network(2), vote=3),
        "delayed": gated(chain_model.network(1), gate_delay=2, gate_backoff=1, unknown_events=True),
        "kept rows": gated(small_models.sliding(), smoothing=2, minimum_count=1),
        "activity": gated(network(HEARS_ACTIVITY), gate=0, gate_activity=True),
    }
    return {name: (Chain(data), Chain(data)) for name, data in models.items()}


@pytest.mark.parametrize("name", ["plain", "delayed", "kept rows", "activity"])
@settings(max_examples=depth(25, 400), deadline=None)
@given(levels=st.lists(LOUDNESS, min_size=6, max_size=60), switched=st.lists(st.booleans()))
def test_events_stay_the_same(pairs, name, levels, switched):
    plain, resting = pairs[name]
    hops = []
    for chain in (plain, resting):
        chain.reset()
    pcm = sound(levels, plain.hop)
    always = list(plain.run(pcm))
    for number, hop in enumerate(np.split(pcm, len(levels))):
        resting.rest(switched[number] if number < len(switched) else True)
        hops.append(resting.push(hop))
    assert told_by(hops) == told_by(always)
    for hop, other in zip(hops, always, strict=True):
        if hop.q is not None:
            np.testing.assert_array_equal(hop.q, other.q)
            np.testing.assert_array_equal(hop.scores, other.scores)
        np.testing.assert_array_equal(hop.features, other.features)


def test_it_rests_exactly_while_the_gate_is_closed():
    chain = Chain(gated(chain_model.network(2), gate_delay=1, gate_backoff=2))
    chain.rest(True)
    levels = [0] * 6 + [900] + [0] * 6
    hops = list(chain.run(sound(levels, chain.hop)))
    full = next(hop.hop for hop in hops if hop.smoothed is not None)
    ran = [hop.hop for hop in hops if hop.q is not None]
    assert ran == [8, 9, 10] and rests(hops) == [n for n in range(full, 14) if n not in ran]
    chain.rest(False)
    chain.reset()
    assert not rests(chain.run(sound(levels, chain.hop)))


def test_it_never_rests_without_a_gate():
    chain = Chain(gated(chain_model.network(2), gate=0))
    chain.rest(True)
    assert not rests(chain.run(sound([0] * 12, chain.hop)))


def test_a_stateful_network_never_rests():
    chain = Chain(gated(adopted("alexa"), gate=20000))
    chain.rest(True)
    hops = list(chain.run(np.zeros(16000, np.int16)))
    assert sum(hop.q is not None for hop in hops) > 10 and not rests(hops)


@settings(max_examples=depth(10, 200), deadline=None)
@given(levels=st.lists(LOUDNESS, min_size=8, max_size=50))
def test_networks_behind_one_front_end_rest_each_for_itself(several, levels):
    plain, resting = several
    found = []
    for chain, on in ((plain, False), (resting, True)):
        chain.reset()
        chain.rest(on)
        found.append(list(chain.run(sound(levels, chain.hop))))
    always, hops = found
    for number in range(3):
        one, other = ([of[number].hop for of in hop] for hop in (hops, always))
        assert told_by(one) == told_by(other)


@pytest.fixture(scope="module")
def several():
    """The first gates the third; the second has a gate of its own and another voice."""

    def named(name, outputs, **detect):
        data = gated(chain_model.network(outputs), **detect)
        metadata = json.loads(json.dumps(told(data)))
        return with_metadata(data, metadata | {"name": name}), name

    models = [named("first", 2), named("second", 1, gate=3000), named("third", 2, gate=0)]
    return SeveralChain(models, "first"), SeveralChain(models, "first")

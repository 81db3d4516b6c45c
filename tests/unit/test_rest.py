"""Network and front end rest behind a closed gate: events are those of a chain that never rests."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.compile import compile_graph
from otolith.listen.chain import Chain
from otolith.listen.several import SeveralChain
from otolith.settings.features import PAST_MOST
from support import chain_model, small_models
from support.front_end_model import network
from support.front_end_model import settings as preset
from support.front_ends import changed, gated, told, with_metadata
from support.soak import depth
from support.wake_words import adopted

HEARS_ACTIVITY = changed(preset("on_off"), fe={"activity_detection_enable": True})
# logmel with the notch filter and scaled windows, but without noise reduction
FILTERED = changed(preset("on_off"), frames=20, fe={"noise_reduction_enable": False})
LOUDNESS = st.sampled_from([0, 0, 0, 30, 499, 501, 3000, 12000])  # silence is the rule


def sound(levels, hop):
    """A hop of random signs for each level: its mean |sample| is the level."""
    rng = np.random.default_rng(3)
    waves = [level * rng.choice([-1, 1], hop) for level in levels]
    return np.concatenate(waves).astype(np.int16)


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
        "mfcc": gated(network(changed(preset("smart_lock"), frames=9))),
        "filtered, dynamic": gated(network(FILTERED), smoothing=1, minimum_count=1),
        "lfbe": gated(network(changed(preset("streaming_wakeword"), frames=5), 1)),
    }
    return {name: (Chain(data), Chain(data)) for name, data in models.items()}


@pytest.mark.parametrize(
    "name", ["plain", "delayed", "kept rows", "activity", "mfcc", "filtered, dynamic", "lfbe"]
)
@settings(max_examples=depth(25, 400), deadline=None)
@given(levels=st.lists(LOUDNESS, min_size=6, max_size=60), switched=st.lists(st.booleans()))
def test_events_stay_the_same(pairs, name, levels, switched):
    plain, resting = pairs[name]
    hops = []
    for chain in (plain, resting):
        chain.reset()
    pcm = sound(levels, plain.hop)
    always, windows = [], []
    for number, block in enumerate(np.split(pcm, len(levels))):
        resting.rest(switched[number] if number < len(switched) else True)
        at = 37 * number % plain.hop
        hops += [*resting.feed(block[:at]), *resting.feed(block[at:])]
        always.append(plain.push(block))
        if hops[-1].q is not None:
            windows.append((resting.window(), plain.window()))
    assert told_by(hops) == told_by(always)
    for hop, other in zip(hops, always, strict=True):
        if hop.q is not None:
            np.testing.assert_array_equal(hop.q, other.q)
            np.testing.assert_array_equal(hop.scores, other.scores)
        if len(hop.features):
            np.testing.assert_array_equal(hop.features, other.features[-len(hop.features) :])
    for window, other in windows:
        np.testing.assert_array_equal(window, other)


@pytest.mark.parametrize(
    ("name", "rested"), [("plain", True), ("filtered, dynamic", True), ("activity", False)]
)
def test_the_front_end_rests_unless_it_has_to_hear_every_frame(pairs, name, rested):
    chain = pairs[name][1]
    chain.reset()
    chain.rest(True)
    full = -(-chain.metadata.features.samples // chain.hop)
    hops = list(chain.run(sound([0] * (full + 4), chain.hop)))[-3:]
    assert [hop.hop for hop in hops] == rests(hops)
    assert all((len(hop.features) == 0) == rested for hop in hops)


def test_the_front_end_rests_only_if_it_catches_up_in_time(pairs):
    """The clock says what a frame takes: with 100 ms each, sound would be lost."""
    chain = pairs["plain"][1]
    try:
        for step, rested in ((50, True), (100_000, False)):
            ticks = itertools.count(0, step)
            clock = chain._ffi.callback("uint32_t(void)", lambda ticks=ticks: next(ticks))
            assert chain._lib.listen_init(clock) == 0
            chain.rest(True)
            hops = list(chain.run(sound([0] * 12, chain.hop)))
            assert rests(hops) and (len(hops[-1].features) == 0) == rested
    finally:
        assert chain._lib.listen_init(chain._ffi.NULL) == 0


def test_only_a_gated_model_keeps_sound():
    files = [compile_graph(gated(chain_model.network(2), gate=gate), "m").files for gate in (0, 9)]
    assert ["past" in file["pipeline.c"] for file in files] == [False, True]
    front_end = preset("keyword")
    most = (PAST_MOST - front_end.window) // front_end.hop
    assert changed(front_end, frames=most).past_samples
    assert not changed(front_end, frames=most + 1).past_samples


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

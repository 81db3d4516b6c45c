"""Augmenter: seeds, probabilities, workers, and invalid settings."""

import math
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from otolith.augment.pipeline import Augmenter
from otolith.augment.registry import NAMES
from otolith.augment.settings import parse
from otolith.errors import UserError

CLASSES = ["yes", "unknown"]
RNG = np.random.default_rng(1)
WINDOW = RNG.normal(0, 2000, 16000).astype(np.int16)
FEATURES = RNG.integers(0, 9000, (124, 129)).astype(np.int16)
BACKGROUNDS = [RNG.normal(0, 500, 40000).astype(np.int16) for _ in range(3)]


def everything(probability=0.5):
    table = {name: {"probability": probability} for name in NAMES if name != "impulse_response"}
    table["crop"]["classes"] = ["yes"]
    return table


def augmenter(table):
    return Augmenter(parse(table, "f"), CLASSES, BACKGROUNDS, "unknown")


def results(a, clips=range(12)):
    return [
        (*a.audio(WINDOW, 0, (5, clip, 2)), a.features(FEATURES, (5, clip, 2))) for clip in clips
    ]


def assert_same(a, b):
    for (pcm, label, values), (pcm2, label2, values2) in zip(a, b, strict=True):
        np.testing.assert_array_equal(pcm, pcm2)
        np.testing.assert_array_equal(values, values2)
        assert label == label2


def test_the_same_key_gives_the_same_whatever_came_before():
    forward = results(augmenter(everything()))
    backward = results(augmenter(everything()), reversed(range(12)))[::-1]
    assert_same(forward, backward)
    assert len({pcm.tobytes() for pcm, _, _ in forward}) > 8


def test_seed_clip_and_epoch_each_change_it():
    a = augmenter({"gain": {"probability": 1}})
    keys = [(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2)]
    assert len({a.audio(WINDOW, 0, key)[0].tobytes() for key in keys}) == 4


def test_an_augmentation_draws_the_same_whichever_others_are_on():
    whole = augmenter(everything())
    for clip in range(20):
        hits = {}
        whole.audio(WINDOW, 0, (1, clip, 0), hits=hits)
        whole.features(FEATURES, (1, clip, 0), hits)
        for name, table in everything().items():
            alone = {}
            one = augmenter({name: table})
            one.audio(WINDOW, 0, (1, clip, 0), hits=alone)
            one.features(FEATURES, (1, clip, 0), alone)
            assert (name in alone) == (name in hits)
            if name not in alone:
                continue
            mine, other = alone[name], hits[name]
            # what depends on the input sound is not drawn at random
            settings = [key for key in mine if key not in ("ms",)]
            assert {k: mine[k] for k in settings} == {k: other[k] for k in settings}


def test_it_goes_to_a_spawned_worker():
    a = augmenter(everything())
    assert_same(results(pickle.loads(pickle.dumps(a))), results(a))
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert_same(pool.submit(results, a).result(), results(a))


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.93, 1.0])
def test_each_is_applied_as_often_as_it_should(probability):
    draws = 2000
    table = {name: {"probability": probability} for name in ("gain", "dropout", "shift")}
    a = augmenter({**table, "bias": {"probability": probability}})
    counts = dict.fromkeys([*table, "bias"], 0)
    both = 0
    for clip in range(draws):
        hits = {}
        a.audio(WINDOW[:200], 0, (3, clip, 0), hits=hits)
        a.features(FEATURES[:4, :4], (3, clip, 0), hits)
        for name in hits:
            counts[name] += 1
        both += "gain" in hits and "dropout" in hits

    def within(count, p):  # 4 standard deviations: 1 in 16,000
        return abs(count - draws * p) <= 4 * math.sqrt(draws * p * (1 - p))

    for name, count in counts.items():
        assert within(count, probability), (name, count)
    assert within(both, probability**2)  # independent of each other


def test_drawn_values_fill_their_range_evenly():
    a = augmenter({"gain": {"probability": 1, "gain_db": [-6, 2]}})
    drawn = []
    for clip in range(2000):
        hits = {}
        a.audio(WINDOW[:10], 0, (1, clip, 0), hits=hits)
        drawn.append(hits["gain"]["gain_db"])
    assert -6 <= min(drawn) < -5.95 and 1.95 < max(drawn) <= 2
    counts = np.histogram(drawn, 8, (-6, 2))[0]
    chi = ((counts - 250) ** 2 / 250).sum()
    assert chi < 24.3  # 7 degrees of freedom, 1 in 1,000


def test_nothing_on_changes_nothing():
    pcm, label = augmenter({}).audio(WINDOW, 0, (1, 1, 1))
    np.testing.assert_array_equal(pcm, WINDOW)
    assert label == 0
    np.testing.assert_array_equal(augmenter({}).features(FEATURES, (1, 1, 1)), FEATURES)


def test_loud_sums_saturate():
    loud = (np.sign(WINDOW) * 32000).astype(np.int16)
    a = Augmenter(parse({"background": {"probability": 1, "snr_db": -3}}, "f"), ["a"], [loud])
    y, _ = a.audio(loud, 0, (1, 1, 1))
    assert y.max() == 32767 and y.min() == -32768
    a = Augmenter(parse({"gain": {"probability": 1, "gain_db": 40}}, "f"), ["a"])
    np.testing.assert_array_equal(np.sign(a.audio(loud, 0, (1, 1, 1))[0]), np.sign(loud))


@pytest.mark.parametrize(
    ("table", "classes", "unknown", "line"),
    [
        ({"background": {}}, ["a"], None, "[augment.background]: no background sounds"),
        ({"background": {"folder": "none"}}, ["a"], None, "none: no such folder"),
        ({"impulse_response": {}}, ["a"], None, "[augment.impulse_response] lacks folder"),
        ({"impulse_response": {"folder": "."}}, ["a"], None, "no sound files in it"),
        ({"crop": {}}, ["a", "u"], "u", "[augment.crop] lacks classes"),
        ({"crop": {"classes": ["b"]}}, ["a", "u"], "u", "b is no class of the model"),
        ({"crop": {"classes": ["a"]}}, ["a", "u"], None, "no class for unknown sounds"),
        ({"crop": {"classes": ["u"]}}, ["a", "u"], "u", "u is the unknown class itself"),
        ({}, ["a"], "u", "unknown = 'u': is no class"),
    ],
)
def test_what_is_missing_is_one_line(table, classes, unknown, line, tmp_path, monkeypatch):
    monkeypatch.setenv("OTOLITH_DATA", str(tmp_path))
    with pytest.raises(UserError) as caught:
        Augmenter(parse(table, "f"), classes, unknown=unknown)
    assert line in caught.value.message and "\n" not in caught.value.message


def test_wrong_samples_are_refused():
    with pytest.raises(UserError, match="int16"):
        augmenter({}).audio(WINDOW.astype(float), 0, (1, 1, 1))

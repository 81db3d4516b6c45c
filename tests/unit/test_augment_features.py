"""Effects of augmentations on features."""

import numpy as np
import pytest

from otolith.augment.pipeline import Augmenter
from otolith.augment.registry import FEATURES
from otolith.augment.settings import parse


def one(name, **settings):
    return Augmenter(parse({name: {"probability": 1, **settings}}, "spec.toml"), ["a"])


def values(low=0, high=15000):
    return np.random.default_rng(1).integers(low, high, (124, 129)).astype(np.int16)


def runs(flags):
    """Lengths of the stretches of True."""
    edges = np.flatnonzero(np.diff(np.r_[0, flags.astype(int), 0]))
    return list(edges[1::2] - edges[::2])


@pytest.mark.parametrize("name", list(FEATURES))
def test_features_keep_shape_and_type_and_the_original_stays(name):
    x = values()
    before = x.copy()
    for clip in range(5):
        y = one(name).features(x, (1, clip, 0))
        assert y.dtype == np.int16 and y.shape == x.shape
        np.testing.assert_array_equal(x, before)
    assert one(name).features(x[:0], (1, 1, 0)).shape == (0, 129)


@pytest.mark.parametrize(
    ("name", "key", "axis"),
    [("time_mask", "width_frames", 1), ("frequency_mask", "width_bands", 0)],
)
def test_masks_have_the_drawn_size(name, key, axis):
    x, widths = values(1), set()
    for clip in range(60):
        hits = {}
        augmenter = one(name, count=1, fill="zero", **{key: [3, 9]})
        y = augmenter.features(x, (1, clip, 0), hits)
        masked = (y == 0).all(axis=axis)
        width = hits[name][f"{key}_1"]
        assert runs(masked) == [width] and 3 <= width <= 9
        np.testing.assert_array_equal(
            np.compress(~masked, y, 1 - axis), np.compress(~masked, x, 1 - axis)
        )
        widths.add(width)
    assert widths == set(range(3, 10))


@pytest.mark.parametrize(("fill", "wanted"), [("mean", np.mean), ("floor", np.min)])
def test_masks_are_filled_as_said(fill, wanted):
    x = values(1)
    y = one("time_mask", count=1, width_frames=124, fill=fill).features(x, (1, 1, 0))
    assert (y == round(float(wanted(x)))).all()
    y = one("frequency_mask", count=2, width_bands=500, fill=fill).features(x, (1, 1, 0))
    assert (y == round(float(wanted(x)))).all()


def test_sparse_noise_hits_the_drawn_share_with_the_drawn_deviation():
    x = np.full((500, 200), 10000, np.int16)
    hits = {}
    augmenter = one("sparse_noise", share_percent=[2, 8], deviation_steps=[300, 600])
    change = augmenter.features(x, (1, 1, 0), hits).astype(int) - x
    drawn = hits["sparse_noise"]
    hit = change != 0
    assert hit.mean() == pytest.approx(drawn["share_percent"] / 100, rel=0.08)
    assert change[hit].std() == pytest.approx(drawn["deviation_steps"], rel=0.08)
    assert abs(change[hit].mean()) < 0.1 * drawn["deviation_steps"]


def test_bias_is_the_same_everywhere_and_saturates():
    hits = {}
    y = one("bias", bias_steps=[-700, 700]).features(values(1000), (1, 1, 0), hits)
    assert set(np.unique(y.astype(int) - values(1000))) == {round(hits["bias"]["bias_steps"])}
    signed = values(-32768, 32767)
    y = one("bias", bias_steps=30000).features(signed, (1, 1, 0))
    np.testing.assert_array_equal(y, np.minimum(signed.astype(int) + 30000, 32767))
    y = one("bias", bias_steps=-30000).features(signed, (1, 1, 0))
    np.testing.assert_array_equal(y, np.maximum(signed.astype(int) - 30000, -32768))


def test_a_spectrogram_never_goes_below_zero():
    assert one("bias", bias_steps=-30000).features(values(), (1, 1, 0)).min() == 0

"""otolith.evaluate.metrics: worked by hand, and against direct counting."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.evaluate import metrics

# three classes, UNK = 3; ten sounds, the last belongs to no class
TRUTH = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 3])
SAID = np.array([0, 0, 1, 3, 1, 1, 0, 2, 3, 0])
TABLE = [[2, 1, 0, 1], [1, 2, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0]]


def test_figures_by_hand():
    table = metrics.confusion(TRUTH, SAID, 3)
    assert table.tolist() == TABLE
    assert metrics.accuracy(TRUTH, SAID) == 0.5
    assert metrics.precision(table).tolist() == [2 / 4, 2 / 3, 1]
    assert metrics.recall(table).tolist() == [2 / 4, 2 / 3, 1 / 2]
    assert metrics.f1(table) == pytest.approx([1 / 2, 2 / 3, 2 / 3])


def test_what_is_below_its_threshold_is_unknown():
    scores = np.array([[0.7, 0.3], [0.4, 0.6], [0.2, 0.8], [0.5, 0.5]])
    assert metrics.decide(scores, np.array([0.0, 0.8])).tolist() == [0, 2, 1, 0]
    assert metrics.decide(scores, np.array([0.6, 0.8])).tolist() == [0, 2, 1, 2]


def test_ratios_of_nothing_are_not_numbers():
    table = metrics.confusion(np.array([0, 0]), np.array([0, 2]), 2)
    assert metrics.precision(table)[0] == 1 and math.isnan(metrics.precision(table)[1])
    assert math.isnan(metrics.recall(table)[1]) and math.isnan(metrics.f1(table)[1])
    assert math.isnan(metrics.accuracy(np.array([], int), np.array([], int)))
    assert math.isnan(metrics.roc_auc(np.array([0.1, 0.2]), np.array([True, True])))


def test_roc_by_hand():
    scores = np.array([0.9, 0.8, 0.8, 0.4, 0.1])
    positive = np.array([True, True, False, True, False])
    # of 3 x 2 pairs 0.9 wins both, 0.8 one and a half, 0.4 one
    assert metrics.roc_auc(scores, positive) == 4.5 / 6
    alarms, hits = metrics.roc_curve(scores, positive)
    assert alarms.tolist() == [0, 0, 0.5, 0.5, 1]
    assert hits == pytest.approx([0, 1 / 3, 2 / 3, 1, 1])


LISTS = st.lists(
    st.tuples(st.integers(0, 12), st.booleans()), min_size=2, max_size=60
)  # few distinct values, so many ties


@given(LISTS)
def test_auc_equals_a_count_of_pairs_and_the_area_below_the_curve(pairs):
    scores = np.array([s for s, _ in pairs]) / 12
    positive = np.array([p for _, p in pairs])
    good, bad = scores[positive], scores[~positive]
    auc = metrics.roc_auc(scores, positive)
    if not len(good) or not len(bad):
        assert math.isnan(auc)
        return
    won = sum((g > b) + 0.5 * (g == b) for g, b in itertools.product(good, bad))
    assert auc == won / (len(good) * len(bad))
    alarms, hits = metrics.roc_curve(scores, positive)
    assert np.trapezoid(hits, alarms) == pytest.approx(auc)
    assert (np.diff(alarms) >= 0).all() and (np.diff(hits) >= 0).all()
    assert (alarms[-1], hits[-1]) == (1, 1)
    # scaling changes nothing; negating gives the complement
    assert metrics.roc_auc(scores**3 - 7, positive) == auc
    assert metrics.roc_auc(-scores, positive) == pytest.approx(1 - auc)


@given(st.integers(1, 5).flatmap(lambda k: st.tuples(st.just(k), st.lists(
    st.tuples(st.integers(0, k), st.integers(0, k)), max_size=50))))  # fmt: skip
def test_per_class_figures_equal_a_count_one_by_one(case):
    k, pairs = case
    truth = np.array([t for t, _ in pairs], int)
    said = np.array([s for _, s in pairs], int)
    table = metrics.confusion(truth, said, k)
    assert table.sum() == len(pairs)
    assert table.sum(1).tolist() == np.bincount(truth, minlength=k + 1).tolist()
    for c in range(k):
        tp = sum(t == c and s == c for t, s in pairs)
        fp = sum(t != c and s == c for t, s in pairs)
        fn = sum(t == c and s != c for t, s in pairs)
        p, r, f = (m(table)[c] for m in (metrics.precision, metrics.recall, metrics.f1))
        assert p == tp / (tp + fp) if tp + fp else math.isnan(p)
        assert r == tp / (tp + fn) if tp + fn else math.isnan(r)
        if tp:
            assert f == pytest.approx(2 * p * r / (p + r))
            assert min(p, r) - 1e-12 <= f <= max(p, r) + 1e-12
        else:
            assert f == 0 if fp + fn else math.isnan(f)
    if pairs:
        assert metrics.accuracy(truth, said) == np.trace(table) / table.sum()


@given(LISTS)
def test_the_sweep_counts_what_reaches_the_threshold(pairs):
    scores = np.array([s for s, _ in pairs]) / 12
    positive = np.array([p for _, p in pairs])
    steps = np.linspace(0, 1, 25)
    swept = metrics.sweep(scores, positive, steps)
    for i, t in enumerate(steps):
        said = scores >= t
        counted = [(said & positive), (said & ~positive), (~said & positive), (~said & ~positive)]
        found = [swept.tp[i], swept.fp[i], swept.fn[i], swept.tn[i]]
        assert found == [int(c.sum()) for c in counted]
        table = metrics.confusion(np.where(positive, 0, 1), np.where(said, 0, 1), 1)
        np.testing.assert_array_equal(swept.f1[i], metrics.f1(table)[0])
    if positive.any():
        assert swept.f1[metrics.pick(swept.f1)] == np.nanmax(swept.f1)
    assert (np.diff(swept.tp) <= 0).all() and (np.diff(swept.fp) <= 0).all()


def test_the_pick_is_the_middle_of_the_longest_best_run():
    assert metrics.pick(np.array([1, 3, 2, 3, 3, 3, np.nan, 3])) == 4
    assert metrics.pick(np.array([5.0])) == 0


def test_wilson_by_the_textbook():
    # Newcombe 1998, table I: 81/263, 15/148, 0/20, 1/29
    for right, count, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert metrics.wilson(right, count) == pytest.approx((low, high), abs=5e-5)
    assert all(math.isnan(x) for x in metrics.wilson(0, 0))


@pytest.mark.parametrize(
    ("one", "other", "p"),
    [
        (0, 0, 1.0),
        (3, 3, 1.0),
        (5, 4, 1.0),
        (0, 5, 2 / 32),  # 2 * C(5,0) / 2^5
        (0, 6, 2 / 64),
        (1, 8, 2 * (1 + 9) / 512),
        (2, 10, 2 * (1 + 12 + 66) / 4096),
        (10, 2, 2 * (1 + 12 + 66) / 4096),
    ],
)
def test_mcnemar_by_hand(one, other, p):
    assert metrics.mcnemar(one, other) == p


@given(st.integers(0, 14), st.integers(0, 14))
def test_mcnemar_equals_all_tosses_of_the_coin(one, other):
    """The p-value counts all outcomes at least as uneven as the observed one."""
    n = one + other
    uneven = abs(one - other)
    as_bad = sum(math.comb(n, k) for k in range(n + 1) if abs(2 * k - n) >= uneven)
    assert metrics.mcnemar(one, other) == float(Fraction(as_bad, 2**n))


def test_mcnemar_of_many():
    assert metrics.mcnemar(5000, 5000) == 1.0
    assert 0 < metrics.mcnemar(4800, 5200) < 1e-4

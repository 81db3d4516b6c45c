"""Learning rate, class balance and early stopping, against values worked out by hand."""

import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.augment.between_class import mix_sounds
from otolith.features import extract
from otolith.settings.front_ends.logmel import Logmel
from otolith.settings.front_ends.spectrogram import Spectrogram
from otolith.settings.spec import Train
from otolith.train.batches import mixed
from otolith.train.learning import (
    Length,
    Watch,
    class_weights,
    learning_rate,
    length,
    loss_of,
    picked,
)

LABELS = np.array([0] * 10 + [1] * 3 + [2] * 5)


def counts(indices):
    return np.bincount(LABELS[indices], minlength=3).tolist()


def test_all_windows_are_used_unless_told_otherwise():
    np.testing.assert_array_equal(picked(LABELS, Train()), np.arange(18))


def test_undersampling_takes_as_many_as_the_rarest_class_has():
    assert counts(picked(LABELS, Train(balance="undersample"))) == [3, 3, 3]


def test_a_cap_limits_every_class():
    assert counts(picked(LABELS, Train(cap=4))) == [4, 3, 4]
    assert counts(picked(LABELS, Train(cap=2, balance="undersample"))) == [2, 2, 2]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(0, 9), st.integers(0, 3))
def test_what_is_picked_is_in_order_and_drawn_by_the_seed(labels, cap, seed):
    labels = np.array(labels)
    settings = Train(cap=cap, balance="undersample", seed=seed)
    kept = picked(labels, settings)
    assert (np.diff(kept) > 0).all()
    np.testing.assert_array_equal(kept, picked(labels, settings))
    assert len(set(np.bincount(labels[kept])[np.unique(labels)].tolist())) == 1


def test_weights_make_classes_count_alike():
    weights = class_weights(LABELS, 3, Train())
    assert [round(weights[c] * n, 9) for c, n in enumerate((10, 3, 5))] == [6, 6, 6]
    assert class_weights(LABELS, 3, Train(balance="none")) is None


class Schedules:
    """A replacement for keras.optimizers.schedules."""

    @staticmethod
    def PiecewiseConstantDecay(places, values):
        return ("stepped", places, values)

    @staticmethod
    def CosineDecay(rate, steps):
        return ("cosine", rate, steps)


KERAS = types.SimpleNamespace(optimizers=types.SimpleNamespace(schedules=Schedules))


@pytest.mark.parametrize(
    ("settings", "windows", "found"),
    [
        (Train(epochs=20), 40, Length(20, 0)),  # the spec's value is kept
        (Train(epochs=300, plateau=7), 40, Length(300, 7)),
        (Train(), 200, Length(500, 100)),  # 4 batches: 750 would make 3,000 updates
        (Train(), 4000, Length(48, 10)),  # 63 batches
        (Train(), 100_000, Length(20, 10)),  # 1,563 batches
        (Train(batch=8), 200, Length(120, 24)),
        (Train(updates=600, batch=8), 200, Length(24, 10)),
        (Train(plateau=3), 4000, Length(48, 3)),
    ],
)
def test_small_sets_get_more_epochs(settings, windows, found):
    assert length(settings, windows) == found


def test_schedules():
    assert learning_rate(KERAS, Train(schedule="constant"), 0.01, 10, 5) == 0.01
    assert learning_rate(KERAS, Train(), 0.01, 10, 5) == ("cosine", 0.01, 50)
    stepped = Train(schedule="stepped", steps=[0.5, 0.8], step_factor=0.1)
    kind, places, values = learning_rate(KERAS, stepped, 0.01, 10, 5)
    assert (kind, places) == ("stepped", [25, 40])
    assert values == pytest.approx([0.01, 0.001, 0.0001])


OTHER = {"loss": 1.0, "accuracy": 0.5}


class Model:
    """Its weights are the number of its epoch."""

    stop_training = False
    epoch = 0

    def get_weights(self):
        return [self.epoch]


def watch(settings, losses, accuracies):
    """Feed these validation figures to a Watch. Returns the Watch and the epochs it ran."""
    keras = types.SimpleNamespace(callbacks=types.SimpleNamespace(Callback=object))
    found = Watch(settings, lambda *_: None)
    callback, model = found.callback(keras), Model()
    callback.model = model
    for epoch, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True)):
        model.epoch = epoch + 1
        callback.on_epoch_end(epoch, {**OTHER, "val_loss": loss, "val_accuracy": accuracy})
        if model.stop_training:
            break
    return found, model.epoch


def test_the_best_epoch_is_kept():
    found, ran = watch(Train(), [3, 1, 2, 4], [0.1] * 4)
    assert (found.best_epoch, found.weights, ran, found.stopped) == (2, [2], 4, "")


def test_a_plateau_ends_training():
    found, ran = watch(Train(plateau=2), [3, 1, 2, 2, 0.5], [0.1] * 5)
    assert (found.best_epoch, ran) == (2, 4) and "no better validation loss" in found.stopped


def test_a_threshold_ends_training_once_it_has_held():
    accuracies = [0.95, 0.5, 0.95, 0.92, 0.99, 1.0]
    found, ran = watch(Train(threshold=0.9, patience=3), [1] * 6, accuracies)
    assert ran == 5 and "at least 0.9 for 3 epochs" in found.stopped


def test_mixed_rows_stay_mostly_themselves_and_labels_follow():
    values = np.eye(8, dtype=np.float32)[..., None]
    labels = np.eye(8, dtype=np.float32)
    rng = np.random.default_rng(1)
    mixed_values, mixed_labels = mixed(values, labels, 0.5, rng)
    np.testing.assert_allclose(mixed_values[..., 0], mixed_labels, rtol=1e-6)
    np.testing.assert_allclose(mixed_labels.sum(1), 1, rtol=1e-6)
    assert (np.diag(mixed_labels) >= 0.5).all() and (np.diag(mixed_labels) < 1).any()


def test_smoothed_or_mixed_labels_are_shares_of_classes():
    found = []

    class Losses:
        BinaryCrossentropy = CategoricalCrossentropy = SparseCategoricalCrossentropy = staticmethod(
            lambda **settings: found.append(settings)
        )

    keras, model = types.SimpleNamespace(losses=Losses), types.SimpleNamespace(output_shape=(1, 3))
    _, plain = loss_of(keras, model, Train())
    np.testing.assert_array_equal(plain(np.array([2, 0])), [2, 0])
    _, shares = loss_of(keras, model, Train(smoothing=0.1))
    np.testing.assert_array_equal(shares(np.array([2, 0])), [[0, 0, 1], [1, 0, 0]])
    model.output_shape = (1, 1)
    _, yes = loss_of(keras, model, Train(smoothing=0.2))
    np.testing.assert_array_equal(yes(np.array([1, 0])), [[1], [0]])
    assert found == [{}, {"label_smoothing": 0.1}, {"label_smoothing": 0.2}]


SPECTROGRAM = Spectrogram(frames=100, hop=128, compress="log2")


@pytest.mark.parametrize(
    ("share", "quieter", "settings"),
    [
        (0.5, 1.0, SPECTROGRAM),
        (0.5, 0.1, SPECTROGRAM),
        (0.8, 0.3, SPECTROGRAM),
        (0.8, 0.3, Logmel(frames=100)),
    ],
)
def test_mixed_sounds_are_those_of_mixed_waveforms(share, quieter, settings):
    """The reference adds two unrelated waveforms as Tokozume et al. do (equation 2)."""
    rng = np.random.default_rng(1)
    one = rng.normal(0, 2000, settings.samples)
    two = np.convolve(rng.normal(0, 2000 * quieter, settings.samples + 7), np.ones(8) / 3, "valid")
    level = [np.sqrt(np.mean(x**2)) for x in (one, two)]
    gain = 1 / (1 + level[0] / level[1] * (1 - share) / share)
    both = (gain * one + (1 - gain) * two) / np.hypot(gain, 1 - gain)

    def values(pcm):
        found = extract(np.rint(pcm).astype(np.int16), settings)
        return (found * np.float32(settings.step / settings.octave))[None]

    mixture = mix_sounds(values(one), values(two), np.array([share]))
    difference = (mixture - values(both)).mean((0, 1))  # by band, in octaves of the magnitude
    assert np.abs(difference[2:-2]).max() < 0.35 and abs(difference.mean()) < 0.15


def test_the_quieter_of_two_sounds_is_amplified():
    loud, quiet = np.full((1, 4, 3), 10.0, np.float32), np.full((1, 4, 3), 4.0, np.float32)
    loud[..., 1:], quiet[..., :-1] = 0, 0  # they do not share a band
    mixture = mix_sounds(loud, quiet, np.array([0.5]))[0, 0]
    assert mixture[0] == pytest.approx(mixture[2], abs=0.1)

"""Front end lfbe against MLPerf Tiny's feature extractor, whose steps TensorFlow computes here."""

import numpy as np
import pytest

from otolith.errors import UserError
from otolith.features import Quantizer, extract, preset, window
from otolith.features.emit import config_source
from otolith.settings.features import front_end
from support import sounds

STEPS = 256  # of the network's input over the whole range


def benchmark(pcm: np.ndarray, bands: int = 40) -> np.ndarray:
    """Features 0 to 1 as the benchmark's reference submission streams them: zeros came first.

    The steps and numbers are get_lfbe_func's (mlcommons/tiny, get_dataset.py).
    """
    import tensorflow as tf

    x = np.concatenate([np.zeros(513), pcm / 32768])
    y = x[1:] - (1 - 2**-5) * x[:-1]

    def hamming(length, dtype):
        return tf.signal.hamming_window(length, periodic=False, dtype=dtype)

    spectra = tf.abs(tf.signal.stft(y, 1024, 512, window_fn=hamming))
    matrix = tf.signal.linear_to_mel_weight_matrix(bands, 513, 16000, 0.0, 8000.0, tf.float64)
    energies = (tf.square(spectra) / 1024) @ matrix
    decibels = 10 * np.log10(np.maximum(energies.numpy(), 1e-30))
    return np.clip((decibels + 52) / 64, 0, 1)


@pytest.mark.slow
@pytest.mark.parametrize("bands", [40, 17])
def test_features_are_those_of_the_benchmark(bands):
    worst, means = 0.0, []
    for pcm in sounds.made().values():
        ours = extract(pcm, front_end(kind="lfbe", bands=bands)) / 4096
        difference = STEPS * np.abs(ours - benchmark(pcm, bands)[: len(ours)])
        worst = max(worst, difference.max(initial=0))
        means.append(difference.mean() if len(ours) else 0)
    print(f"{bands} bands: worst {worst:.2f} of {STEPS} steps, mean {max(means):.3f}")
    assert worst < 0.5 and max(means) < 0.05


def test_a_window_alone_begins_with_the_room_before_it():
    pcm = np.random.default_rng(1).normal(0, 2000, 16000).astype(np.int16)
    settings = preset("streaming_wakeword")
    assert settings.samples == 30 * 512
    stream, alone = extract(pcm, settings), window(pcm[5120:], settings)
    # the first looks at what came before, the second at one sample of it
    np.testing.assert_array_equal(alone[2:], stream[12:])
    assert (stream[0] < alone[0]).mean() > 0.5  # half of it is silence


def test_its_working_memory_counts_as_ram():
    source = config_source(preset("streaming_wakeword"), Quantizer(1, 1, 0))
    assert source.room == 4096 and "static uint64_t features_tables_work[512];" in source.source
    assert config_source(preset("keyword"), Quantizer(1, 1, 0)).room == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"window": 1024}, "window, hop: must be 512"),
        ({"hop": 256}, "window, hop: must be 512"),
        ({"bands": 65}, "bands: must be 2 to 64|bands = 65"),
        ({"compress": "log2"}, "compress"),
    ],
)
def test_what_it_does_not_support_is_refused(change, said):
    with pytest.raises(UserError, match=said):
        extract(np.zeros(2000, np.int16), front_end(kind="lfbe", **change))

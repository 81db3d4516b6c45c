"""[features] settle makes a training window look as it does in the middle of a stream."""

import numpy as np
import pytest

from otolith.errors import UserError
from otolith.features import extract, preset, window
from otolith.paths import MODELS
from otolith.settings.features import front_end
from otolith.settings.spec import load
from support.front_ends import changed


def noisy_word():
    """A second of steady room noise with a tone burst in the middle, after more room noise."""
    rng = np.random.default_rng(5)
    pcm = rng.normal(0, 200, 48000)
    pcm[40000:44000] += 4000 * np.sin(np.arange(4000) * 0.3)
    return np.round(pcm).astype(np.int16)


def test_a_settled_window_is_nearer_to_the_streams():
    settings = preset("micro_speech")
    pcm = noisy_word()
    start = len(pcm) - 480 - 48 * 320  # start of the last window of 49 frames
    frames = extract(pcm[start % 320 :], settings)[-49:].astype(int)
    cold = window(pcm[start:], settings)
    settled = window(pcm[start:], changed(settings, settle=50))
    assert settled.shape == cold.shape == (49, 40)
    np.testing.assert_array_equal(cold, extract(pcm[start:], settings))
    away = [np.abs(values - frames).mean() for values in (cold, settled)]
    assert away[1] < 0.5 * away[0]


def test_silence_has_a_silent_room():
    settings = preset("micro_speech", settle=30)
    assert not window(np.zeros(15840, np.int16), settings).any()


def test_it_travels_with_the_model_and_only_where_it_is_asked_for():
    assert load(MODELS / "micro_speech").features.to_json()["settle"] == 50
    assert "settle" not in preset("micro_speech").to_json()
    assert "settle" not in front_end().to_json()


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ('preset = "micro_speech"\nsettle = 501', "settle = 501: must be 0 to 500"),
        ('preset = "on_off"\nsettle = 10', 'settle: not with "dynamic"'),
        ("settle = 10", "settle: needs kind logmel"),
    ],
)
def test_what_makes_no_sense_is_one_line(tmp_path, features, said):
    text = (MODELS / "micro_speech" / "spec.toml").read_text()
    head, _, rest = text.partition("[features]")
    rest = rest[rest.index("[train]") :]
    (tmp_path / "spec.toml").write_text(f"{head}[features]\n{features}\n{rest}")
    with pytest.raises(UserError, match=said):
        load(tmp_path)

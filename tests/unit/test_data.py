"""Generated sounds: timing as in the standards, correct pitch, reproducible from a seed."""

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from otolith.cli import main
from otolith.data import metadata
from otolith.synth.alarm import T3, T4, alarm_clip, background_clip, envelope, tone
from otolith.synth.backgrounds import BACKGROUNDS

RATE = 16000


def edges(gate):
    """(start, length) in seconds of every stretch of sound."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], gate, [0]])))
    return [(a / RATE, (b - a) / RATE) for a, b in zip(steps[::2], steps[1::2], strict=True)]


def test_temporal_three_has_three_half_seconds_and_a_pause():
    found = edges(envelope(T3, 8 * RATE))
    assert [round(s, 3) for s, _ in found] == [0, 1, 2, 4, 5, 6]
    assert all(abs(length - 0.5) < 0.001 for _, length in found)


def test_temporal_four_has_four_short_pulses_and_five_seconds_of_pause():
    found = edges(envelope(T4, 7 * RATE))
    assert [round(s, 3) for s, _ in found] == [0, 0.2, 0.4, 0.6, 5.7, 5.9, 6.1, 6.3]
    assert all(abs(length - 0.1) < 0.001 for _, length in found)


@pytest.mark.parametrize(("low", "pitch", "spread"), [(False, 3100, 0.1), (True, 520, 0.06)])
def test_tones_lie_at_their_pitch(low, pitch, spread):
    for seed in range(10):
        x = tone(np.random.default_rng(seed), RATE, low)
        loudest = np.abs(np.fft.rfft(x)).argmax()  # bin = Hz, because the sound lasts one second
        assert abs(loudest / pitch - 1) < spread


def test_the_low_tone_is_a_square_wave():
    power = np.abs(np.fft.rfft(tone(np.random.default_rng(1), RATE, low=True))) ** 2
    base = power[400:700].argmax() + 400

    def at(k):
        return power[k * base - 60 : k * base + 60].sum()

    assert at(3) / at(1) == pytest.approx(1 / 9, rel=0.3)
    assert at(2) / at(1) < 0.01


@pytest.mark.parametrize("pattern", [T3, T4])
def test_an_alarm_clip_sounds_for_long_enough_to_be_heard(pattern):
    for seed in range(8):
        rng = np.random.default_rng(seed)
        clip = alarm_clip(rng, RATE, pattern, low=False)
        assert clip.dtype == np.int16 and len(clip) == RATE and np.abs(clip).max() > 20


@pytest.mark.parametrize("name", sorted(BACKGROUNDS))
def test_every_background_is_finite_and_of_unit_level(name):
    for seed in range(5):
        x = BACKGROUNDS[name](np.random.default_rng(seed), RATE)
        assert x.shape == (RATE,) and np.isfinite(x).all()
        assert np.sqrt(np.mean(x * x)) == pytest.approx(1, abs=0.01)


def test_a_seed_gives_the_same_sounds_and_another_gives_others():
    for make in (alarm_clip, background_clip):
        one, same, other = (make(np.random.default_rng(s), RATE) for s in (4, 4, 5))
        np.testing.assert_array_equal(one, same)
        assert (one != other).any()


@pytest.mark.parametrize(
    "wrong", [["--count", "0"], ["--seconds", "0"], ["--seconds", "nan"], ["--seed", "-1"]]
)
def test_synth_refuses_what_it_can_not_make(wrong, tmp_path):
    arguments = ["data", "synth", "alarm", "-o", str(tmp_path / "out"), *wrong]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in (1, 2) and "Error:" in result.output
    assert not (tmp_path / "out").exists()


def test_synth_writes_wav_files_of_both_classes(tmp_path):
    arguments = ["data", "synth", "alarm", "-o", str(tmp_path), "--count", "2", "--seconds", "1"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    files = sorted(tmp_path.rglob("*.wav"))
    assert [f.parent.name for f in files] == ["background"] * 2 + ["fire_alarm"] * 2
    rows = metadata.load(tmp_path).rows
    assert {(row.file, row.label) for row in rows} == {
        (file.relative_to(tmp_path).as_posix(), file.parent.name) for file in files
    }
    for file in files:
        info = soundfile.info(file)
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        assert info.frames == 16000

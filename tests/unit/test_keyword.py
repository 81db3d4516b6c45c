"""Keywords by espeak-ng: complete, in many voices, reproducible from a seed."""

import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from otolith.audio import RATE, read_pcm
from otolith.cli import main
from otolith.data import metadata
from otolith.synth import espeak as keyword

pytestmark = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng is not installed"
)


def synth(out, *arguments):
    command = ["data", "synth", "keyword", *map(str, arguments), "-o", str(out)]
    return CliRunner().invoke(main, command)


def test_clips_rows_and_speakers(tmp_path):
    result = synth(tmp_path, "yes", "turn it off", "--count", 8)
    assert result.exit_code == 0, result.output
    rows = metadata.load(tmp_path).rows
    assert {row.label for row in rows} == {"yes", "turn_it_off"}
    assert len(rows) == 16 and len({row.speaker for row in rows}) > 8
    for row in rows:
        pcm = read_pcm(tmp_path / row.file)
        assert len(pcm) == RATE
        peak = 20 * np.log10(np.abs(pcm.astype(float)).max() / 32768)
        assert keyword.LEVELS_DB[0] - 1 <= peak <= keyword.LEVELS_DB[1] + 1


def test_the_word_is_whole_inside_its_clip():
    """After subtracting espeak-ng's own rendering of the word, only the room's noise is left."""
    for number in range(12):
        pcm, voice = keyword.keyword_clip("yes", RATE, (5, number))
        word = keyword.speak("yes", voice)
        level = np.abs(pcm).max() / np.abs(word).max()
        size = 2 * RATE
        spectrum = np.fft.rfft(pcm.astype(float), size) * np.conj(np.fft.rfft(word, size))
        at = int(np.fft.irfft(spectrum)[: RATE - len(word) + 1].argmax())
        rest = pcm.astype(float)
        rest[at : at + len(word)] -= level * word
        # the noise of the room
        assert np.std(rest) < 1.2 * 32768 * 10 ** (keyword.NOISE_DB[1] / 20)


def test_same_seed_same_bytes_other_seed_other_voices():
    first = [keyword.keyword_clip("no", RATE, (1, n))[0].tobytes() for n in range(4)]
    assert first == [keyword.keyword_clip("no", RATE, (1, n))[0].tobytes() for n in range(4)]
    assert len(set(first)) == 4
    assert keyword.keyword_clip("no", RATE, (2, 0))[0].tobytes() not in first


def test_voices_differ_in_rate_and_pitch():
    rng = np.random.default_rng(1)
    drawn = [keyword.voices(rng) for _ in range(200)]
    assert len({v.speaker for v in drawn}) > 40
    assert np.ptp([v.rate for v in drawn]) > 90 and np.ptp([v.pitch for v in drawn]) > 50


def test_a_word_too_long_is_said_faster_or_refused(tmp_path):
    pcm, _ = keyword.keyword_clip("extraordinary", RATE, (1, 0))
    assert len(pcm) == RATE
    result = synth(tmp_path, "supercalifragilisticexpialidocious " * 3, "--count", 1)
    assert result.exit_code == 1
    assert not list(tmp_path.rglob("*.wav"))


def test_without_espeak_it_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    result = synth(tmp_path, "yes")
    assert result.exit_code == 1 and len(result.output.splitlines()) == 1


@pytest.mark.parametrize("label", ["../../y", "/y", "a/b", "", "-x", "a\x1b[31m"])
def test_a_label_stays_inside_the_dataset(tmp_path, label):
    result = synth(tmp_path / "out", "yes", "--count", 1, f"--label={label}")
    assert result.exit_code == 1 and len(result.output.splitlines()) == 1
    assert not list(tmp_path.rglob("*"))


def test_odd_words(tmp_path):
    assert synth(tmp_path, "-x", "--count", 1).exit_code != 0
    result = synth(tmp_path, "?!", "--count", 1)
    assert result.exit_code == 1 and len(result.output.splitlines()) == 1


def test_an_underscore_in_a_class_name_is_a_space():
    voice = keyword.Voice("en-us", "", 150, 50)
    said = keyword.speak("hey_otto", voice)
    np.testing.assert_array_equal(said, keyword.speak("hey otto", voice))

"""Synthesised keys, knocks and bolts: distinguishable, and reproducible from a seed."""

import numpy as np
import pytest

from otolith.audio import RATE
from otolith.data import metadata
from otolith.synth import impact
from otolith.synth.impact import SOUNDS, UNKNOWN, impact_clip
from support.dataset_files import host, read

MANY = range(25)


def centroid(pcm):
    """Spectral centroid in Hz."""
    power = np.abs(np.fft.rfft(pcm)) ** 2
    return (power * np.fft.rfftfreq(len(pcm), 1 / RATE)).sum() / power.sum()


def level(pcm, size=80):
    """Peak level of each 5 ms."""
    return np.abs(np.pad(pcm, (0, -len(pcm) % size))).reshape(-1, size).max(1)


def drawn(name):
    return [SOUNDS[name](np.random.default_rng((9, number))) for number in MANY]


def test_wood_is_low_metal_is_high_and_a_bolt_between():
    pitches = {name: [centroid(event.pcm) for event in drawn(name)] for name in SOUNDS}
    assert max(pitches["knocking"]) < 600 < min(pitches["locking"])
    assert max(pitches["locking"]) < 3000 < min(pitches["key_io"])
    for found in pitches.values():
        assert np.std(found) > 0.05 * np.mean(found)  # doors differ


def test_knocks_are_as_many_blows_as_are_heard():
    counts = set()
    for event in drawn("knocking"):
        loud = level(event.pcm) > 0.25
        starts = [i for i in np.flatnonzero(loud) if not loud[max(0, i - 10) : i].any()]
        assert len(starts) == len(event.hits)
        np.testing.assert_allclose(np.array(starts) * 80, event.hits, atol=80 * 4)
        counts.add(len(starts))
    assert counts == {2, 3, 4}


def test_a_key_is_many_small_clicks():
    for event in drawn("key_io"):
        assert len(event.hits) >= 7
        assert np.median(np.diff(event.hits)) < 0.05 * RATE


def test_a_bolt_slides_and_then_hits_twice():
    for event in drawn("locking"):
        first, second = event.hits
        assert 0.015 * RATE < second - first < 0.06 * RATE
        slide = event.pcm[: first - 40]
        assert len(slide) > 0.05 * RATE
        assert 0.01 < np.abs(slide).max() < 0.9 * np.abs(event.pcm[first:]).max()


@pytest.mark.parametrize("name", list(SOUNDS))
def test_a_window_hears_a_blow(name):
    """Windows far shorter than the sound still contain a blow and its ringing."""
    for number in MANY:
        rng = np.random.default_rng((4, number))
        event = SOUNDS[name](rng)
        out = impact.place(rng, event, 4000)
        assert len(out) == 4000
        blow = np.abs(event.pcm[event.hits[0] : event.hits[0] + 800]).max()
        assert np.abs(out).max() > 0.2 * blow


@pytest.mark.parametrize("name", [*SOUNDS, UNKNOWN])
def test_the_same_seed_gives_the_same_bytes(name):
    def clips(seed):
        return [impact_clip(np.random.default_rng((seed, n)), name, 6000) for n in range(8)]

    first = clips(1)
    assert [c.tobytes() for c in first] == [c.tobytes() for c in clips(1)]
    assert len({c.tobytes() for c in [*first, *clips(2)]}) == 16
    assert all(c.dtype == np.int16 and c.shape == (6000,) for c in first)
    peaks = [np.abs(c.astype(int)).max() for c in first]
    assert max(peaks) > 10 * min(peaks)  # distances differ


def test_clips_and_rows_of_a_dataset(tmp_path):
    done = host("synth", "impact", "knocking", "unknown", "-o", tmp_path, "--count", 3)
    assert done.exit_code == 0, done.output
    rows = metadata.load(tmp_path).rows
    assert [row.label for row in rows] == ["knocking"] * 3 + ["unknown"] * 3
    first = [read(tmp_path / row.file) for row in rows]
    assert {len(pcm) for pcm in first} == {RATE}
    other = tmp_path / "other"
    host("synth", "impact", "knocking", "-o", other, "--count", 3)
    np.testing.assert_array_equal(read(other / rows[2].file), first[2])


@pytest.mark.parametrize("arguments", [["doorbell"], ["knocking", "--seconds", "nan"]])
def test_what_it_can_not_make_is_one_line(tmp_path, arguments):
    done = host("synth", "impact", *arguments, "-o", tmp_path / "new")
    assert done.exit_code and not (tmp_path / "new").exists()

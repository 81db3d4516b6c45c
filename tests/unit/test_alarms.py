"""host/otolith/synth/alarms: timing and frequencies of every signal, as its standard says."""

import numpy as np
import pytest

from otolith.audio import RATE
from otolith.synth import alarms
from otolith.synth.alarms import LOOKALIKES, PIEZO_HZ, SIGNALS

SECONDS = 12


def times():
    return np.arange(SECONDS * RATE) / RATE


def signal(name, seed=3):
    return SIGNALS[name](np.random.default_rng(seed), times())


def lengths(gate):
    """Lengths in s of the pulses and of the pauses that lie whole in a gate."""
    edges = np.flatnonzero(np.diff(gate)) + 1
    spans = np.diff(edges) / RATE
    first_is_on = bool(gate[edges[0]])
    return spans[0 if first_is_on else 1 :: 2], spans[1 if first_is_on else 0 :: 2]


def heard_hz(name, start, stop, seed=3):
    """Frequency of the strongest partial of the played signal, by FFT, between two times in s."""
    sound = alarms.play(np.random.default_rng(seed), signal(name, seed), drift=0)
    piece = sound[round(start * RATE) : round(stop * RATE)]
    size = 1 << 17
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), size))
    return float(np.argmax(spectrum) * RATE / size)


def test_temporal_three_of_iso_8201():
    for name in ("temporal-three", "temporal-three-520", "australian"):
        on, off = lengths(signal(name).gate)
        assert np.allclose(on, 0.5, atol=1e-3)
        assert np.allclose(off[:3], [0.5, 0.5, 1.5], atol=1e-3)


def test_temporal_four_of_nfpa_72():
    on, off = lengths(signal("temporal-four").gate)
    assert np.allclose(on, 0.1, atol=1e-3)
    assert np.allclose(off[:4], [0.1, 0.1, 0.1, 5.0], atol=1e-3)


def test_piezo_tones_are_where_horns_resonate():
    for name in ("temporal-three", "continuous", "chirping"):
        for seed in range(5):
            found = SIGNALS[name](np.random.default_rng(seed), times()).pitch
            assert PIEZO_HZ[0] <= found.min() <= found.max() <= PIEZO_HZ[1]
    assert PIEZO_HZ[0] <= heard_hz("continuous", 1, 2) <= PIEZO_HZ[1]
    assert signal("continuous").gate.all()


def test_the_square_wave_of_520_hz():
    """Its third and fifth harmonics have a third and a fifth of its amplitude, and no second."""
    hz = heard_hz("temporal-three-520", 0.1, 0.4)
    assert 0.9 * 520 <= hz <= 1.1 * 520
    sound = alarms.play(np.random.default_rng(3), signal("temporal-three-520"), drift=0)
    piece = sound[1600:6400] * np.hanning(4800)
    bins = np.abs(np.fft.rfft(piece, 1 << 17))
    levels = [bins[round(k * hz * (1 << 17) / RATE)] for k in (1, 2, 3, 5)]
    assert np.allclose(np.array(levels) / levels[0], [1, 0, 1 / 3, 1 / 5], atol=0.02)


@pytest.mark.parametrize(
    ("name", "spans"),
    [
        ("french", [(0.01, 0.09, 554), (0.12, 0.48, 440), (0.51, 0.59, 554)]),  # NF S 32-001
        ("german", [(0.0, 0.02, 1193), (0.49, 0.51, 850), (0.97, 0.99, 514)]),  # DIN 33404-3
        ("dutch", [(0.0, 0.03, 503), (1.74, 1.76, 850), (3.47, 3.49, 1196)]),  # NEN 2575
        ("australian", [(0.24, 0.26, 850), (1.24, 1.26, 850)]),  # AS 1670.4
    ],
)
def test_pitches_that_change(name, spans):
    for start, stop, hz in spans:
        assert heard_hz(name, start, stop) == pytest.approx(hz, rel=0.04), (start, stop)


def test_british_sounders_alternate_between_800_and_970_hz():
    for seed in range(4):
        pitch = signal("british", seed).pitch
        assert set(np.unique(pitch)) == {800.0, 970.0}
        spans = np.diff(np.flatnonzero(np.diff(pitch))) / RATE
        assert np.allclose(spans, 0.25, atol=1e-3) or np.allclose(spans, 0.5, atol=1e-3)


def test_the_slow_whoop_rests_for_half_a_second():
    on, off = lengths(signal("dutch").gate)
    assert np.allclose(on, 3.5, atol=1e-3) and np.allclose(off, 0.5, atol=1e-3)


def test_cheap_detectors_chirp_fast():
    for seed in range(5):
        on, off = lengths(signal("chirping", seed).gate)
        assert 2 <= 1 / (on[0] + off[0]) <= 8
        assert 1900 < signal("warbling", seed).pitch.min() < signal("warbling", seed).pitch.max()


def test_horns_buzz_with_many_strong_partials():
    sound = alarms.play(np.random.default_rng(3), signal("horn"), drift=0)
    on = int(np.flatnonzero(signal("horn").gate)[0])
    piece = sound[on + 200 : on + 3400]
    levels = np.abs(np.fft.rfft(piece * np.hanning(len(piece))))
    peaks = levels[1:-1][(levels[1:-1] > levels[:-2]) & (levels[1:-1] > levels[2:])]
    assert (peaks > 0.15 * peaks.max()).sum() >= 5


def test_corridors_echo_after_the_sound():
    burst = np.zeros(RATE)
    burst[:160] = 1
    echoed = alarms.corridor(np.random.default_rng(1), burst)
    assert np.array_equal(echoed[:160], burst[:160])
    assert np.count_nonzero(np.abs(echoed[160:]) > 0.05) > 300


@pytest.mark.parametrize("name", list(LOOKALIKES))
def test_sounds_that_must_stay_silent(name):
    make = LOOKALIKES[name]
    sound = make(np.random.default_rng(5), 4 * RATE)
    assert sound.shape == (4 * RATE,) and np.isfinite(sound).all()
    assert np.array_equal(sound, make(np.random.default_rng(5), 4 * RATE))
    clip = alarms.background_clip(np.random.default_rng(5), RATE, name)
    assert clip.dtype == np.int16 and len(clip) == RATE


def test_an_empty_battery_chirps_once():
    for seed in range(5):
        sound = alarms.low_battery(np.random.default_rng(seed), 20 * RATE)
        loud = np.flatnonzero(np.abs(sound) > 0.1)
        assert 0.01 < (loud[-1] - loud[0]) / RATE < 0.12


def test_clips_are_reproducible_and_say_which_signal_they_are():
    generator = alarms.Alarms(["fire_alarm", "background"])
    takes = [generator.take(1, n, "fire_alarm", "fire_alarm", RATE) for n in range(len(SIGNALS))]
    assert [take.note for take in takes] == list(SIGNALS)
    again = generator.take(1, 4, "fire_alarm", "fire_alarm", RATE)
    assert np.array_equal(again.pcm, takes[4].pcm)
    assert generator.take(1, 0, "background", "background", RATE).pcm.dtype == np.int16

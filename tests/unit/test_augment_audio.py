"""Effects of augmentations on sounds, measured on the result."""

import numpy as np
import pytest

from otolith.augment.pipeline import Augmenter
from otolith.augment.pitch import stretch
from otolith.augment.registry import AUDIO
from otolith.augment.room import impulse_response
from otolith.augment.settings import parse

RATE = 16000
CLASSES = ["yes", "no", "unknown"]


def one(name, backgrounds=(), **settings):
    """An augmenter with one augmentation, always applied."""
    table = {name: {"probability": 1, **settings}}
    return Augmenter(parse(table, "spec.toml"), CLASSES, backgrounds, "unknown")


def tone(hz, seconds=1.0, level=8000):
    t = np.arange(round(seconds * RATE)) / RATE
    return np.round(level * np.sin(2 * np.pi * hz * t)).astype(np.int16)


def burst(start, end, level=6000, floor=20, seed=3):
    """A second of quiet noise with loud noise from start to end (s)."""
    x = np.random.default_rng(seed).normal(0, floor, RATE)
    a, b = round(start * RATE), round(end * RATE)
    x[a:b] += np.random.default_rng(seed + 1).normal(0, level, b - a)
    return x.clip(-32768, 32767).astype(np.int16)


def power(x):
    return np.mean(np.asarray(x, float) ** 2)


def pitch_of(x):
    """Frequency of the loudest partial in Hz: the peak of a windowed, zero-padded spectrum."""
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), 1 << 19))
    return spectrum.argmax() * RATE / (1 << 19)


@pytest.mark.parametrize("label", [0, 2])
@pytest.mark.parametrize("name", list(AUDIO))
def test_windows_keep_length_and_type(name, label, tmp_path, monkeypatch):
    import soundfile

    monkeypatch.setenv("OTOLITH_DATA", str(tmp_path))
    soundfile.write(tmp_path / "room.wav", np.r_[1, np.zeros(50), 0.3], RATE)
    extra = {"crop": {"classes": ["yes"]}, "impulse_response": {"folder": "."}}.get(name, {})
    augmenter = one(name, [tone(300)], **extra)
    for pcm in (burst(0.2, 0.7), np.zeros(RATE, np.int16), tone(500, 0.02), tone(500)[:1]):
        for clip in range(5):
            out, _ = augmenter.audio(pcm, label, (1, clip, 0))
            assert out.dtype == np.int16 and out.shape == pcm.shape


def test_gain_is_the_drawn_one_and_saturates():
    x, hits = tone(440, level=1000), {}
    y, _ = one("gain", gain_db=[-12, 12]).audio(x, 0, (1, 2, 3), hits=hits)
    measured = 10 * np.log10(power(y) / power(x))
    assert measured == pytest.approx(hits["gain"]["gain_db"], abs=0.01)
    y, _ = one("gain", gain_db=30).audio(tone(440, level=20000), 0, (1, 2, 3))
    assert y.max() == 32767 and y.min() == -32768
    wrapped = np.sign(y) != np.sign(tone(440, level=20000))
    assert not wrapped.any()


@pytest.mark.parametrize("snr", [-5, 0, 7.5, 20])
def test_a_background_is_mixed_in_at_the_drawn_ratio(snr):
    x, behind = burst(0.1, 0.9, level=1500), tone(700, 3.3, 3000)
    hits = {}
    augmenter = one("background", [behind], snr_db=[snr, snr + 3])
    y, _ = augmenter.audio(x, 0, (1, 1, 0), hits=hits)
    measured = 10 * np.log10(power(x) / power(y.astype(float) - x))
    assert measured == pytest.approx(hits["background"]["snr_db"], abs=0.1)
    assert pitch_of(y.astype(float) - x) == pytest.approx(700, abs=0.5)


def test_a_short_background_goes_round_and_a_silent_one_is_passed_over():
    y, _ = one("background", [tone(500, 0.1)], snr_db=0).audio(burst(0, 1, 500), 0, (1, 1, 0))
    rest = y.astype(float) - burst(0, 1, 500)
    assert power(rest[:4000]) == pytest.approx(power(rest[-4000:]), rel=0.01)
    x = burst(0, 1, 500)
    y, _ = one("background", [np.zeros(RATE, np.int16)]).audio(x, 0, (1, 1, 0))
    np.testing.assert_array_equal(x, y)


def test_a_silent_window_gets_the_background_at_its_own_level():
    y, _ = one("background", [tone(500, 2)]).audio(np.zeros(RATE, np.int16), 0, (1, 1, 0))
    assert power(y) == pytest.approx(power(tone(500)), rel=0.01)


@pytest.mark.parametrize(("colour", "slope"), [("white", 0), ("pink", -3.01)])
def test_noise_has_its_ratio_and_its_slope(colour, slope):
    x, hits = tone(1000, 30, 2000), {}
    y, _ = one("noise", snr_db=[5, 15], colour=colour).audio(x, 0, (1, 1, 0), hits=hits)
    noise = y.astype(float) - x
    measured = 10 * np.log10(power(x) / power(noise))
    assert measured == pytest.approx(hits["noise"]["snr_db"], abs=0.1)
    spectrum = np.abs(np.fft.rfft(noise)) ** 2
    f = np.fft.rfftfreq(len(noise), 1 / RATE)
    edges = 62.5 * 2.0 ** np.arange(8)
    levels = [
        10 * np.log10(spectrum[(f >= low) & (f < 2 * low)].mean())
        for low in edges[:-1]  # octaves to 8 kHz
    ]
    assert np.polyfit(np.arange(7), levels, 1)[0] == pytest.approx(slope, abs=0.15)


@pytest.mark.parametrize("cents", [-1200, -300, -50, 20, 100, 400, 1200])
@pytest.mark.parametrize("hz", [311.0, 1234.5])
def test_pitch_moves_a_tone_by_the_drawn_cents_at_the_same_length(cents, hz):
    x = tone(hz)
    y, _ = one("pitch", pitch_cents=cents).audio(x, 0, (1, 1, 0))
    assert len(y) == len(x)
    middle = y[2000:-2000].astype(float)
    assert 1200 * np.log2(pitch_of(middle) / hz) == pytest.approx(cents, abs=3)
    assert power(y) == pytest.approx(power(x), rel=0.05)
    # a single tone, no second one beside it
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) ** 2
    peak = spectrum.argmax()
    assert spectrum[peak - 30 : peak + 31].sum() > 0.99 * spectrum.sum()


@pytest.mark.parametrize("cents", [-400, 400])
def test_pitch_leaves_sounds_where_they_are(cents):
    y, _ = one("pitch", pitch_cents=cents).audio(burst(0.3, 0.6), 0, (1, 1, 0))
    loud = np.flatnonzero(np.convolve(y.astype(float) ** 2, np.ones(160) / 160, "same") > 1500**2)
    assert loud[0] / RATE == pytest.approx(0.3, abs=0.02)
    assert loud[-1] / RATE == pytest.approx(0.6, abs=0.02)


def test_stretching_keeps_pitch_and_changes_length():
    y = stretch(tone(600).astype(np.float32), 1.5)
    assert len(y) == 24000
    assert pitch_of(y[2000:-2000]) == pytest.approx(600, abs=0.5)


@pytest.mark.parametrize("percent", [-20, -5, 10, 40])
def test_speed_changes_pitch_and_length(percent):
    factor = 1 + percent / 100
    y, _ = one("speed", speed_percent=percent, fill="silence").audio(tone(500), 0, (1, 1, 0))
    assert len(y) == RATE
    sounding = np.trim_zeros(y)
    assert len(sounding) == pytest.approx(min(RATE, RATE / factor), abs=4)
    assert pitch_of(sounding) == pytest.approx(500 * factor, rel=0.0005)
    x = burst(0.4, 0.6)
    y, _ = one("speed", speed_percent=percent, fill="silence").audio(x, 0, (1, 1, 0))
    level = np.convolve(y.astype(float) ** 2, np.ones(80) / 80, "same")
    loud = np.flatnonzero(level > 2000**2)
    assert (loud[-1] - loud[0]) / RATE == pytest.approx(0.2 / factor, abs=0.01)


@pytest.mark.parametrize("ms", [-250, -1, 0, 80, 2000])
def test_shift_moves_by_the_drawn_time(ms):
    x = burst(0.3, 0.6)
    count = ms * RATE // 1000
    y, _ = one("shift", shift_ms=ms, fill="wrap").audio(x, 0, (1, 1, 0))
    np.testing.assert_array_equal(y, np.roll(x, count))
    y, _ = one("shift", shift_ms=ms, fill="silence").audio(x, 0, (1, 1, 0))
    expected = np.zeros_like(x)
    if abs(count) < len(x):
        moved = slice(max(0, count), len(x) + min(0, count))
        expected[moved] = x[max(0, -count) : len(x) - max(0, count)]
    np.testing.assert_array_equal(y, expected)


def test_what_moves_in_is_as_loud_and_coloured_as_the_quiet_part():
    rng = np.random.default_rng(5)
    hum = np.convolve(rng.normal(0, 60, RATE + 63), np.ones(64) / 8, "valid")  # low-passed
    x = np.round(hum + burst(0.5, 0.9, floor=0)).astype(np.int16)
    y, _ = one("shift", shift_ms=400).audio(x, 0, (1, 1, 0))
    new = y[:6400].astype(float)
    # the quietest frames of such a narrow-band hum are some dB below its mean
    assert -5 < 10 * np.log10(power(new) / power(hum)) < 1

    def high(a):
        spectrum = np.abs(np.fft.rfft(a * np.hanning(len(a)))) ** 2
        return spectrum[len(spectrum) // 4 :].sum() / spectrum.sum()

    assert high(new) < 0.05 and high(hum) < 0.05


def test_what_moves_into_steady_noise_can_not_be_told_from_it():
    x = np.random.default_rng(1).normal(0, 900, RATE).astype(np.int16)
    y, _ = one("shift", shift_ms=300).audio(x, 0, (1, 1, 0))
    assert 10 * np.log10(power(y[:4800]) / power(x)) == pytest.approx(0, abs=1)


def test_margins_move_in_when_there_are_any():
    x = (np.arange(3 * RATE) % 30000).astype(np.int16)
    y, _ = one("shift", shift_ms=100).audio(x, 0, (1, 1, 0), window=(RATE, RATE))
    np.testing.assert_array_equal(y, x[RATE - 1600 : 2 * RATE - 1600])
    for start in (0, 500, RATE, 2 * RATE):
        augmenter = one("shift", shift_ms=[-50, 120])
        assert augmenter.margin == 1920
        piece, window = augmenter.around(x, start, RATE)
        np.testing.assert_array_equal(piece[window[0] :][:RATE], x[start : start + RATE])
        assert len(piece) == min(start, 1920) + RATE + min(2 * RATE - start, 1920)
        y, _ = augmenter.audio(piece, 0, (1, 1, 0), window=window)
        assert len(y) == RATE


def test_dropouts_are_silence_of_the_drawn_length_and_number():
    x = np.full(RATE, 1000, np.int16)
    for clip in range(20):
        hits = {}
        augmenter = one("dropout", count=[1, 3], length_ms=[10, 20])
        y, _ = augmenter.audio(x, 0, (1, clip, 0), hits=hits)
        count = hits["dropout"]["count"]
        lost = (y == 0).sum()
        assert set(np.unique(y)) == {0, 1000}
        drawn = [hits["dropout"][f"length_ms_{n + 1}"] for n in range(count)]
        assert lost <= sum(round(ms * 16) for ms in drawn)
        assert lost >= max(round(ms * 16) for ms in drawn)
        if count == 1:
            assert lost == round(drawn[0] * 16)


def reverberation(response, start):
    """Seconds to -60 dB, from a line through -5..-25 dB of Schroeder's backward integration."""
    energy = np.cumsum(response[start:][::-1].astype(float) ** 2)[::-1]
    curve = 10 * np.log10(energy / energy[0] + 1e-30)
    part = np.flatnonzero((curve <= -5) & (curve >= -25))
    return -60 / np.polyfit(part / RATE, curve[part], 1)[0]


@pytest.mark.parametrize("rt60", [0.15, 0.3, 0.6, 1.2])
def test_rooms_reverberate_as_long_as_drawn(rt60):
    for seed in range(12):
        rng = np.random.default_rng(seed)
        size = np.array([*rng.uniform(2.5, 8, 2), rng.uniform(2.3, 3.5)])
        response = impulse_response(rng, rt60, rng.uniform(0.3, 3), size)
        assert response[0] == 1 and np.isfinite(response).all()
        # start at 2.5 ms: near the source, the direct sound would dominate the start of the curve
        assert reverberation(response, 40) == pytest.approx(rt60, rel=0.2)


def test_far_rooms_reverberate_more_and_keep_the_level():
    size = np.array([5.0, 4.0, 2.7])

    def late(distance):
        found = [impulse_response(np.random.default_rng(s), 0.4, distance, size) for s in range(10)]
        return np.mean([power(r[1:]) * len(r) for r in found])

    # from 0.3 to 3 m direct energy falls by 20 dB, and the diffuse field stays constant
    assert 10 * np.log10(late(3.0) / late(0.3)) == pytest.approx(20, abs=3)
    x = burst(0.2, 0.6)
    y, _ = one("room").audio(x, 0, (1, 1, 0))
    assert power(y) == pytest.approx(power(x), rel=0.02)


def test_impulse_responses_come_from_a_folder(tmp_path, monkeypatch):
    import soundfile

    monkeypatch.setenv("OTOLITH_DATA", str(tmp_path))
    (tmp_path / "rooms").mkdir()
    echo = np.zeros(2000)
    # 300 samples of silence, the direct sound, and an echo 800 samples later
    echo[[300, 1100]] = 0.8, 0.4
    soundfile.write(tmp_path / "rooms" / "echo.wav", echo, RATE, subtype="PCM_16")
    x = np.zeros(RATE, np.int16)
    x[5000] = 10000
    y, _ = one("impulse_response", folder="rooms").audio(x, 0, (1, 1, 0))
    assert sorted(np.argsort(np.abs(y.astype(int)))[-2:]) == [5000, 5800]
    assert y[5800] / y[5000] == pytest.approx(0.5, abs=0.01)


def test_a_microphone_has_its_low_end_and_its_resonance():
    x = np.random.default_rng(1).normal(0, 3000, 20 * RATE).clip(-32768, 32767).astype(np.int16)
    flat = {"eq_db": 0, "highpass_hz": 150, "resonance_hz": 5000, "resonance_db": 6}
    y, _ = one("microphone", **flat).audio(x, 0, (1, 1, 0))

    def level(a, hz):
        """Power around a frequency, within 2 percent."""
        f = np.fft.rfftfreq(len(a), 1 / RATE)
        return np.mean(np.abs(np.fft.rfft(a)[(f > hz * 0.99) & (f < hz * 1.01)]) ** 2)

    gain = {hz: 10 * np.log10(level(y, hz) / level(x, hz)) for hz in (15, 150, 1000, 5000)}
    assert gain[15] == pytest.approx(-20.04, abs=1)
    assert gain[150] == pytest.approx(-3.01, abs=0.5)
    assert gain[1000] == pytest.approx(0, abs=0.7)
    assert gain[5000] == pytest.approx(6, abs=0.5)


def test_a_microphones_gentle_part_stays_within_its_range():
    x = np.zeros(RATE, np.int16)
    x[4000] = 32767
    for clip in range(20):
        augmenter = one("microphone", eq_db=[-3, 3], highpass_hz=1, resonance_db=0)
        y, _ = augmenter.audio(x, 0, (1, clip, 0))
        f = np.fft.rfftfreq(RATE, 1 / RATE)
        gain = 20 * np.log10(np.abs(np.fft.rfft(y / 32767.0))[(f > 200) & (f < 7000)])
        assert np.abs(gain).max() < 3.3 and np.ptp(gain) > 0.3


@pytest.mark.parametrize("fill", ["floor", "silence"])
def test_part_of_a_known_sound_is_unknown(fill):
    x = burst(0.3, 0.7)
    augmenter = one("crop", classes=["yes"], keep_percent=[20, 50], fill=fill)
    ends = set()
    for clip in range(20):
        hits = {}
        y, label = augmenter.audio(x, 0, (1, clip, 0), hits=hits)
        assert label == 2
        level = np.convolve(y.astype(float) ** 2, np.ones(80) / 80, "same")
        loud = np.flatnonzero(level > 2000**2)
        share = (loud[-1] - loud[0]) / (0.4 * RATE)
        assert share == pytest.approx(hits["crop"]["keep_percent"] / 100, abs=0.06)
        at_start = loud[0] / RATE < 0.32
        ends.add(at_start)
        assert at_start == (hits["crop"]["kept"] == "start")
        assert at_start or loud[-1] / RATE > 0.68
    assert ends == {True, False}
    for label in (1, 2):
        y, same = augmenter.audio(x, label, (1, 1, 0))
        assert same == label
        np.testing.assert_array_equal(x, y)

"""host/otolith/record/segment: sounds found in level sequences and in synthetic sounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.audio import RATE, read_pcm, segment
from otolith.audio.segment import FRAME, Floor, Rules, Segmenter, segments
from support.skips import recordings

levels = st.lists(st.floats(-120, 0), max_size=300).map(np.array)
rules = st.builds(
    lambda on, below, least, gap, more: Rules(on, on - below, least, gap, least + more),
    st.floats(3, 20),
    st.floats(0, 3),
    st.integers(1, 20),
    st.integers(1, 40),
    st.integers(0, 200),
)


@given(levels, st.floats(-100, -20), rules)
def test_sounds_lie_apart_within_limits_and_are_loud(levels, floor, rules):
    found = segments(levels, floor, rules)
    end = 0
    for start, stop in found:
        assert end <= start < stop <= len(levels)
        assert rules.least <= stop - start <= rules.most
        assert levels[start] >= floor + rules.on_db
        assert levels[stop - 1] >= floor + rules.off_db
        quiet = (levels[start:stop] < floor + rules.off_db).astype(int)
        assert rules.gap > max(len(run) for run in "".join(map(str, quiet)).split("0"))
        end = stop


@given(levels, st.floats(-100, -20), rules)
def test_what_is_loud_is_in_a_sound_or_too_short_for_one(levels, floor, rules):
    """With a minimum length of one frame, every frame above the first threshold is in a sound."""
    found = segments(levels, floor, Rules(rules.on_db, rules.off_db, 1, rules.gap, rules.most))
    inside = np.zeros(len(levels), bool)
    for start, stop in found:
        inside[start:stop] = True
    assert inside[levels >= floor + rules.on_db].all()


@given(levels, st.floats(-100, -20), rules, st.floats(-30, 30))
def test_only_the_distance_to_the_floor_counts(levels, floor, rules, louder):
    # whole numbers avoid rounding at the thresholds
    levels, floor, louder = np.round(levels), round(floor), round(louder)
    rules = Rules(round(rules.on_db), round(rules.off_db), rules.least, rules.gap, rules.most)
    unbound = Rules(**{**vars(rules), "quietest_db": -1000})
    assert segments(levels, floor, unbound) == segments(levels + louder, floor + louder, unbound)


@given(st.lists(st.tuples(st.integers(10, 80), st.integers(31, 120)), min_size=1, max_size=5))
def test_bursts_are_found_to_the_frame(bursts):
    """Bursts of noise, as (length, pause after it), 40 dB above the noise between them."""
    rng = np.random.default_rng(1)
    amplitude = [np.full(50, 30.0)]
    expected, at = [], 50
    for length, pause in bursts:
        amplitude += [np.full(length, 3000.0), np.full(pause, 30.0)]
        expected.append((at, at + length))
        at += length + pause
    envelope = np.repeat(np.concatenate(amplitude), FRAME)
    pcm = (rng.normal(0, 1, len(envelope)) * envelope).clip(-32768, 32767).astype(np.int16)
    levels = segment.frame_levels(pcm)
    assert segments(levels, -60.0, Rules()) == expected


def test_hysteresis_a_pause_and_a_click():
    rules = Rules(on_db=12, off_db=6, least=3, gap=4, most=100)
    levels = np.array([-60, -50, -47, -53, -53, -60, -60, -60, -53, -60, -60, -60, -60, -40, -60])
    #                         starts at 2: -47 >= -48; -53 >= -54 continues it; 3 quiet frames: a
    # pause
    assert segments(levels, -60, rules) == [(2, 9)]  # the click at 13 is too short


def test_a_sound_that_never_ends_is_cut():
    found = segments(np.full(250, -20.0), -60, Rules(most=100))
    assert found == [(0, 100), (100, 200), (200, 250)]


def test_nothing_below_the_quietest_level_counts():
    assert segments(np.full(50, -70.0), -100, Rules(quietest_db=-60)) == []


def test_levels_are_those_of_known_sounds():
    t = np.arange(RATE) / RATE
    tone = np.round(16384 * np.sin(2 * np.pi * 1000 * t)).astype(np.int16)
    assert segment.frame_levels(tone) == pytest.approx([-9.03] * 100, abs=0.01)
    assert (segment.frame_levels(np.full(800, 5000, np.int16)) == segment.LOWEST_DB).all()  # DC
    assert len(segment.frame_levels(np.zeros(FRAME - 1, np.int16))) == 0
    assert segment.noise_floor(np.empty(0)) == segment.LOWEST_DB


def test_the_floor_is_unknown_at_first_and_follows_within_its_window():
    floor = Floor()
    assert all(floor.add(-50) == np.inf for _ in range(29))
    for _ in range(100):
        floor.add(-50)
    assert floor.db == -50
    for _ in range(300):  # a short loud sound does not raise it
        floor.add(-10)
        floor.add(-50)
    assert floor.db == -50
    for _ in range(1000):
        floor.add(-30)
    assert floor.db == -30


def test_a_noise_that_sets_in_is_noise_after_a_while():
    """A fan that is switched on counts as a sound at first, and as the floor after ten seconds."""
    floor, segmenter = Floor(), Segmenter(Rules())
    ended = []
    for level in [-70.0] * 500 + [-40.0] * 5000:
        if sound := segmenter.feed(level, floor.add(level)):
            ended.append(sound)
    assert len(ended) == 1 and ended[0][0] == 500 and not segmenter.is_open


def test_span_of_a_recording():
    levels = np.array([-70.0] * 40 + [-30.0] * 20 + [-70.0] * 60 + [-30.0] * 20 + [-70.0] * 40)
    assert segment.sound_span(levels, Rules()) == (40, 140)
    assert segment.sound_span(np.full(100, -30.0), Rules()) is None  # nothing stands out
    assert segment.sound_span(np.empty(0), Rules()) is None


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 700), st.integers(0, 500))
def test_cuts_stay_inside(start, length, wanted, after):
    stop, total = start + length, start + length + after
    first, last = segment.centre(start, stop, wanted, total)
    assert 0 <= first <= last <= total and last - first == min(wanted, total)
    if first > 0 and last < total:
        assert abs((first + last) - (start + stop)) <= 1
    first, last = segment.widen(start, stop, wanted, total)
    assert 0 <= first <= start and stop <= last <= total


# ---- real sounds ----


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        ("Dog bark", 0.99),
        ("Baby cry", 0.99),
        ("Person sneeze", 0.99),
        ("Rooster", 0.99),
        ("Rain", 0.95),  # mostly kept whole
        ("Sea waves", 0.95),
    ],
)
def test_trimming_real_sounds_keeps_their_energy(kind, least):
    (folder,) = recordings("esc10").glob(f"* - {kind}")
    for path in sorted(folder.glob("*.ogg"))[:12]:
        levels = segment.frame_levels(read_pcm(path, resample=True))
        span = segment.sound_span(levels, Rules(quietest_db=-60, most=len(levels)))
        if span and not segment.holds_all(levels, span):
            span = None
        assert span or least < 0.99, path.name
        power = 10 ** (levels / 10)
        kept = power[slice(*span)].sum() / power.sum() if span else 1
        assert kept >= least, path.name


@pytest.mark.parametrize("noise_db", [-70, -55])
def test_spoken_digits_in_a_row_are_told_apart(noise_db):
    files = sorted(recordings("fsdd").glob("*_1?.wav"))[::11][:40]
    assert len({path.name.split("_")[1] for path in files}) >= 5  # speakers
    rng = np.random.default_rng(3)

    def noise(samples):
        return rng.normal(0, 32768 * 10 ** (noise_db / 20), samples)

    parts, truth, at = [noise(RATE)], [], RATE
    for path in files:
        digit = read_pcm(path, resample=True).astype(float)
        digit *= 8000 / np.abs(digit).max()
        parts += [digit + noise(len(digit)), noise(12800)]
        truth.append((at, at + len(digit)))
        at += len(digit) + len(parts[-1])
    pcm = np.concatenate(parts).astype(np.int16)
    floor, segmenter = Floor(), Segmenter(Rules(quietest_db=-60))
    found = []
    for level in segment.frame_levels(pcm).tolist():
        if sound := segmenter.feed(level, floor.add(level)):
            found.append((sound[0] * FRAME, sound[1] * FRAME))
    assert len(found) == len(truth)
    for (start, stop), (first, last) in zip(found, truth, strict=True):
        start, stop = segment.widen(start, stop, RATE // 20, len(pcm))
        assert first - RATE // 10 <= start and stop <= last + RATE // 10
        power = pcm[first:last].astype(float) ** 2
        inside = power[max(0, start - first) : max(0, stop - first)]
        assert inside.sum() >= 0.97 * power.sum()

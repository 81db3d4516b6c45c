"""Learning from few takes: takes are found whole, mixes settle, and bad input is told."""

import dataclasses
import io
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from otolith.audio import read_pcm
from otolith.audio.wav import write_wav
from otolith.augment.settings import parse as sections
from otolith.data.metadata import Metadata, Row
from otolith.data.streams import Stream, joined, read_negatives
from otolith.data.takes import check_takes, copies_of, find_take
from otolith.data.unlike import UNLIKE, unlikeness, warped
from otolith.errors import UserError
from otolith.evaluate.network import all_classes
from otolith.features import extract
from otolith.features.network_input import real_input
from otolith.settings.features import preset
from otolith.settings.spec import parse
from otolith.train import mixes, negatives, train
from otolith.train.fit import fit
from otolith.train.fit_takes import TakesCourse
from otolith.train.judge import missed
from otolith.train.mixes import Mixer, Sample, recipe
from otolith.train.negatives import Hard, Negatives
from otolith.train.prepare import prepare
from otolith.train.takes import Takes, learns_from_takes, load_takes, resolved
from support.skips import recordings
from support.soak import depth

RATE = 16000
FRONT_END = preset("micro_speech")


def word(rng, pitch=140.0, tones=(500, 1500, 800), seconds=0.6):
    """Syllables: a voice's harmonics under a moving formant, with a little variation."""
    n = round(seconds * rng.uniform(0.9, 1.1) * RATE)
    t = np.arange(n) / RATE
    at = np.interp(np.linspace(0, 1, n), np.linspace(0, 1, len(tones)), tones)
    f0 = pitch * rng.uniform(0.95, 1.05)
    voice = sum(
        np.sin(2 * np.pi * k * f0 * t) * np.exp(-(((k * f0 - at) / 250) ** 2)) for k in range(1, 25)
    )
    syllables = 0.1 + np.abs(np.sin(np.pi * len(tones) * t / t[-1]))
    return voice * syllables * 4000


def clip(rng, sound, before=0.3, after=0.4, noise=20.0):
    """A sound with room noise around it, int16."""
    parts = (np.zeros(round(before * RATE)), sound, np.zeros(round(after * RATE)))
    x = np.concatenate(parts)
    return np.clip(np.rint(x + rng.normal(0, noise, len(x))), -32768, 32767).astype(np.int16)


@pytest.mark.deep
@settings(max_examples=depth(15, 300), deadline=None)
@given(
    st.integers(0, 10**6),
    st.floats(0.0, 1.5),
    st.floats(0.0, 1.5),
    st.floats(0.3, 1.2),
    st.floats(0, 150),
)
def test_a_take_is_found_whole_wherever_it_is(seed, before, after, seconds, noise):
    rng = np.random.default_rng(seed)
    sound = word(rng, seconds=seconds)
    found = find_take(clip(rng, sound, before, after, noise))
    loud = np.flatnonzero(np.abs(sound) > max(0.1 * np.abs(sound).max(), 8 * noise))
    start = round(before * RATE)
    assert found is not None
    assert found.start <= start + loud[0] and found.end >= start + loud[-1]
    assert found.samples <= len(sound) + 0.3 * RATE  # the room is left out


def test_a_word_that_fills_its_clip_is_not_cut():
    rng = np.random.default_rng(1)
    sound = word(rng, seconds=1.0)
    found = find_take(np.rint(sound).astype(np.int16))
    assert found is not None and found.samples > 0.97 * len(sound)


def test_silence_and_steady_noise_are_no_take():
    rng = np.random.default_rng(2)
    assert find_take(np.zeros(RATE, np.int16)) is None
    assert find_take(rng.normal(0, 300, RATE).astype(np.int16)) is None
    assert find_take(np.zeros(100, np.int16)) is None
    cut = np.rint(word(rng)[2000:]).astype(np.int16)
    assert find_take(np.concatenate([cut, np.zeros(RATE, np.int16)])).cut


def test_copies_are_found_and_repetitions_are_not():
    rng = np.random.default_rng(3)
    takes = [clip(rng, word(rng)) for _ in range(4)]
    later = np.concatenate([np.zeros(777, np.int16), (takes[1] * 0.4).astype(np.int16)])
    assert copies_of([*takes, later, takes[0]]) == [4, 5]
    silent = np.zeros(RATE, np.int16)
    clips = [*takes, silent, takes[2].copy()]
    checked = check_takes(clips, [find_take(c) for c in clips])
    assert (checked.takes, checked.silent, checked.copies) == ([0, 1, 2, 3], [4], [5])


def test_tempo_keeps_pitch_and_changes_length():
    t = np.arange(RATE) / RATE
    tone = np.sin(2 * np.pi * 440 * t).astype(np.float32)
    (tempo,) = sections({"tempo": {"tempo_percent": 25, "probability": 1.0}}, "spec")
    from otolith.augment.base import Stock, Take

    faster = tempo.resized(tone, Take(np.random.default_rng(1), Stock([])))
    assert len(faster) == pytest.approx(RATE / 1.25, abs=2)
    spectrum = np.abs(np.fft.rfft(faster * np.hanning(len(faster))))
    assert spectrum.argmax() * RATE / len(faster) == pytest.approx(440, abs=3)
    window = tempo.apply(tone, Take(np.random.default_rng(1), Stock([])))
    assert window.shape == tone.shape


def test_negative_windows_are_those_the_chip_sees():
    rng = np.random.default_rng(4)
    pcm = rng.normal(0, 1000, 8 * RATE).astype(np.int16)
    found = Negatives.of(FRONT_END, [Stream(pcm, 0, "noise"), Stream(pcm[:500], 0, "short")])
    assert len(found.frames) == 1
    whole = extract(pcm, FRONT_END)
    scores, places = found.scored(lambda v: v[:, 0, 0].astype(float), 5)
    rows = found.at(places)
    assert (rows[:, 0, 0] == scores).all()
    lead = len(whole) - len(found.frames[0])
    for row, (_, start) in zip(rows[::7], places[::7], strict=True):
        np.testing.assert_array_equal(row, whole[lead + start : lead + start + FRONT_END.frames])
    hard = Hard(np.empty((0, *FRONT_END.shape), np.int16), np.empty(0, int))
    least = float(np.median(scores))
    first = hard.add(found, scores, places, least)
    assert first == (scores >= least).sum() and hard.add(found, scores, places, least) == 0
    drawn = found.draw(5, 0, rng)
    assert drawn.shape == (5, *FRONT_END.shape)


def test_streams_are_joined_without_clicks_and_missing_folders_are_one_line(tmp_path):
    clips = [np.full(RATE, level, np.int16) for level in (1000, -1000, 1000)]
    (stream,) = joined(clips, 0, "steps")
    assert np.abs(np.diff(stream.pcm.astype(int))).max() < 50
    with pytest.raises(UserError, match=r"\[data\] negatives: .*nowhere: no such folder"):
        read_negatives([str(tmp_path / "nowhere")], 0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no sound files in it"):
        read_negatives([str(tmp_path / "empty")], 0)


def test_variants_hold_the_take_and_repeat_themselves():
    rng = np.random.default_rng(5)
    pcm = clip(rng, word(rng), noise=5)
    sample = Sample(pcm, find_take(pcm), 1)
    mixer = Mixer(FRONT_END, [], recipe([]), ["unknown", "word"], 1)
    for number in range(depth(6, 60)):
        mix = mixer.mix(sample, np.random.default_rng((1, number)))
        assert len(mix) == mixes.SETTLE + FRONT_END.samples
        same = mixer.mix(sample, np.random.default_rng((1, number)))
        np.testing.assert_array_equal(mix, same)
        inside = mix[mixes.SETTLE :].astype(float)
        before = mix[RATE : mixes.SETTLE - RATE // 5].astype(float)
        assert inside.std() > before.std()
    off = recipe(sections({"room": {"probability": 0.0}}, "spec"))
    assert [s.probability for s in off if s.name == "room"] == [0.0]


def test_warping_forgives_speed_and_nothing_else():
    rng = np.random.default_rng(11)
    a = np.cumsum(rng.normal(size=(30, 12)), axis=0)
    slower = np.repeat(a, 2, axis=0)
    assert warped(a, a) == 0 and warped(a, slower) == 0
    assert warped(a, a[::-1]) == warped(a[::-1], a) > 1


def spoken_digits(speaker, digits, takes):
    """Clips of FSDD, which nobody here has made."""
    files = {d: sorted(recordings("fsdd").glob(f"{d}_{speaker}_*.wav")) for d in digits}
    return [read_pcm(files[digit][take], resample=True) for digit in digits for take in takes]


def test_takes_of_different_words_are_told_from_takes_of_one(tmp_path, small):
    for speaker in ("nicolas", "theo"):
        for digits, takes in ((range(10), [21]), ([7], range(8))):
            sounds = spoken_digits(speaker, digits, takes)
            apart = unlikeness(sounds, [find_take(sound) for sound in sounds])
            assert apart > UNLIKE if len(digits) > 1 else apart < UNLIKE - 0.2
    assert unlikeness([], []) is None
    told = "as unlike each other as different words are"
    for name, digits, takes in (("mix", range(10), [1, 2]), ("same", [7], range(20))):
        folder = data(tmp_path / name, spoken_digits("theo", digits, takes))
        assert said(load_takes(spec_of(folder, "takes")).notes, told) == (name == "mix")


# ---- whole trainings ----


def spec_of(folder, takes="auto", **train_):
    return parse(
        {
            "model": {
                "name": "own",
                "description": "A word",
                "classes": ["unknown", "word"],
                "architecture": "micro_speech",
            },
            "data": {"path": str(folder)},
            "features": {"preset": "micro_speech"},
            "train": {"method": takes, "take_updates": 10, "mine": 1, "base": "none", **train_},
            "detect": {"thresholds": {"word": 0.5}},
            "deploy": {"hop_frames": 5},
        },
        "spec",
    )


def data(folder, takes, unknown=None):
    """A dataset of takes and of other sounds."""
    rng = np.random.default_rng(6)
    rows = []
    others = [rng.normal(0, 10 ** rng.uniform(1, 3), 2 * RATE) for _ in range(24)]
    for label, sounds in (("word", takes), ("unknown", unknown or others)):
        for number, sound in enumerate(sounds):
            file = f"{label}/{number}.wav"
            (folder / label).mkdir(parents=True, exist_ok=True)
            write_wav(folder / file, np.asarray(sound).astype(np.int16))
            rows.append(Row(file, label))
    Metadata(rows).save(folder)
    return folder


@pytest.fixture
def small(monkeypatch):
    """Few variants and streams: these trainings show what is said, not how well one hears."""
    monkeypatch.setattr(mixes, "VARIANTS", 80)
    monkeypatch.setattr(mixes, "LEAST_EACH", 3)
    monkeypatch.setattr(negatives, "GENERATED", 8)
    monkeypatch.setattr(negatives, "ANOTHER_HOURS", 0.002)


def learned(spec):
    """Warnings of preparing and fitting, and of the test takes, without quantising."""
    with prepare(spec) as prepared:
        fitted = fit(prepared)
        scores = all_classes(fitted.network.predict(real_input(prepared.test.values, FRONT_END)))
        return [*prepared.notes, *missed(prepared, scores)]


def said(lines, text):
    return any(text in line for line in lines)


@pytest.mark.slow
def test_twenty_takes_are_learned_without_naming_the_method(tmp_path, small):
    rng = np.random.default_rng(7)
    takes = [clip(rng, word(rng), noise=10 ** rng.uniform(0, 2)) for _ in range(20)]
    spec = spec_of(data(tmp_path / "data", takes), take_updates=40)
    assert learns_from_takes(spec) and resolved(spec).train.method == "takes"
    assert not learns_from_takes(spec_of(tmp_path / "data", epochs=3))
    told = io.StringIO()
    metrics = train(spec, tmp_path / "out", Console(file=told, width=300))
    assert metrics.clip_accuracy >= 0.9
    assert "Warning: the model stays silent" in told.getvalue()
    assert not said(metrics.warnings, "copies") and not said(metrics.warnings, "rests on")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "What each class rests on" in page and "streams: generated noises" in page


@pytest.mark.slow
def test_few_and_alike_takes_are_told_and_learning_repeats_itself(tmp_path, small):
    rng = np.random.default_rng(8)
    five = [clip(rng, word(rng)) for _ in range(5)]
    spec = spec_of(data(tmp_path / "five", [*five, five[0]]))
    weights, lines = [], []
    for _ in range(2):
        with prepare(spec) as prepared:
            weights.append(fit(prepared).trained.get_weights())
            lines = prepared.notes
    assert said(lines, "takes: expect it to miss many: record 20 or more")
    assert said(lines, "1 of 6 takes are copies of others and are left out")
    assert all((a == b).all() for a, b in zip(*weights, strict=True))


def test_takes_of_no_use_are_one_line(tmp_path, small):
    rng = np.random.default_rng(9)
    one = clip(rng, word(rng))
    with pytest.raises(UserError, match=r"19 of 20 are copies of others\): record at least 3"):
        load_takes(spec_of(data(tmp_path / "copies", [one] * 20)))
    silence = [rng.normal(0, 30, RATE) for _ in range(20)]
    with pytest.raises(UserError, match=r"0 different takes .* \(20 of 20 clips hold no"):
        load_takes(spec_of(data(tmp_path / "silence", silence)))
    with pytest.raises(UserError, match="1 clip of class word: training, validation and test"):
        load_takes(spec_of(data(tmp_path / "single", [one])))
    only = spec_of(tmp_path / "copies", "takes")
    both = dataclasses.replace(only.detect, thresholds={"word": 0.5, "unknown": 0.5})
    with pytest.raises(UserError, match="needs a class without a threshold"):
        load_takes(dataclasses.replace(only, detect=both))


@pytest.mark.parametrize(("score", "told"), [(0.9, True), (0.01, False)])
def test_negatives_that_score_as_the_word_after_mining_are_told(tmp_path, score, told):
    noise = np.random.default_rng(10).normal(0, 900, 8 * RATE).astype(np.int16)
    course = TakesCourse.__new__(TakesCourse)
    course.spec, course.targets, course.notes = spec_of(tmp_path), [1], []
    plain = {1: np.zeros((3, *FRONT_END.shape), np.int16)}
    found = Negatives.of(FRONT_END, [Stream(noise, 0, "a tape of the word")])
    course.takes = Takes({}, found, [], plain)
    course.scheduler = course.rebuilt = None
    course._score = lambda model, values: np.where(values.any((1, 2)), score, 0.9)
    course._note_confused(None)
    assert said(course.notes, "still sound like word") == told
    assert said(course.notes, "a tape of the word") == told


def test_test_takes_that_are_not_heard_are_told(tmp_path):
    """As with takes of different words: what the network learned says nothing about the others."""
    takes = Takes({1: np.zeros((1, 1))}, None, [], {})
    test = SimpleNamespace(labels=np.array([1, 1, 1, 1, 0]))
    prepared = SimpleNamespace(spec=spec_of(tmp_path), takes=takes, test=test)
    heard, not_heard = [0.1, 0.9], [0.8, 0.2]
    (line,) = missed(prepared, np.array([heard, not_heard, not_heard, not_heard, not_heard]))
    assert "of 4 test takes of word the network hears 1" in line
    assert "are all takes the same sound" in line
    assert missed(prepared, np.array([heard] * 4 + [not_heard])) == []

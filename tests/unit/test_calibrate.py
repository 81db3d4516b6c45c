"""host calibrate and the curve of host evaluate --stream: choices checked by the chain itself."""

import dataclasses
import json
import warnings

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.compile.metadata import read_metadata, write_metadata
from otolith.data.metadata import Metadata, Row
from otolith.evaluate import recordings
from otolith.evaluate.promise import GRID, Setting, _Near, count, promise
from otolith.evaluate.recordings import Source, Span, Stream, Take, hear, sources
from otolith.evaluate.stream import match
from otolith.listen.chain import Chain
from otolith.listen.decide import Event, decide
from otolith.listen.ending import ending
from otolith.listen.heard import Heard
from otolith.settings.detect import Detect
from support.chain_model import network
from support.evaluate_case import host
from support.soak import depth

RATE = 16000


def noise(rng, seconds, level):
    pcm = rng.normal(0, 1, round(seconds * RATE)) * level
    return np.clip(pcm, -32768, 32767).astype(np.int16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model that detects loudness, streams with bursts below the level of the takes, takes."""
    folder = tmp_path_factory.mktemp("calibrate")
    (folder / "loud.tflite").write_bytes(network(2))
    rng = np.random.default_rng(7)
    (folder / "streams").mkdir()
    for number in range(3):
        parts = [noise(rng, 5, 60)]
        for level in (2500, 3000, 4000):
            parts += [noise(rng, 1.5, level), noise(rng, 6, 60)]
        soundfile.write(folder / "streams" / f"{number}.wav", np.concatenate(parts), RATE)
    rows = []
    (folder / "takes" / "loud").mkdir(parents=True)
    for number in range(8):
        name = f"loud/{number}.wav"
        pcm = np.concatenate([noise(rng, 0.3, 60), noise(rng, 1, 9000), noise(rng, 0.3, 60)])
        soundfile.write(folder / "takes" / name, pcm, RATE)
        rows.append(Row(name, "loud", set="train" if number < 2 else "test"))
    Metadata(rows).save(folder / "takes")
    return folder


def heard_events(model, paths, **thresholds):
    """Events of the chain, which hears short files one after another."""
    chain = Chain(model)
    for label, threshold in thresholds.items():
        chain.set(f"detect.threshold.{label}", threshold)
    pcm = np.concatenate([soundfile.read(path, dtype="int16")[0] for path in paths])
    hops = chain.run(np.concatenate([pcm, ending(chain.metadata, pcm)]))
    return [hop.event for hop in hops if hop.event]


def test_calibrating_removes_false_accepts_and_keeps_the_takes(folder, tmp_path):
    model = tmp_path / "loud.tflite"
    eager = read_metadata(network(2)).with_detect(thresholds={"loud": 0.2})
    model.write_bytes(write_metadata(network(2), eager))
    files = sorted((folder / "streams").iterdir())
    before = model.read_bytes()
    assert heard_events(before, files)
    takes = ["--takes", folder / "takes"]
    arguments = ["calibrate", model, "--streams", folder / "streams", *takes]
    result = host(*arguments, "--dry-run", "--json", "--false-accepts-per-hour", 0.5)
    assert result.exit_code == 0 and model.read_bytes() == before
    told = json.loads(result.stdout)
    assert told["positives"] == [6] and told["before"]["total"]["count"] == len(
        heard_events(before, files)
    )
    page = tmp_path / "page.html"
    result = host(*arguments, "--false-accepts-per-hour", 0.5, "-o", page)
    assert result.exit_code == 0, result.output
    after = model.read_bytes()
    assert after.endswith(before)  # the network's bytes are those they were
    detect = read_metadata(after).detect
    assert detect.thresholds["loud"] == told["after"]["thresholds"][0] > 0.2
    assert detect.smoothing == told["after"]["smoothing"]
    assert detect.false_accepts_per_hour == 0.5
    assert heard_events(after, files) == []
    assert told["after"]["misses"] == [0] and told["after"]["total"]["count"] == 0
    assert len(heard_events(after, sorted((folder / "takes" / "loud").iterdir()))) >= 8
    assert told["held_out"] is None  # three short files, heard one after another, are one part
    # a minute and a half can't show 0.5 an hour
    assert told["limit"] == pytest.approx(2.9957 / told["hours"], rel=1e-3)
    assert "minutes of streams can't show 0.5" in result.output
    assert "wrote" in result.output and "data:image/png;base64," in page.read_text()
    # what was asked last is asked again
    arguments = arguments[: -len(takes)]
    assert json.loads(host(*arguments, "--dry-run", "--json").stdout)["asked"] == 0.5


def test_the_curve_of_an_evaluation(folder):
    model = folder / "loud.tflite"
    result = host("evaluate", model, "--stream", folder / "streams", "--json")
    found = json.loads(result.stdout)
    assert found["recordings"] == 3
    (curve,) = found["curves"]
    files = sorted((folder / "streams").iterdir())
    for point in curve["points"][:: max(1, len(curve["points"]) // 4)]:
        events = heard_events(model.read_bytes(), files, loud=point["threshold"])
        assert len(events) == point["false_accepts"]
        assert point["per_hour"] == pytest.approx(len(events) / found["hours"], rel=1e-4)
        assert point["low"] <= point["per_hour"] <= point["high"]
    assert curve["points"][0]["false_accepts"] == 0


def test_labels_in_a_stream_are_no_false_accepts(folder, tmp_path):
    rng = np.random.default_rng(1)
    parts = [noise(rng, 2, level) for level in (60, 32000, 60, 60, 32000, 60, 60, 32000, 60)]
    soundfile.write(tmp_path / "a.wav", np.concatenate(parts), RATE)
    arguments = ["calibrate", folder / "loud.tflite", "--streams", tmp_path, "--dry-run", "--json"]
    told = json.loads(host(*arguments).stdout)
    assert told["before"]["total"]["count"] >= 1 and told["positives"] == [0]
    assert any("no take of it" in line for line in told["warnings"])
    assert any("score like the class itself" in line for line in told["warnings"])
    (tmp_path / "a.txt").write_text("2\t4\tloud\n8\t10\tloud\n14\t16\tloud\n")
    told = json.loads(host(*arguments).stdout)
    assert told["before"]["total"]["count"] == 0 and told["positives"] == [3]
    assert told["after"]["misses"] == [0]
    assert not any("score like the class" in line for line in told["warnings"])


def test_short_files_of_a_folder_follow_each_other(tmp_path):
    rng = np.random.default_rng(3)
    for number, level in enumerate((60, 12000, 60)):
        soundfile.write(tmp_path / f"{number}.wav", noise(rng, 2, level), RATE)
    soundfile.write(tmp_path / "long.wav", noise(rng, 61, 60), RATE)
    found = sources([tmp_path])
    assert [len(s.files) for s in found] == [3, 1]
    result = host("evaluate", _model(tmp_path), "--stream", tmp_path, "--json")
    events = json.loads(result.stdout)["events"]
    assert events and all(e["recording"].endswith(("1.wav", "2.wav")) for e in events)
    assert all(0 <= e["t_ms"] <= 2000 for e in events)


def _model(folder):
    (folder / "m.tflite").write_bytes(network(2))
    return folder / "m.tflite"


@pytest.mark.parametrize(
    ("make", "arguments", "said"),
    [
        (None, ["--streams", "none"], "none: no such file or folder"),
        ("empty", [], "no sound file in it"),
        ("text", [], "a.wav: not a sound file"),
        ("short", [], "shorter than the network's window"),
        ("good", ["--false-accepts-per-hour", "0"], "must be above 0"),
        ("good", ["--false-accepts-per-hour", "-1"], "must be above 0"),
        ("good", ["--takes", "none"], "none: no metadata.csv"),
    ],
)
def test_bad_input_is_one_line(make, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s").mkdir()
    if make == "text":
        (tmp_path / "s" / "a.wav").write_text("hello")
    if make == "short":  # followed by room tone as long as network and smoothing remember
        (tmp_path / "s" / "session.json").write_text("{}")
        soundfile.write(tmp_path / "s" / "audio.wav", np.ones(300, np.int16), RATE)
    if make == "good":
        soundfile.write(tmp_path / "s" / "a.wav", noise(np.random.default_rng(1), 5, 60), RATE)
    streams = [] if "--streams" in arguments else ["--streams", "s"]
    model = _model(tmp_path)
    before = model.read_bytes()
    result = host("calibrate", model, *streams, *arguments)
    assert result.exit_code == 1 and said in result.output
    assert len(result.output.splitlines()) == 1 and model.read_bytes() == before


def test_one_bad_file_leaves_the_others(folder, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"RIFFxxxx")
    result = host(
        "calibrate",
        folder / "loud.tflite",
        "--streams",
        tmp_path / "bad.wav",
        "--streams",
        folder / "streams",
        "--dry-run",
        "--json",
    )
    assert json.loads(result.stdout)["recordings"] == 3
    assert "bad.wav" in result.stderr and len(result.stderr.splitlines()) == 1


# ---- the choice, on made-up scores ----

SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), max_size=5)


@settings(max_examples=depth(80, 3000))
@given(SPANS, st.lists(st.integers(0, 45), max_size=8), st.integers(0, 3), st.integers(0, 3))
def test_counting_near_labels_is_matching(rows, times, early, late):
    spans = [Span(start, start + length, "a") for start, length in rows]
    times = sorted(times)
    found = match(spans, [Event(t, "a", 1) for t in times], early, late)
    near = _Near(spans, Setting(early, late))
    inside = near.holds(np.array(times, float))
    assert (~inside).sum() == len(found.false_alarms)
    assert near.hits(np.array(times, float)[inside]) == sum(h is not None for h in found.hits)


def made(seed, hours=0.2, classes=2, hop=1600):
    """Scores of noise with rare peaks."""
    rng = np.random.default_rng(seed)
    hops = round(hours * 36000)
    scores = (rng.beta(1, 8, (hops, classes)) * 32767).astype(np.uint16)
    for at in rng.integers(0, hops, 20):
        scores[at : at + 6, rng.integers(classes)] = rng.integers(8000, 30000)
    return Heard(scores, np.ones(hops, bool), 1, hop, hours * 3600)


@pytest.mark.parametrize("asked", [2.0, 40.0])
def test_promises_are_kept_for_all_classes_together(asked):
    labels = ("a", "b")
    streams = [Stream(Source((f"{n}.wav",)), made(n), [], [720000.0], {}) for n in range(4)]
    rng = np.random.default_rng(9)
    takes = []
    for number in range(30):
        scores = np.zeros((20, 2), np.uint16)
        scores[8:14, number % 2] = rng.integers(12000, 32000)
        heard = Heard(scores, np.ones(20, bool), 1, 1600, 2.0)
        takes.append(Take(f"{number}.wav", labels[number % 2], heard))
    detect = Detect({"a": 0.5, "b": 0.5}, smoothing=3, minimum_count=3, suppression_hops=10)
    chosen, told = promise(streams, takes, detect, labels, 100.0, Setting(100, 800), asked)
    events = [e for s in streams for e in decide(s.heard, chosen, labels)]
    assert len(events) == told.after.total.count <= asked * 0.8
    missed = sum(not decide(t.heard, chosen, labels) for t in takes)
    assert missed == sum(told.after.misses)
    # with the chosen smoothing no lower threshold would do for all that is missed
    alone = [
        count(streams, takes, n, label, chosen, Setting(100, 800)) for n, label in enumerate(labels)
    ]
    for n, label in enumerate(labels):
        at = int(np.searchsorted(GRID, round(chosen.thresholds[label] * 32767) - 2))
        assert alone[n].false_accepts()[at] <= asked * 0.8
    if asked == 40.0:
        assert told.after.total.count > 2  # the promise's room is used
    assert told.held_out is not None and told.held_out.count <= 3 * asked * 0.8 + 6


def test_a_class_that_cannot_keep_the_promise_is_told():
    heard = made(3)
    heard.scores[::50, 0] = 32767
    heard = dataclasses.replace(heard, scores=heard.scores)
    streams = [Stream(Source(("x.wav",)), heard, [], [720000.0], {})]
    take = Heard(np.full((20, 2), 20000, np.uint16), np.ones(20, bool), 1, 1600, 2.0)
    detect = Detect({"a": 0.5}, smoothing=1, minimum_count=1, suppression_hops=10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, told = promise(
            streams,
            [Take("t.wav", "a", take)],
            detect,
            ("a", "b"),
            2000.0,
            Setting(100, 800),
            0.5,
        )
    assert told.held_out is None
    assert any("none of its 1 takes is heard" in line for line in told.warnings)
    assert any("false accepts an hour at any threshold" in line for line in told.warnings)


def test_cores_and_one_process_hear_the_same(folder, monkeypatch):
    files = sources(sorted((folder / "streams").iterdir())[:2])
    alone, _ = hear(network(2), files, ["loud"])
    monkeypatch.setattr(recordings, "WORTH_S", 0)
    together, _ = hear(network(2), files, ["loud"])
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a.heard.scores, b.heard.scores)

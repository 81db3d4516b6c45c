"""evaluate.stream: matching by hand and against all assignments, recordings against the chain."""

import itertools
import json

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from otolith.audio import read_pcm
from otolith.evaluate import stream
from otolith.evaluate.poisson import false_alarms_at_most, hours_needed, interval
from otolith.evaluate.recordings import Span, hear, sources
from otolith.evaluate.stream import match
from otolith.listen.chain import Chain
from otolith.listen.decide import Event, decide
from otolith.listen.ending import ending
from support.chain_model import METADATA, network
from support.evaluate_case import host

A, B = "alarm", "bell"


def test_matching_by_hand():
    spans = [Span(1000, 2000, A), Span(1500, 3000, B), Span(5000, 6000, A), Span(9000, 9000, A)]
    events = [
        Event(850, A, 1),  # too early
        Event(950, A, 1),  # early, but by no more than 100 ms
        Event(1400, B, 1),
        Event(1990, A, 1),  # repeated
        Event(2300, B, 1),  # repeated
        Event(5500, B, 1),  # within an alarm
        Event(6500, A, 1),  # late, but by no more than 500 ms
        Event(9501, A, 1),  # too late
    ]
    found = match(spans, events, early_ms=100, late_ms=500)
    assert found.hits == [1, 2, 6, None]
    assert found.repeats == [3, 4]
    assert found.false_alarms == [0, 5, 7]
    assert found.latencies(spans, events) == [-50, -100, 1500, None]


def test_one_event_hits_one_span_and_the_one_that_ends_first():
    spans = [Span(0, 1000, A), Span(0, 500, A)]
    assert match(spans, [Event(100, A, 1)], 0, 0).hits == [None, 0]
    assert match(spans, [Event(600, A, 1), Event(100, A, 1)], 0, 0).hits == [0, 1]


SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 10), st.sampled_from([A, B])), max_size=6
)
EVENTS = st.lists(st.tuples(st.integers(0, 45), st.sampled_from([A, B])), max_size=5)


@given(SPANS, EVENTS, st.integers(0, 3), st.integers(0, 3))
def test_no_assignment_hits_more(rows, times, early, late):
    spans = [Span(start, start + length, label) for start, length, label in rows]
    events = [Event(t, label, 1) for t, label in times]

    def fits(event, span):
        return event.label == span.label and (
            span.start_ms - early <= event.t_ms <= span.end_ms + late
        )

    most = 0
    targets = [*range(len(spans)), *[None] * len(events)]
    for choice in set(itertools.permutations(targets, len(events))):
        pairs = [(e, s) for e, s in zip(events, choice, strict=True) if s is not None]
        if all(fits(e, spans[s]) for e, s in pairs):
            most = max(most, len(pairs))
    found = match(spans, events, early, late)
    hits = [h for h in found.hits if h is not None]
    assert len(hits) == most and len(set(hits)) == most
    assert all(fits(events[h], s) for h, s in zip(found.hits, spans, strict=True) if h is not None)
    assert sorted(hits + found.repeats + found.false_alarms) == list(range(len(events)))
    for e in found.false_alarms:
        assert not any(fits(events[e], s) for s in spans)


def test_false_alarms_at_most():
    # chi-square tables, 95 %: half the quantile for 2, 4, 12 degrees of freedom
    for count, bound in ((0, 2.9957), (1, 4.7439), (5, 10.5130)):
        assert false_alarms_at_most(count, 1) == pytest.approx(bound, abs=1e-4)
        assert false_alarms_at_most(count, 4) == pytest.approx(bound / 4, abs=1e-4)
    assert 10_000 < false_alarms_at_most(10_000, 1) < 10_200


def test_poisson_intervals():
    # chi-square tables, 2.5 and 97.5 %: half the quantiles for 2n and 2n + 2 degrees of freedom
    for count, low, high in ((0, 0, 3.6889), (1, 0.0253, 5.5716), (5, 1.6235, 11.6683)):
        assert interval(count, 1) == pytest.approx((low, high), abs=1e-4)
        assert interval(count, 2) == pytest.approx((low / 2, high / 2), abs=1e-4)
    assert hours_needed(0.5) == pytest.approx(5.9915, abs=1e-4)


@pytest.fixture(scope="module")
def listening(tmp_path_factory):
    """A model that detects loudness, a recording with three loud stretches, its label track."""
    folder = tmp_path_factory.mktemp("stream")
    (folder / "loud.tflite").write_bytes(network(2))
    rng = np.random.default_rng(4)
    level = np.full(16000 * 30, 60.0)
    for start in (3, 10, 20):
        level[start * 16000 : (start + 2) * 16000] = 12000
    pcm = np.clip(rng.normal(0, 1, len(level)) * level, -32768, 32767).astype(np.int16)
    soundfile.write(folder / "night.wav", pcm, 16000)
    # labelled and loud at 3 and 10, labelled but silent at 25, loud but not labelled at 20
    (folder / "night.txt").write_text("3\t5\tloud\n10\t12\tloud\n25\t26\tloud\n1\t2\tcough\n")
    return folder


def test_a_recording_is_heard_as_the_chain_hears_it(listening):
    chain = Chain(network(2))
    (heard,), _ = hear(network(2), sources([listening / "night.wav"]), chain.labels)
    detect = chain.metadata.detect
    events = decide(heard.heard, detect, chain.labels)
    pcm = read_pcm(listening / "night.wav")
    hops = list(chain.run(np.concatenate([pcm, ending(chain.metadata, pcm)])))
    assert [(e.t_ms, e.label) for e in events] == [(h.t_ms, h.event[0]) for h in hops if h.event]
    assert heard.ends_ms == [30_000] and heard.heard.seconds == 30 and events
    curve, step = stream.timeline(heard, detect.smoothing, points=50)
    assert 50 <= len(curve) <= 100 and len(curve) * step >= 30_000
    top = max(h.smoothed[1] for h in hops if h.smoothed is not None) / 32767
    assert curve[:, 1].max() == top
    at = next(h for h in hops if h.smoothed is not None and h.smoothed[1] / 32767 == top)
    assert curve[int((at.t_ms - 1) // step), 1] == top


def test_hits_misses_and_false_alarms(listening):
    arguments = ("evaluate", listening / "loud.tflite", "--stream", listening / "night.wav")
    result = host(*arguments, "--json", "-o", listening / "page.html")
    found = json.loads(result.stdout)
    assert result.exit_code == 0, result.output
    assert (found["labels"], found["hits"], found["misses"]) == (3, 2, 1)
    alarms = [e["t_ms"] for e in found["events"] if e["verdict"] == "false alarm"]
    assert alarms and all(20_000 < t < 22_200 for t in alarms)
    assert found["false_alarms"] == len(alarms)
    assert found["false_alarms_per_hour"] == pytest.approx(len(alarms) * 120)
    # the window (8 frames) and two of three scores: less than 250 ms, in whole hops
    waits = found["latency_ms"]
    assert 0 < waits["mean"] <= waits["p90"] < 250
    assert found["missed"][0]["start_ms"] == 25_000
    assert found["ignored_labels"] == {"cough": 1}
    assert found["late_ms"] == pytest.approx(
        (256 + (8 + METADATA["detect"]["smoothing"] * 3) * 128) / 16, abs=1e-3
    )
    page = (listening / "page.html").read_text()
    assert page.count("data:image/png;base64,") == 2 and "latency" in page
    assert "missed" in host(*arguments).output


def test_a_recording_without_labels_must_be_silent(listening):
    arguments = ("evaluate", listening / "loud.tflite", "--stream", listening / "night.wav")
    found = json.loads(host(*arguments, "--no-labels", "--json").stdout)
    assert found["hits"] == found["misses"] == found["repeats"] == 0
    assert found["hit_rate"] is None and found["latency_ms"] == {"mean": None, "p90": None}
    assert found["false_alarms"] == len(found["events"]) >= 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stream"], "--stream and recordings"),
        (["night.wav"], "--stream and recordings"),
        (["--stream", "night.wav", "--data", "x"], "goes without"),
        (["--stream", "night.wav", "--labels", "none.txt"], "no label track"),
        (["--stream", "night.wav", "--labels", "night.txt", "--no-labels"], "goes without"),
        (["--late", "2"], "go with --stream"),
        (["--stream", "gone.wav", "--no-labels"], "gone.wav: not a sound file"),
        (["--stream", "night.txt", "--no-labels"], "night.txt: not a sound file"),
    ],
)
def test_wrong_streams_are_one_line(arguments, said, listening, monkeypatch):
    monkeypatch.chdir(listening)
    result = host("evaluate", "loud.tflite", *arguments)
    assert result.exit_code == 1 and said in result.output
    assert len(result.output.splitlines()) == 1


def test_one_bad_recording_leaves_the_others(listening, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"RIFFxxxx")
    recordings = (tmp_path / "bad.wav", listening / "night.wav")
    model = listening / "loud.tflite"
    result = host("evaluate", model, "--stream", *recordings, "--no-labels", "--json")
    assert result.exit_code == 1 and json.loads(result.stdout)["recordings"] == 1
    assert "bad.wav" in result.stderr and len(result.stderr.splitlines()) == 1


def test_bad_lines_of_a_track_are_told_and_the_others_count(listening, tmp_path):
    arguments = ("evaluate", listening / "loud.tflite", "--stream", listening / "night.wav")
    track = tmp_path / "track.txt"
    track.write_text("3\t5\tloud\n4\t6\tloud\n")
    result = host(*arguments, "--labels", track, "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)["labels"] == 2
    assert len(result.stderr.splitlines()) == 1 and "overlap" in result.stderr
    track.write_text("3\t5\tloud\nthree\t6\tloud\n40\t41\tloud\n")
    result = host(*arguments, "--labels", track, "--json")
    assert result.exit_code == 1 and json.loads(result.stdout)["labels"] == 1
    assert len(result.stderr.splitlines()) == 2
    assert "track.txt:2" in result.stderr and "1 labels start after" in result.stderr

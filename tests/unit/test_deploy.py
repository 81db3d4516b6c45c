"""Judging a played scenario, worked by hand."""

import io

import numpy as np
from rich.console import Console

from otolith.deploy.cli import outcome_table
from otolith.deploy.picture import draw
from otolith.deploy.scenario import Detection, Segment, concatenate, judge


def seconds(name, label, s):
    return Segment(name, label, np.zeros(int(16000 * s), np.int16))


SCENE = [
    seconds("quiet", None, 2),
    seconds("alarm", "fire_alarm", 4),
    seconds("quiet again", None, 2),
]


def test_a_heard_alarm_has_its_latency_from_the_start_of_the_alarm():
    outcomes = judge(SCENE, [Detection(2900, "fire_alarm", 0.9)], memory_ms=1200)
    assert [o.right for o in outcomes] == [True, True, True]
    assert outcomes[1].latency_ms == 900
    assert (outcomes[1].start_ms, outcomes[1].end_ms) == (2000, 6000)


def test_a_missed_alarm_is_wrong():
    assert [o.right for o in judge(SCENE, [], 1200)] == [True, False, True]


def test_an_alarm_on_background_is_wrong_and_named():
    early = Detection(1500, "fire_alarm", 0.8)
    outcomes = judge(SCENE, [early, Detection(3000, "fire_alarm", 0.9)], 1200)
    assert [o.right for o in outcomes] == [False, True, True]
    assert outcomes[0].wrong == (early,)


def test_the_memory_of_the_previous_segment_is_forgiven_but_no_longer():
    heard = Detection(3000, "fire_alarm", 0.9)
    assert judge(SCENE, [heard, Detection(7100, "fire_alarm", 0.9)], 1200)[2].right
    assert not judge(SCENE, [heard, Detection(7300, "fire_alarm", 0.9)], 1200)[2].right


def test_heard_just_after_it_ended_is_heard():
    outcomes = judge(SCENE, [Detection(6500, "fire_alarm", 0.9)], 1200)
    assert [o.right for o in outcomes] == [True, True, True]
    assert outcomes[1].latency_ms == 4500


def test_another_class_on_a_segment_is_wrong():
    scene = [seconds("a", "dog", 1), seconds("b", "rain", 1)]
    outcomes = judge(scene, [Detection(500, "dog", 0.9), Detection(1900, "dog", 0.9)], 500)
    assert [o.right for o in outcomes] == [True, False]


def test_segments_play_in_order():
    scene = [
        Segment("a", None, np.full(3, 1, np.int16)),
        Segment("b", None, np.full(2, 2, np.int16)),
    ]
    assert concatenate(scene).tolist() == [1, 1, 1, 2, 2]


HOSTILE = ["[/x]", "engine [idle]", "$\\foo$", "_hidden", "\x1b[31mred", "犬"]


def test_names_from_elsewhere_are_shown_as_they_are_and_do_nothing(tmp_path):
    scene = [seconds(name, name, 0.5) for name in HOSTILE]
    heard = [Detection(100 + 500 * n, name, 0.9) for n, name in enumerate(HOSTILE)]
    outcomes = judge(scene, heard, 300)
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system=None)
    console.print(outcome_table(outcomes))
    printed = console.file.getvalue()
    assert all(name in printed for name in HOSTILE if name.isprintable())
    assert "\x1b[31mred" not in printed
    times = np.arange(0, 3000, 100.0)
    scores = np.zeros((len(times), len(HOSTILE)))
    thresholds = dict.fromkeys(HOSTILE, 0.5)
    arguments = (outcomes, heard, times, scores, HOSTILE, thresholds)
    draw(tmp_path / "run.png", "a $b [/x]", concatenate(scene), *arguments)
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")
    assert str(tmp_path).encode() not in (tmp_path / "run.png").read_bytes()

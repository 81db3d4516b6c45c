"""Verdicts on a played scene, worked by hand; detectors that never, always or wrongly fire."""

import io

import numpy as np
import pytest
from rich.console import Console

from otolith.deploy.cli import outcome_table
from otolith.deploy.picture import draw
from otolith.deploy.scenario import Detection, Segment, concatenate, judge, passed
from otolith.errors import UserError
from otolith.firmware import build


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


MEMORY_MS = 1200


def padded(label: str | None, name: str = "") -> Segment:
    """A second of sound with room tone around it, two seconds longer than a chain's memory."""
    return Segment(name or label or "quiet", label, np.zeros(51200, np.int16), (8000, 24000))


SCENES = {
    "one event": [padded(None), padded("alarm"), padded(None)],
    "two events": [padded(None), padded("on"), padded(None), padded("off"), padded(None)],
    "no background": [padded(f"sound {number}") for number in range(10)],
}


def fired(scene: list[Segment], detector: str, every_ms: float) -> list[Detection]:
    """What a detector reports for a scene, at most once every `every_ms`."""
    labels = list(dict.fromkeys(s.label for s in scene if s.label))
    found, start, last = [], 0.0, -every_ms
    for segment in scene:
        length = len(segment.pcm) / 16
        sounding = (start + 500 + MEMORY_MS / 2, start + 1500 + MEMORY_MS)
        for t in np.arange(start, start + length, 32.0):
            heard = segment.label if sounding[0] <= t < sounding[1] else None
            if detector == "right":
                said = heard
            elif detector == "always":
                said = labels[-1 - len(found) % len(labels)]
            elif detector == "always the first":
                said = labels[0]
            elif detector == "swaps":  # with two classes, the other one is the background
                others = [*labels, None]
                said = others[(others.index(heard) + 1) % len(others)]
            else:
                said = None
            if said and t >= max(last + every_ms, MEMORY_MS):  # the first window has no score yet
                found.append(Detection(float(t), said, 0.9))
                last = t
        start += length
    return found


@pytest.mark.parametrize("accept", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("every_ms", [32.0, 1000.0, 2000.0])
@pytest.mark.parametrize("name", SCENES)
def test_only_a_detector_that_hears_the_right_thing_passes(name, every_ms, accept):
    def verdict(detector):
        found = fired(SCENES[name], detector, every_ms)
        return passed(judge(SCENES[name], found, MEMORY_MS), accept)

    assert verdict("right")
    for detector in ("never", "always", "swaps"):
        assert not verdict(detector), detector
    if accept > 0.5:
        assert not verdict("always the first")


def test_half_of_the_sounds_may_be_enough_but_never_none():
    scene = SCENES["two events"]
    once = [Detection(3200 + 1800, "on", 0.9)]
    assert passed(judge(scene, once, MEMORY_MS), 0.5)
    assert not passed(judge(scene, once, MEMORY_MS), 1.0)
    assert not passed(judge(scene, [], MEMORY_MS), 0.1)


def test_a_detection_before_its_sound_is_wrong():
    scene = [padded(None), padded("alarm")]
    outcomes = judge(scene, [Detection(3200 + 400, "alarm", 0.9)], MEMORY_MS)
    assert not outcomes[1].right and outcomes[1].first is None and len(outcomes[1].wrong) == 1
    outcomes = judge(scene, [Detection(3200 + 1100, "alarm", 0.9)], MEMORY_MS)
    assert outcomes[1].right and outcomes[1].latency_ms == 600


def test_a_build_that_does_not_link_says_what_the_linker_said(tmp_path, monkeypatch):
    fake = tmp_path / "python"
    fake.write_text(
        "#!/bin/sh\necho 'Linking firmware.elf'\n"
        "echo 'ld: region FLASH overflowed by 12 bytes'\n"
        "echo 'collect2: error: ld returned 1 exit status'\nexit 1\n"
    )
    fake.chmod(0o755)
    monkeypatch.setattr(build.sys, "executable", str(fake))
    with pytest.raises(UserError, match=r"^pio run -e pico: ld: region .* overflowed by 12 bytes$"):
        build.platformio("-e", "pico")

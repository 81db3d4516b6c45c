"""The decision layer's settings, changed on a running virtual Pico, act as in the chain here."""

import numpy as np
import pytest
from click.testing import CliRunner

from otolith.cli import main
from otolith.device import Line, VirtualTransport, settings
from otolith.errors import UserError
from otolith.listen.chain import Chain
from otolith.virtual import boot
from support import small_models

RATE = 16000


def tone(seconds, amplitude):
    t = np.arange(int(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * 700 * t)).astype(np.int16)


SOUND = np.concatenate(
    [tone(seconds, amplitude) for seconds, amplitude in ((1.1, 0), (0.6, 250), (1.2, 9000))]
    + [tone(1.6, 40), tone(0.5, 2000), tone(0.9, 3)]
)


@pytest.fixture(scope="module")
def board(inference_image):
    with boot(inference_image) as board:
        yield board


def assert_equal(result, chain):
    """Compare a board's results for SOUND with the chain's."""
    chain.reset()
    hops = list(chain.run(SOUND))
    scored = [hop for hop in hops if hop.q is not None]
    np.testing.assert_array_equal(result.outputs, [hop.q for hop in scored])
    np.testing.assert_array_equal(result.smoothed, [hop.smoothed for hop in scored])
    assert result.levels.tolist() == [hop.level for hop in scored]
    assert result.decisions == [hop.decision for hop in scored]
    events = [(e["t_ms"], e["label"], e["score"]) for e in result.events]
    assert events == [
        (hop.t_ms, hop.event[0], round(hop.event[1] / 32767, 3)) for hop in hops if hop.event
    ]
    return events


def test_a_threshold_set_at_run_time_changes_the_events_as_it_does_here(client):
    chain = Chain(small_models.loudness())
    assert client.settings() == chain.settings()
    before = assert_equal(client.inject(SOUND), chain)
    for name, value in (("detect.threshold", 0.2), ("detect.suppression_hops", 3)):
        assert client.set(name, value) == chain.set(name, value) == client.settings()
    assert client.settings().thresholds == {"background": 0.0, "loud": 0.2}
    lower = assert_equal(client.inject(SOUND), chain)
    assert len(lower) > len(before) > 0 and lower[0][0] < before[0][0]
    name = "detect.threshold.loud"
    assert client.set(name, 0) == chain.set(name, 0)
    assert not assert_equal(client.inject(SOUND), chain)
    client.set(name, 0.8)  # as it was


def test_every_setting_does_on_the_board_what_it_does_here(client):
    chain = Chain(small_models.loudness())
    changes = {
        "detect.gate": 1,
        "detect.gate_backoff": 3,
        "detect.gate_delay": 2,
        "detect.average_ms": 200,
        "detect.minimum_count": 3,
        "detect.suppression_ms": 160,
        "detect.vote": 5,
        "detect.unknown_events": True,
        "detect.threshold.background": 0.6,
    }
    for name, value in changes.items():
        told = client.set(name, value)
    for name, value in {**{f"detect.{k}": v for k, v in told.values.items()}, **changes}.items():
        chain.set(name, value)
    chain.set("detect.threshold.loud", told.thresholds["loud"])
    assert client.settings() == chain.settings() == told
    assert (told.values["smoothing"], told.values["suppression_hops"]) == (6, 5)
    events = assert_equal(client.inject(SOUND), chain)
    assert {label for _, label, _ in events} == {"background", "loud", "unknown"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("set detect.threshold 2", "threshold must be 0 to 1, with up to 5 decimals"),
        ("set detect.threshold.horn 0.5", "the model has no such class"),
        ("set detect.smoothing 33", "smoothing must be a whole number 1 to 32"),
        ("set detect.gate_activity on", "this model's front end detects no activity"),
        ("set detect.minimum_count 32", "minimum_count must not be above smoothing"),
        ("set detect.thresh 0.5", "unknown setting"),
        ("set train.epochs 3", "unknown setting"),
        ("set detect.gate", "a setting's name and its value are needed"),
        ("set", "argument must be text"),
        ("get", "argument must be text"),
        ("get detect.gate", "only detect and microphone can be asked for"),
        ("set detect.threshold.\u00f6 0.5", "the model has no such class"),
    ],
)
def test_an_impossible_setting_is_an_error_line_and_changes_nothing(client, line, reason):
    before = client.settings()
    with pytest.raises(UserError, match=reason):
        client.command(line)
    assert client.settings() == before


def test_a_change_is_heard_in_the_microphones_stream(board, client):
    client.set("detect.threshold", 0.8)
    client.set("detect.threshold.background", 0)
    for name, value in (("gate", 0), ("vote", 0), ("unknown_events", "off")):
        client.set(f"detect.{name}", value)
    board.play(tone(2.5, 16000))
    board.run_ms(1700)
    assert "detect" in [m["event"] for m in client.lines(5) if isinstance(m, Line)]
    client.set("detect.suppression_hops", 0)
    board.run_ms(330)
    events = [m for m in client.lines(5) if isinstance(m, Line) and m["event"] == "detect"]
    assert len(events) >= 9  # one per hop of 32 ms, from the next hop on
    client.set("detect.threshold", 0)
    list(client.lines(5))
    board.run_ms(330)
    assert not [m for m in client.lines(5) if isinstance(m, Line) and m["event"] == "detect"]


def test_the_command_line_gets_and_sets(board, monkeypatch):
    monkeypatch.setattr(settings, "choose_port", lambda port: port)
    monkeypatch.setattr(settings, "SerialTransport", lambda port: VirtualTransport(board))
    monkeypatch.setattr(VirtualTransport, "close", lambda self: None)

    def run(*words):
        done = CliRunner().invoke(main, ["device", *words, "--port", "virtual"])
        return done.exit_code, done.output.splitlines()

    code, lines = run("set", "detect.threshold.loud=0.25", "detect.gate=7", "detect.average_ms=300")
    assert code == 0
    assert {"detect.threshold.loud = 0.25", "detect.gate = 7", "detect.smoothing = 9"} < set(lines)
    assert run("get") == (0, lines)
    code, said = run("set", "detect.gate=8", "detect.vote=40", "detect.gate=9")
    assert code == 1 and said == [
        "Error: detect.vote = 40: must be a whole number 0 to 32 (detect.gate=8 done before)"
    ]
    assert "detect.gate = 8" in run("get")[1]

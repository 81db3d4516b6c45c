"""Settings of the decision layer: from spec to metadata to C, and changed while it runs."""

import json
import re

import numpy as np
import pytest
import test_spec
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from test_device import FakeBoard, line

from otolith import features
from otolith.cli import main
from otolith.device import Client
from otolith.device import settings as device_settings
from otolith.errors import UserError
from otolith.listen.chain import Chain
from otolith.settings import detect
from support.chain_model import METADATA, network, sound
from support.evaluate_case import host
from support.front_end_model import network as front_end_network
from support.front_ends import told, with_metadata

# ---- in a spec ----


def read(tmp_path, keys, more=""):
    text = test_spec.GOOD.replace("smoothing = 4\nminimum_count = 2\n", keys)
    return test_spec.read(tmp_path, text + more)


def test_a_spec_without_newer_keys_has_the_metadata_it_always_had(tmp_path):
    text = json.dumps(read(tmp_path, "").metadata().to_json()["detect"], sort_keys=True)
    assert text == (
        '{"gate": 0, "minimum_count": 8, "smoothing": 8, "suppression_hops": 31, '
        '"thresholds": {"bell": 0.8}}'
    )


def test_all_of_detect_travels(tmp_path):
    keys = """
    gate = 12
    gate_backoff = 3
    gate_delay = 2
    average_ms = 500
    suppression_ms = 2000
    vote = 5
    unknown_events = true
    """
    assert read(tmp_path, keys).metadata().to_json()["detect"] == {
        "gate": 12,
        "gate_backoff": 3,
        "gate_delay": 2,
        "smoothing": 16,  # 500 ms in hops of 32 ms: 15.6
        "minimum_count": 8,
        "suppression_hops": 62,  # 62.5, rounded to even
        "vote": 5,
        "unknown_events": True,
        "thresholds": {"bell": 0.8},
    }


@pytest.mark.parametrize(
    ("keys", "hop_frames", "smoothing", "minimum_count"),
    [
        ("average_ms = 1", 4, 1, 1),
        ("average_ms = 100", 4, 3, 3),
        ("average_ms = 100.0", 1, 12, 8),  # 12.5, rounded to even
        ("average_ms = 1024", 4, 32, 8),
        ("smoothing = 5", 4, 5, 5),
        ("average_ms = 320\nminimum_count = 10", 4, 10, 10),
    ],
)
def test_milliseconds_become_hops(tmp_path, keys, hop_frames, smoothing, minimum_count):
    spec = read(tmp_path, keys + "\n", f"[deploy]\nhop_frames = {hop_frames}\n")
    assert (spec.detect.smoothing, spec.detect.minimum_count) == (smoothing, minimum_count)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            "average_ms = 500\nsmoothing = 8",
            r"\[detect\] average_ms: smoothing sets",
        ),
        (
            "suppression_ms = 9\nsuppression_hops = 8",
            "suppression_ms: suppression_hops sets",
        ),
        ("average_ms = 2000", r"average_ms = 2000: must be 0 to 1024, 32 hops of 32 ms"),
        ("average_ms = -1", "average_ms = -1: must be 0 to"),
        ("average_ms = inf", "average_ms = inf: must be a number"),
        ("average_ms = '1 s'", "must be a number of milliseconds"),
        ("suppression_ms = true", "must be a number of milliseconds"),
        (
            "average_ms = 100\nminimum_count = 4",
            "must be 1 to 3, which is smoothing",
        ),
        ("gate = 32768", r"\[detect\] gate = 32768: must be 0 to 32767"),
        ("gate_delay = 32", r"\[detect\] gate_delay = 32: must be 0 to 31"),
        ("gate_backoff = -1", r"\[detect\] gate_backoff = -1: must be 0 to 65535"),
        ("gate_backof = 1", "did you mean gate_backoff"),
        ("vote = 33", r"\[detect\] vote = 33: must be 0 to 32"),
        ("vote = true", r"vote = True: must be a whole number"),
        ("unknown_events = 1", "unknown_events = 1: must be true or false"),
        (
            "gate_activity = true",
            "detects activity: kind = .logmel. with fe.activ",
        ),
    ],
)
def test_a_mistake_in_detect_is_one_line(tmp_path, keys, said):
    with pytest.raises(UserError, match=said) as error:
        read(tmp_path, keys + "\n")
    assert "\n" not in error.value.message and "spec.toml:" in error.value.message


def test_a_hop_of_nothing_gets_its_own_error(tmp_path):
    with pytest.raises(UserError, match="hop_frames = 0: must be at least 1"):
        read(tmp_path, "average_ms = 100\n", "[deploy]\nhop_frames = 0\n")


# ---- in a model ----


def model(**more):
    return with_metadata(network(2), {**METADATA, "detect": {**METADATA["detect"], **more}})


def test_a_model_listens_with_the_settings_it_carries():
    said = {"gate_backoff": 7, "gate_delay": 31, "vote": 3, "unknown_events": True}
    assert Chain(model(**said)).settings().to_json() == {
        "gate": 40,
        "gate_activity": False,
        "smoothing": 3,
        "minimum_count": 2,
        "suppression_hops": 5,
        **said,
        "thresholds": {"background": 0, "loud": 0.6},
    }


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"gate_delay": 32}, "detect.gate_delay = 32: must be 0 to 31"),
        ({"vote": 2.0}, "detect.vote = 2.0: must be a whole number"),
        ({"minimum_count": 4}, "detect.minimum_count = 4: must be 1 to 3"),
        ({"unknown_events": 1}, "detect.unknown_events = 1: must be true or false"),
        ({"gate_activity": True}, "detect.gate_activity: needs a front end that detects activity"),
    ],
)
def test_settings_no_chip_takes_are_refused(more, said):
    with pytest.raises(UserError, match=said):
        Chain(model(**more))


def test_activity_of_the_front_end_opens_the_gate():
    said = features.preset("micro_speech", fe={"activity_detection_enable": True})
    plain = front_end_network(said)
    metadata = told(plain)
    metadata["detect"] = {
        "gate": 0,
        "gate_activity": True,
        "smoothing": 1,
        "minimum_count": 1,
        "suppression_hops": 0,
        "thresholds": {"loud": 0.01},
    }
    rng = np.random.default_rng(3)
    # activity in the first second, before the window is full, does not open the gate
    levels = np.repeat(
        [8000, 50, 8000, 50, 50] + [50] * 4 + [9000] * 4 + [50] * 6 + [7000] * 2, 3200
    )
    pcm = np.clip(rng.normal(0, 1, len(levels)) * levels, -32768, 32767).astype(np.int16)
    chain = Chain(with_metadata(plain, metadata))
    hops = list(chain.run(pcm))
    active = features.activity(pcm, said)
    seen, opened = 0, []
    assert active[: said.frames - 5].any()
    for hop in hops:
        before, seen = seen, seen + len(hop.features)
        if hop.q is None:
            continue
        heard = bool(np.any(active[before:seen]))
        assert hop.smoothed.tolist() == (hop.scores.tolist() if heard else [0, 0])
        assert heard or hop.decision is None
        opened.append(heard)
    assert 0 < sum(opened) < len(opened) / 2
    assert chain.set("detect.gate_activity", "off").values["gate_activity"] is False
    assert [hop for hop in chain.run(pcm) if hop.q is not None and hop.smoothed.any()]


def test_a_stream_is_judged_with_the_settings_of_the_model(tmp_path):
    import soundfile

    soundfile.write(tmp_path / "day.wav", sound(), 16000)
    (tmp_path / "day.txt").write_text("0\t3.1\tloud\n0\t3.1\tunknown\n")
    results = []
    for name, more in (("plain", {}), ("vote", {"vote": 9}), ("unknown", {"unknown_events": True})):
        (tmp_path / f"{name}.tflite").write_bytes(model(**more))
        said = host("evaluate", tmp_path / f"{name}.tflite", "--stream", tmp_path / "day.wav",
                    "--json")  # fmt: skip
        assert said.exit_code == 0, said.output
        results.append(json.loads(said.stdout))
        events = [(e["t_ms"], e["label"]) for e in results[-1]["events"]]
        hops = Chain(model(**more)).run(sound())
        assert events == [(hop.t_ms, hop.event[0]) for hop in hops if hop.event] != []
    plain, vote, unknown = results
    assert plain["ignored_labels"] == vote["ignored_labels"] == {"unknown": 1}
    assert vote["late_ms"] == pytest.approx(plain["late_ms"] + 8 * 24)  # hops of 24 ms
    assert vote["events"] != plain["events"]
    assert unknown["ignored_labels"] == {} and unknown["hits"] == 2


# ---- while it runs ----


def test_a_chain_is_set_from_the_next_hop_on():
    chain, whole = Chain(network(2)), list(Chain(network(2)).run(sound()))
    at = next(i for i, hop in enumerate(whole) if hop.event) - 1
    pcm = sound()
    heard = list(chain.run(pcm[: (at + 1) * chain.hop]))
    chain.set("detect.threshold.loud", 0)
    heard += list(chain.run(pcm[(at + 1) * chain.hop :]))
    assert [h.smoothed is None or h.smoothed.tolist() for h in heard] == [
        h.smoothed is None or h.smoothed.tolist() for h in whole
    ]
    assert not [h for h in heard if h.event]
    chain.reset()
    assert chain.settings().thresholds["loud"] == 0  # a reset clears only the history of sounds


def test_what_is_refused_changes_nothing():
    chain = Chain(network(2))
    before = chain.settings()
    for name, value in (("detect.smoothing", 1), ("detect.gate_activity", "on")):
        with pytest.raises(UserError, match=rf"{name} \w+: \w+"):
            chain.set(name, value)
    assert chain.settings() == before


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("detect.threshold", 0.8, "detect.threshold 0.8"),
        ("detect.threshold", "1", "detect.threshold 1.0"),
        ("detect.threshold.door bell", 185 / 255, "detect.threshold.door bell 0.7255"),
        ("detect.gate", "300", "detect.gate 300"),
        ("detect.gate_backoff", 65535, "detect.gate_backoff 65535"),
        ("detect.unknown_events", True, "detect.unknown_events on"),
        ("detect.unknown_events", "False", "detect.unknown_events off"),
        ("detect.average_ms", 500, "detect.smoothing 16"),
        ("detect.suppression_ms", "2000", "detect.suppression_hops 62"),
    ],
)
def test_what_goes_over_the_wire(name, value, text):
    assert detect.assignment(name, value, ["quiet", "door bell"], 32.0) == text


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("detect.treshold", 1, "did you mean detect.threshold?"),
        ("detect.threshold.dor bell", 1, "did you mean detect.threshold.door bell?"),
        ("gate", 1, "did you mean detect.gate?"),
        ("train.epochs", 1, "known: gate, smoothing"),
        ("detect.threshold", 1.1, "must be a number 0 to 1"),
        ("detect.threshold", "nan", "must be a number 0 to 1"),
        ("detect.threshold", True, "must be a number 0 to 1"),
        ("detect.threshold", None, "must be a number 0 to 1"),
        ("detect.gate", 1.5, "must be a whole number 0 to 32767"),
        ("detect.gate", True, "must be a whole number"),
        ("detect.gate", "1e3", "must be a whole number"),
        ("detect.smoothing", 0, "must be a whole number 1 to 32"),
        ("detect.unknown_events", 1, "must be on or off"),
        ("detect.average_ms", 2000, "must be a number 0 to 1024"),
        ("detect.average_ms", "x", "must be a number 0 to 1024"),
    ],
)
def test_what_the_computer_refuses(name, value, said):
    with pytest.raises(UserError, match=said) as error:
        detect.assignment(name, value, ["quiet", "door bell"], 32.0)
    assert "\n" not in error.value.message


@given(st.floats(0, 1))
def test_a_threshold_set_is_the_one_a_model_would_have(value):
    text = detect.assignment("detect.threshold", value, [], 32.0).split(" ")[1]
    assert detect.q15(float(text)) == detect.q15(value) and len(text) <= 7


# ---- a board ----

HELLO = line(
    event="hello", app="inference", labels=["quiet", "Gl\u00f6ckchen"], hop=512, rate=16000
)
MANGLED = HELLO.decode().replace("\\u00f6", "\\u00c3\\u00b6").encode()  # as a board writes it
SETTINGS = line(event="settings", detect={"gate": 7, "unknown_events": False, "thresholds": [0, 1]})


def test_a_client_tells_and_sets():
    set_line = "set detect.threshold.Gl\u00f6ckchen 0.5".encode().decode("latin-1")
    board = FakeBoard({"hello": MANGLED, "get detect": SETTINGS, set_line: SETTINGS})
    wanted = {"gate": 7, "unknown_events": False, "thresholds": {"quiet": 0, "Gl\u00f6ckchen": 1}}
    assert Client(board).settings().to_json() == wanted
    assert Client(board).set("detect.threshold.Gl\u00f6ckchen", 0.5).to_json() == wanted
    assert "set detect.threshold.Gl\u00f6ckchen 0.5\n".encode() in board.sent


def test_a_boards_refusal_is_one_line_whatever_the_label():
    set_line = "set detect.threshold.Gl\u00f6ckchen 0.5".encode().decode("latin-1")
    refusal = line(event="error", reason="no such class", command=set_line)
    board = FakeBoard({"hello": MANGLED, set_line: refusal})
    with pytest.raises(
        UserError, match=re.escape("refused 'set detect.threshold.Gl\u00f6ckchen 0.5': no such")
    ):
        Client(board).set("detect.threshold.Gl\u00f6ckchen", 0.5)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (
            {"hello": line(event="hello", app="usb_mic")},
            "the board runs usb_mic, not the inference",
        ),
        ({"hello": HELLO, "get detect": line(event="settings", detect=3)}, "makes? no sense"),
        (
            {"hello": HELLO, "get detect": line(event="settings", detect={"thresholds": [1]})},
            "makes? no sense",
        ),
    ],
)
def test_a_board_that_is_another_is_told(answers, said):
    with pytest.raises(UserError, match=said):
        Client(FakeBoard(answers)).settings()


def test_a_line_longer_than_a_board_takes_is_not_sent():
    board = FakeBoard({"hello": HELLO})
    with pytest.raises(UserError, match="shorter than 96 bytes"):
        Client(board).command("set detect.threshold." + "\u00f6" * 40 + " 0.5")
    assert board.sent == b""


def run(monkeypatch, answers, *words):
    monkeypatch.setattr(device_settings, "choose_port", lambda port: port)
    monkeypatch.setattr(device_settings, "SerialTransport", lambda port: FakeBoard(answers))
    done = CliRunner().invoke(main, ["device", *words])
    return done.exit_code, done.output


def test_the_command_line_shows_settings(monkeypatch):
    answers = {"hello": MANGLED, "get detect": SETTINGS, "set detect.gate 7": SETTINGS}
    shown = (
        "detect.gate = 7\ndetect.unknown_events = off\n"
        "detect.threshold.quiet = 0\ndetect.threshold.Gl\u00f6ckchen = 1\n"
    )
    assert run(monkeypatch, answers, "get") == (0, shown)
    assert run(monkeypatch, answers, "set", "detect.gate=7") == (0, shown)
    code, output = run(monkeypatch, answers, "get", "--json")
    assert code == 0
    assert json.loads(output)["detect"]["thresholds"] == {"quiet": 0, "Gl\u00f6ckchen": 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["detect.gate"], "detect.gate: must be NAME=VALUE"),
        (["=7"], "=7: must be NAME=VALUE"),
        (["detect.gate=x"], "detect.gate = x: must be a whole number 0 to 32767"),
        (
            ["detect.gate=7", "detect.gat=1"],
            r"did you mean detect.gate? (detect.gate=7 done before)",
        ),
    ],
)
def test_the_command_line_refuses_in_one_line(monkeypatch, words, said):
    answers = {"hello": MANGLED, "set detect.gate 7": SETTINGS}
    code, output = run(monkeypatch, answers, "set", *words)
    assert code == 1 and said in output and output.count("\n") == 1

"""host classify against the chain itself and against manually smoothed scores, for every source."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from otolith import paths
from otolith.audio.blocks import Block
from otolith.classify import cli, sources
from otolith.classify.ear import Ear
from otolith.errors import UserError
from otolith.listen.chain import Chain
from otolith.listen.ending import ending, memory_ms
from otolith.record import microphone
from support.chain_model import HOP, METADATA, network, sound
from support.evaluate_case import host

DETECT = METADATA["detect"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network that detects loudness, and a sound with loud stretches."""
    folder = tmp_path_factory.mktemp("classify")
    (folder / "loud.tflite").write_bytes(network(2))
    soundfile.write(folder / "a.wav", sound(), 16000)
    (folder / "fire_alarm").mkdir()  # a spec that has not been trained
    shutil.copy(paths.MODELS / "fire_alarm" / "spec.toml", folder / "fire_alarm")
    return folder


@pytest.fixture(scope="module")
def hops():
    """All hops of the sound."""
    return list(Chain(network(2)).run(sound()))


@pytest.fixture(scope="module")
def file_hops():
    """All hops of a file: the sound, then room tone."""
    chain = Chain(network(2))
    return list(chain.run(np.concatenate([sound(), ending(chain.metadata, sound())])))


def objects(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_line_an_event_and_a_summary(folder, file_hops):
    result = host("classify", folder / "a.wav", "--model", folder / "loud.tflite")
    events = [(h.t_ms, h.event) for h in file_hops if h.event]
    scored = sum(h.scores is not None for h in file_hops)
    assert len(events) >= 2
    assert result.stdout.splitlines() == [
        *[f"{t / 1000:10.3f} s  {label}  score {q / 32767:.3f}" for t, (label, q) in events],
        f"{folder / 'a.wav'}: 3.0 s, {len(events)} events; "
        f"{scored} of {len(file_hops)} hops scored",
    ]
    assert result.exit_code == 0


def test_json_has_the_lines_of_a_board(folder, file_hops):
    arguments = ["classify", folder / "a.wav", "--model", folder / "loud", "--json", "--scores"]
    hello, *lines, end = objects(host(*arguments))
    # the firmware's output is in tests/virtual/test_inference.py
    assert {key: hello[key] for key in ("event", "protocol", "model", "labels", "rate", "hop")} == {
        "event": "hello",
        "protocol": 1,
        "model": "loud",
        "labels": ["background", "loud"],
        "rate": 16000,
        "hop": HOP,
    }
    assert hello["hash"] == Chain(network(2)).network.digest
    expected = []
    for h in file_hops:
        if h.q is not None:
            values = {"q": h.q.tolist(), "scores": h.scores.tolist()}
            values |= {"smoothed": h.smoothed.tolist(), "level": h.level, "decision": h.decision}
            expected.append({"event": "scores", "hop": h.hop, "t_ms": h.t_ms, **values})
        if h.event:
            label, q = h.event
            score = round(q / 32767, 3)
            expected.append({"event": "detect", "t_ms": h.t_ms, "label": label, "score": score})
    assert lines == expected
    assert end == {
        "event": "end",
        "source": str(folder / "a.wav"),
        "t_ms": len(sound()) // 16,
        "hops": len(file_hops),
        "scored": sum(h.q is not None for h in file_hops),
        "detections": sum(bool(h.event) for h in file_hops),
    }


@pytest.mark.parametrize(("name", "rate"), [("a.flac", 16000), ("a.ogg", 44100), ("a.wav", 48000)])
def test_any_sound_file_is_taken(folder, tmp_path, name, rate):
    soundfile.write(tmp_path / name, np.stack([np.repeat(sound(), rate // 16000)] * 2, 1), rate)
    arguments = ("--model", folder / "loud.tflite", "--json", "--seconds", 2)
    _, *lines, end = objects(host("classify", tmp_path / name, *arguments))
    assert end["t_ms"] == 2000 and lines and {line["event"] for line in lines} == {"detect"}


def test_several_files_are_heard_each_from_silence(folder, tmp_path):
    soundfile.write(tmp_path / "quiet.wav", np.zeros(32000, np.int16), 16000)
    model = ("--model", folder / "loud.tflite")
    alone = host("classify", folder / "a.wav", *model).stdout.splitlines()
    both = host("classify", folder / "a.wav", tmp_path / "quiet.wav", folder / "a.wav", *model)
    (silent,) = [line for line in both.stdout.splitlines() if "no events" in line]
    assert silent.startswith(f"{tmp_path / 'quiet.wav'}: 2.0 s, no events")
    head = f"{folder / 'a.wav'}:"
    assert both.stdout.splitlines() == [
        *[head, *alone],
        *[f"{tmp_path / 'quiet.wav'}:", silent],
        *[head, *alone],
    ]


def test_a_clip_one_window_long_is_heard(folder, tmp_path):
    """Room tone follows a file, so that smoothing gets enough scores, as on a board."""
    features = METADATA["features"]
    window = features["window"] + (features["frames"] - 1) * features["hop"]
    rng = np.random.default_rng(3)
    soundfile.write(tmp_path / "clip.wav", rng.integers(-20000, 20000, window, np.int16), 16000)
    model = ("--model", folder / "loud.tflite", "--json")
    _, *events, end = objects(host("classify", tmp_path / "clip.wav", *model))
    assert events and {event["label"] for event in events} == {"loud"}
    assert end["t_ms"] == window // 16 and end["hops"] * HOP >= window
    # no room tone after a board's recording, or after --seconds cuts a file
    shutil.copy(tmp_path / "clip.wav", tmp_path / "audio.wav")
    (tmp_path / "session.json").write_text("{}")
    _, exact = objects(host("classify", tmp_path / "audio.wav", *model))
    _, cut = objects(host("classify", tmp_path / "clip.wav", *model, "--seconds", 60))
    assert exact["hops"] == cut["hops"] == -(-window // HOP) < end["hops"]


def test_room_tone_is_as_long_as_the_chain_remembers_and_as_loud_as_the_room():
    rng = np.random.default_rng(4)
    pcm = np.concatenate([rng.normal(0, 5000, 8000), rng.normal(0, 40, 8000)]).astype(np.int16)
    metadata = Chain(network(2)).metadata
    tone = ending(metadata, pcm)
    assert len(tone) == round(16 * memory_ms(metadata))
    assert 30 < tone.std() < 50
    np.testing.assert_array_equal(tone, ending(metadata, pcm))
    assert not ending(metadata, np.zeros(100, np.int16)).any()


# ---- latency ----


@pytest.mark.parametrize(
    ("latency", "each"), [(0, 1), (24, 1), (25, 2), (48, 2), (48.5, 3), (50, 3), (200, 9)]
)
def test_a_slow_network_hears_less_and_the_rest_is_as_ever(hops, latency, each):
    """Hops of 24 ms. Smoothing, gate, threshold and suppression are computed here."""
    first = next(h.hop for h in hops if h.q is not None)
    assert first == 3  # the eight frames of the window take nine hops of the front end
    ear = Ear(Chain(network(2)), latency)
    pcm = sound()
    heard = [hop for start in range(0, len(pcm), 777) for hop in ear.feed(pcm[start : start + 777])]
    heard += ear.finish()
    wanted = list(range(first, len(hops) + 1, each))
    assert [h.hop for h in heard if h.q is not None] == wanted
    assert (ear.count.hops, ear.count.scored) == (len(hops), len(wanted))
    history, suppressed, threshold = [], 0, round(32767 * DETECT["thresholds"]["loud"])
    for part, full in zip(heard, hops, strict=True):
        assert (part.hop, part.t_ms, part.level) == (full.hop, full.t_ms, full.level)
        if part.hop not in wanted:
            assert part.scores is None and part.event is None
            continue
        assert part.scores.tolist() == full.scores.tolist()
        history.append(full.scores.astype(int) * (full.level >= DETECT["gate"]))
        recent = np.array(history[-DETECT["smoothing"] :])
        smoothed = (recent.sum(axis=0) // len(recent)).tolist()
        assert part.smoothed.tolist() == smoothed
        event = None
        if suppressed:
            suppressed -= 1
        elif len(recent) >= DETECT["minimum_count"] and smoothed[1] >= threshold:
            event, suppressed = ("loud", smoothed[1]), DETECT["suppression_hops"]
        assert part.event == event


def test_the_time_a_device_would_tell_is_told(folder):
    arguments = ("classify", folder / "a.wav", "--model", folder / "loud.tflite", "--json")
    found = [line for line in objects(host(*arguments, "--simulate-latency", "30.5"))]
    events = [line for line in found if line["event"] == "detect"]
    assert events and all(e["known_ms"] == e["t_ms"] + 30.5 for e in events)
    plain = objects(host(*arguments, "--simulate-latency", "0"))
    assert plain == objects(host(*arguments)) and "known_ms" not in str(plain)


def test_the_latency_of_a_board_is_measured(folder, monkeypatch):
    asked = []
    monkeypatch.setattr(cli, "measured", lambda file, board: asked.append(board) or 50.0)
    arguments = ("classify", folder / "a.wav", "--model", folder / "loud.tflite", "--json")
    assert objects(host(*arguments, "--board", "pico")) == objects(
        host(*arguments, "--simulate-latency", 50)
    )
    assert asked == ["pico"]


# ---- pictures ----


def test_what_the_network_saw_is_drawn(folder, tmp_path, monkeypatch):
    windows = []
    real = cli.draw
    monkeypatch.setattr(cli, "draw", lambda path, w, *a: windows.append(w) or real(path, w, *a))
    arguments = ("classify", folder / "a.wav", "--model", folder / "loud.tflite", "--json")
    found = objects(host(*arguments, "--spectrogram", tmp_path / "p"))
    times = [line["t_ms"] for line in found if line["event"] == "detect"]
    pictures = sorted((tmp_path / "p").iterdir())
    assert [f"{t:08d}-loud.png" for t in times] == [p.name[-17:] for p in pictures]
    assert all(p.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" for p in pictures)
    chain, seen = Chain(network(2)), []
    for hop in chain.run(sound()):
        if hop.event:
            seen.append(chain.window())
    np.testing.assert_array_equal(windows, seen)


# ---- microphone and standard input ----


class Tape:
    """A microphone that plays the sound once, and then raises KeyboardInterrupt."""

    name = "Tape"

    def __init__(self, wanted, lost=0):
        self.wanted, self.blocks, self.closed = wanted, [*np.array_split(sound(), 40)], False
        self.lost = lost

    def read(self):
        if not self.blocks:
            signal.raise_signal(signal.SIGINT)
            return Block(np.empty(0, np.int16))
        lost, self.lost = self.lost, 0
        return Block(self.blocks.pop(0), lost=lost)

    def close(self):
        self.closed = True


@pytest.mark.parametrize(("arguments", "wanted"), [(["mic"], "3"), (["--device", "desk"], "desk")])
def test_a_microphone_is_heard_until_ctrl_c(folder, hops, monkeypatch, arguments, wanted):
    tapes = []
    monkeypatch.setattr(microphone, "ours_or_default", lambda: "3")
    monkeypatch.setattr(
        microphone, "Microphone", lambda name: tapes.append(Tape(name)) or tapes[-1]
    )
    result = host("classify", *arguments, "--model", folder / "loud.tflite", "--json")
    events = [line["t_ms"] for line in objects(result) if line["event"] == "detect"]
    assert events == [h.t_ms for h in hops if h.event and h.t_ms <= len(sound()) / 16]
    assert result.exit_code == 0 and objects(result)[-1]["event"] == "end"
    assert tapes[0].wanted == wanted and tapes[0].closed


def test_what_a_microphone_lost_is_silence(monkeypatch):
    monkeypatch.setattr(microphone, "Microphone", lambda name: Tape(name, lost=100))
    first = next(sources.of_microphone("desk", []))
    assert first.tolist() == [0] * 100 + sound()[: len(first) - 100].tolist()


class Devices:
    """The part of sounddevice that reports the default device."""

    class default:
        device = (1, 0)


def test_ours_is_heard_rather_than_the_computers(monkeypatch):
    def device(number, name):
        return microphone.Device(number, name, "ALSA", 48000.0, 1)

    monkeypatch.setattr(microphone, "portaudio", lambda: Devices)
    for devices, chosen in (
        ([device(0, "desk"), device(1, "web camera")], "1"),
        ([device(0, "desk"), device(1, "Otolith Mic: USB")], None),
    ):
        monkeypatch.setattr(microphone, "list_devices", lambda devices=devices: devices)
        assert microphone.ours_or_default() == chosen
    monkeypatch.setattr(microphone, "list_devices", lambda: [])
    with pytest.raises(UserError, match="no microphone found"):
        microphone.ours_or_default()


def test_raw_pcm_comes_on_standard_input(folder, hops):
    command = [sys.executable, "-m", "otolith", "classify", "-", "--model", folder / "loud.tflite"]
    data = sound().astype("<i2").tobytes()
    done = subprocess.run([*command, "--json"], input=data + b"\0", capture_output=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    events = [line["t_ms"] for line in lines if line["event"] == "detect"]
    assert events == [h.t_ms for h in hops if h.event]
    assert lines[-1]["t_ms"] == len(sound()) // 16


@pytest.mark.parametrize("piped", [False, True])
def test_a_long_file_shows_the_time_left_and_mixes_it_with_no_event(
    piped, folder, tmp_path, monkeypatch
):
    """On a terminal; what goes to a file is the same as without one."""
    pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
    soundfile.write(tmp_path / "long.wav", np.tile(sound(), 21), 16000)
    arguments = ["long.wav", "--model", folder / "loud.tflite"]
    command = [sys.executable, "-m", "otolith", "classify", *arguments]
    monkeypatch.chdir(tmp_path)
    plain = host("classify", *arguments).stdout
    ours, theirs = pty.openpty()
    screen = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    output = subprocess.PIPE if piped else theirs
    with subprocess.Popen(command, stdout=output, stderr=theirs, env=screen) as running:
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError):  # Linux: the other end is closed
            while part := os.read(ours, 4096):
                seen += part
        told = running.stdout.read().decode() if piped else ""
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode()).replace("\r", "\n")
    assert re.search(r"hearing long\.wav .* 0:\d\d:\d\d", text)
    assert len(plain.splitlines()) > 40
    lines = [line.rstrip() for line in (told if piped else text).splitlines()]
    assert [line for line in lines if line in plain.splitlines()] == plain.splitlines()


# ---- bad input ----


def test_a_cut_file_is_told_after_what_was_in_it(folder, tmp_path):
    data = (folder / "a.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(data[: len(data) - 2000])
    result = host("classify", tmp_path / "cut.wav", "--model", folder / "loud.tflite")
    assert result.exit_code == 0 and "cut short" in result.stderr
    assert "cut.wav: 2.9 s" in result.stdout and len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "loud.tflite"], "nothing to listen to"),
        (["a.wav", "--model", "gone.tflite"], "gone.tflite: no such file"),
        (["gone.wav", "--model", "loud.tflite"], "gone.wav: no such file"),
        (["loud.tflite", "--model", "loud.tflite"], "loud.tflite: not a sound file"),
        (["a.wav", "--model", "a.wav"], "a.wav: "),
        (["a.wav", "mic", "--model", "loud.tflite"], "do not go with other sources"),
        (["a.wav", "--model", "loud.tflite", "--scores"], "goes with --json"),
        (
            ["a.wav", "--model", "loud.tflite", "--board", "pico", "--simulate-latency", "1"],
            "give one of them",
        ),
        (["a.wav", "--model", "loud.tflite", "--board", "moon"], "no virtual board 'moon'"),
        (["a.wav", "--model", "fire_alarm"], "run `host train fire_alarm`"),
    ],
)
def test_what_is_wrong_is_one_line(folder, monkeypatch, arguments, said):
    monkeypatch.chdir(folder)
    result = host("classify", *arguments)
    assert result.exit_code == 1 and said in result.output, result.output
    assert len(result.output.splitlines()) == 1

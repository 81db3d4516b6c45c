"""host monitor on the virtual Pico: this computer reproduces the results from its recording."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from otolith.cli import main
from otolith.data import metadata
from otolith.listen.chain import Chain
from support import small_models
from support.evaluate_case import host

RATE = 16000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The network of inference_image, and a sound that contains detections for it."""
    folder = tmp_path_factory.mktemp("live")
    (folder / "loud.tflite").write_bytes(small_models.loudness())
    rng = np.random.default_rng(3)
    level = np.repeat([30, 9000, 30, 15000, 30], [RATE // 2, RATE, RATE // 2, RATE, RATE // 4])
    pcm = np.clip(rng.normal(0, 1, len(level)) * level, -32768, 32767).astype(np.int16)
    soundfile.write(folder / "a.wav", pcm, RATE)
    soundfile.write(folder / "short.wav", pcm[RATE // 4 : RATE * 3 // 2], RATE)
    return folder


def run(*arguments):
    done = CliRunner().invoke(main, ["monitor", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_a_recording_replays_bit_for_bit(inference_image, folder, tmp_path):
    record = ("--record", tmp_path / "r")
    done = run("--virtual", inference_image, "--audio", folder / "a.wav", *record, "--json")
    assert done.exit_code == 0, done.output
    assert "missing: 0 samples, 0 frames" in done.stderr
    hello, *told = [json.loads(line) for line in done.stdout.splitlines()]
    kept = [json.loads(line) for line in (tmp_path / "r" / "events.jsonl").read_text().splitlines()]
    assert kept == told and hello["event"] == "hello"
    # recompute them with the command that a user would run
    arguments = ("--model", folder / "loud.tflite", "--json", "--scores")
    again = host("classify", tmp_path / "r" / "audio.wav", *arguments)
    lines = [json.loads(line) for line in again.stdout.splitlines()]
    for event, keys in (
        ("scores", ("hop", "t_ms", "q", "scores", "smoothed", "level", "decision")),
        ("detect", ("t_ms", "label", "score")),
    ):
        board = [[m[key] for key in keys] for m in kept if m["event"] == event]
        computer = [[m[key] for key in keys] for m in lines if m["event"] == event]
        assert board == computer and len(board) >= 2
    assert lines[0]["hash"] == hello["hash"] and lines[0]["hop"] == hello["hop"]
    pcm, rate = soundfile.read(tmp_path / "r" / "audio.wav", dtype="int16")
    assert rate == RATE and lines[-1]["hops"] * hello["hop"] == len(pcm) > 4 * RATE
    features = np.load(tmp_path / "r" / "features.npy")
    chain = Chain(small_models.loudness())
    session = json.loads((tmp_path / "r" / "session.json").read_text())
    assert session["detect"] == chain.settings().to_json()
    hops = chain.run(pcm)
    np.testing.assert_array_equal(
        features, np.concatenate([h.features for h in hops if len(h.features)])
    )


def test_what_a_board_hears_is_collected(inference_image, folder, tmp_path):
    """Sound and time of a clip are the board's: the window before its event is loud."""
    collect = ("--collect", tmp_path / "kept")
    done = run("--virtual", inference_image, "--audio", folder / "short.wav", *collect, "--json")
    assert done.exit_code == 0, done.output
    told = [json.loads(line) for line in done.stdout.splitlines()]
    detected = [m["t_ms"] for m in told if m["event"] == "detect"]
    rows = [
        row for row in metadata.load(tmp_path / "kept").rows if row.extra["collected"] == "event"
    ]
    assert detected and 1 <= len(rows) <= len(detected)
    assert "near misses kept" in done.stderr
    for row in rows:
        assert row.device == "pico" and row.extra["model"] == told[0]["hash"]
        assert int(row.extra["at_ms"]) in {min(t, 3000) for t in detected}
        pcm, rate = soundfile.read(tmp_path / "kept" / row.file, dtype="int16")
        at = int(row.extra["at_ms"]) * RATE // 1000
        # what the event rests on: the window of a second, and the hops it is smoothed over
        heard = pcm[max(0, at - 3 * RATE // 2) : at].astype(int)
        assert rate == RATE and np.abs(heard).mean() > 1000


@pytest.mark.slow
def test_what_a_board_too_slow_for_its_network_loses_is_silence(slow_image, tmp_path):
    """Every block its microphone lost is silence in the recording, and times stay right."""
    done = run("--virtual", slow_image, "--seconds", 2.2, "--record", tmp_path / "r")
    assert done.exit_code == 0, done.output
    ended = json.loads((tmp_path / "r" / "session.json").read_text())["ended"]
    kept = [json.loads(line) for line in (tmp_path / "r" / "events.jsonl").read_text().splitlines()]
    gaps = [m for m in kept if m["event"] == "gap" and m["of"] == "samples"]
    assert gaps and sum(m["count"] for m in gaps) == ended["missing_samples"]
    last = [m for m in kept if m["event"] == "stats"][-1]
    heard = sum(m["count"] for m in gaps if m["t_ms"] < last["t_ms"])
    # nothing was lost before the recording or on the way, so the board's count must be equal
    assert heard / 128 == last["overruns"] > 0 and last["dropped"] == 0
    pcm, _ = soundfile.read(tmp_path / "r" / "audio.wav", dtype="int16")
    scores = [m for m in kept if m["event"] == "scores"][-1]
    assert len(pcm) / 16 == pytest.approx(scores["t_ms"], abs=33)
    for gap in gaps:
        assert not pcm[16 * gap["t_ms"] :][: gap["count"]].any()


def test_a_network_is_built_into_a_virtual_board(folder, monkeypatch, inference_image, tmp_path):
    """--virtual MODEL. A ready image replaces the build, to leave the user's build untouched."""
    built = []
    (tmp_path / "firmware.uf2").write_bytes(inference_image.read_bytes())

    def build(env, model, keep_rows=True):
        built.append((env, model.read_bytes()))
        return type("Firmware", (), {"folder": tmp_path})

    monkeypatch.setattr("otolith.monitor.board.build", build)
    done = run("--virtual", folder / "loud", "--seconds", "1.2", "--plain")
    assert done.exit_code == 0 and built == [("pico", small_models.loudness())]
    assert done.stdout.startswith("pico ") and "a hop: features" in done.stderr
    assert "1.2 s, detected: nothing" in done.stderr and "CPU" in done.stderr


def test_a_terminal_shows_scores_and_load(inference_image, folder):
    """On a pseudo-terminal: the live display, and a clean exit."""
    program = (
        "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], "
        "lambda fd: os.read(fd, 4096))))"
    )
    command = ["monitor", "--virtual", inference_image, "--audio", folder / "short.wav"]
    done = subprocess.run(
        [sys.executable, "-c", program, sys.executable, "-m", "otolith", *map(str, command)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"},
        timeout=120,
    )
    text = done.stdout.decode()
    assert done.returncode == 0, text
    assert "background" in text and "█" in text and "CPU" in text and "loud  score" in text
    assert "Traceback" not in text and "dBFS" in text

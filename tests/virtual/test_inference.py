"""The inference app on the virtual Pico: commands, injection, dumps, bad input, overruns."""

import json
import random

import numpy as np
import pytest

from otolith.device import Client, Line, VirtualTransport
from otolith.device.frames import Frame, encode_frame
from otolith.errors import UserError
from otolith.listen.chain import Chain
from otolith.virtual import boot
from support import small_models
from support.front_ends import gated
from support.heard import events, messages
from support.images import build
from support.parity import assert_frames

RATE = 16000


def tone(seconds, amplitude=16000, hertz=700):
    t = np.arange(int(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * hertz * t)).astype(np.int16)


@pytest.fixture
def board(inference_image, powered):
    return powered(inference_image)


@pytest.fixture(scope="module")
def chain():
    return Chain(small_models.loudness())


def test_hello_names_board_and_model(client, chain):
    hello = client.command("version")
    assert hello == {
        "event": "hello",
        "protocol": 1,
        "app": "inference",
        "board": "pico",
        "version": hello["version"],
        "serial": hello["serial"],
        "model": "loud",
        "hash": chain.network.digest,
        "labels": ["background", "loud"],
        "engine": "compiled",
        "rate": 16000,
        "hop": 512,
        "microphone": "pdm",
        "gain_db": 0,
    }
    assert len(hello["serial"]) == 16 and int(hello["serial"], 16) >= 0


def test_stats_come_once_a_second_and_on_request(client):
    stats = events(messages(client, 2600), "stats")
    assert len(stats) == 2
    assert stats[1]["t_ms"] - stats[0]["t_ms"] == pytest.approx(1000, abs=33)
    assert 31 <= stats[1]["hops"] - stats[0]["hops"] <= 32
    assert stats[1]["overruns"] == stats[1]["dropped"] == 0
    assert 0 < stats[1]["infer_us"] <= stats[1]["infer_max_us"] < 32_000
    assert 0 < stats[1]["feature_us"] <= stats[1]["feature_max_us"] < 32_000
    assert stats[1]["pdm_us"] > 0 and 0 < stats[1]["cpu"] < 1
    assert 100 < stats[1]["stack"] < 4096
    assert client.command("stats") == stats[1]  # the command repeats the line of the last second


@pytest.mark.slow
def test_behind_a_closed_gate_the_chain_rests_and_events_stay(tmp_path):
    """With `scores on` it never rests; both runs hear the same sound."""
    image = build("pico", gated(small_models.loudness(), 1000), tmp_path)
    pcm = np.concatenate([tone(1.8, 30), tone(0.8), tone(0.7, 30)])
    told = []
    for scores in ("on", "off"):
        with boot(image) as board:
            client = Client(VirtualTransport(board))
            client.hello(timeout_ms=1000)
            client.command(f"scores {scores}")
            board.run_ms(500 - board.time_ms)
            board.play(pcm)
            heard = messages(client, 3500)
            stats = [line for line in events(heard, "stats") if line["hops"] > 40]
            level = [round(x, 4) for _, x in board.led][-1]
            told.append((events(heard, "detect"), stats, level))
    (always, all_time, lit), (resting, stats, dark) = told
    assert always == resting and len(always) == 1
    assert lit == dark  # the averages decay either way
    assert [line["duty"] for line in all_time] == [1] * len(all_time)
    duty = [line["duty"] for line in stats]
    assert min(duty) == 0 and max(duty) > 0.2
    asleep = min(stats, key=lambda line: line["feature_us"])
    assert asleep["duty"] == 0 and asleep["feature_us"] < 200  # samples are only kept
    assert asleep["cpu"] < 0.6 * min(line["cpu"] for line in all_time)
    print(
        [
            (x["duty"], x["feature_us"], x["feature_max_us"], x["cpu"], x["overruns"])
            for x in [*all_time, *stats]
        ]
    )
    opening = max(line["feature_max_us"] for line in stats)  # the whole window at once
    assert 32_000 < opening < 100_000
    assert all(line["overruns"] == 0 for line in stats)


def test_a_loud_sound_is_told_and_lights_the_led(board, client):
    client.command("scores on")
    messages(client, 1500)
    assert board.led[-1][1] < 0.05
    board.play(tone(1.5))
    found = messages(client, 1600)
    detections = events(found, "detect")
    times = np.array([d["t_ms"] for d in detections])
    assert len(times) and (np.diff(times) > 31 * 32).all()  # suppressed for 31 hops
    detection = detections[0]
    assert detection["label"] == "loud" and detection["score"] >= 0.8
    (told,) = [m for m in events(found, "scores") if m["t_ms"] == detection["t_ms"]]
    assert told["t_ms"] == pytest.approx(told["hop"] * 32, abs=8)
    assert detection["score"] == round(told["smoothed"][1] / 32767, 3)
    assert max(level for _, level in board.led) > 0.6
    client.command("scores off")
    assert events(messages(client, 200), "scores") == []


def test_injected_pcm_gives_what_the_chain_gives_here(client, chain):
    rng = np.random.default_rng(5)
    noise = rng.integers(-32768, 32768, 5000).astype(np.int16)
    pcm = np.concatenate([np.zeros(9000, np.int16), tone(1.2), noise, tone(0.4, 300)])[:34_500]
    result = client.inject(pcm)
    chain.reset()
    hops = list(chain.run(pcm))
    scored = [hop for hop in hops if hop.q is not None]
    assert result.hops == len(hops) == 68 and len(scored) > 30
    np.testing.assert_array_equal(
        result.features, np.concatenate([h.features for h in hops if len(h.features)])
    )
    np.testing.assert_array_equal(result.outputs, [h.q for h in scored])
    np.testing.assert_array_equal(result.scores, [h.scores for h in scored])
    np.testing.assert_array_equal(result.smoothed, [h.smoothed for h in scored])
    lines = events(result.messages, "scores")
    assert [(m["hop"], m["t_ms"]) for m in lines] == [(h.hop, h.t_ms) for h in scored]
    assert [(e["t_ms"], e["label"]) for e in result.events] == [
        (h.t_ms, h.event[0]) for h in hops if h.event
    ]
    assert result.events


def test_injection_leaves_no_trace_in_the_microphones_stream(board, client):
    before = messages(client, 1100)
    client.inject(tone(0.5))
    after = messages(client, 2100)
    assert events(after, "detect") == []
    (first, *_, last) = events(before, "stats") + events(after, "stats")
    assert last["overruns"] == 0
    # the microphone's clock kept running
    client.command("scores on")
    (score, *_) = events(messages(client, 100), "scores")
    assert score["t_ms"] == pytest.approx(board.time_ms, abs=300)
    assert first["t_ms"] < last["t_ms"]


def test_microphone_pcm_and_features_can_be_watched(board, client, chain):
    client.command("features on")
    client.command("pcm on")
    board.play(tone(0.3, 8000))
    found = [m for m in messages(client, 400) if isinstance(m, Frame)]
    client.command("pcm off")
    client.command("features off")
    pcm = [m for m in found if m.type == "P"]
    features = [m for m in found if m.type == "F"]
    assert [m.sequence - pcm[0].sequence for m in pcm] == list(range(len(pcm)))
    assert len(pcm) == pytest.approx(50, abs=6)
    assert len(features) == pytest.approx(len(pcm), abs=8)
    assert {len(m.data) for m in features} == {2 * 129}
    heard = np.concatenate([np.frombuffer(m.data, "<i2") for m in pcm])
    assert np.abs(heard.astype(int)).max() == pytest.approx(8000, rel=0.05)
    assert not [m for m in messages(client, 200) if isinstance(m, Frame)]


def test_restart_begins_the_microphones_stream_anew(board, client, chain):
    """The chain here computes the same from the stream after a restart, wherever that happens."""
    board.play(np.concatenate([tone(0.9), np.zeros(8000, np.int16), tone(2)]))
    messages(client, 700)  # the chain is in the middle of a sound
    for line in ("scores on", "features on", "pcm on"):
        client.command(line)
    client.ask("restart")
    found = messages(client, 2500) + client.ask("pcm off")[1]
    pcm = [m for m in found if isinstance(m, Frame) and m.type == "P"]
    assert [m.sequence for m in pcm] == list(range(len(pcm))) and len(pcm) > 250
    heard = np.concatenate([np.frombuffer(m.data, "<i2") for m in pcm])
    chain.reset()
    hops = [chain.push(h) for h in heard[: len(heard) // 512 * 512].reshape(-1, 512)]
    told = [(m["hop"], m["t_ms"], m["q"], m["smoothed"]) for m in events(found, "scores")]
    scored = [h for h in hops if h.q is not None]
    assert told == [(h.hop, h.t_ms, h.q.tolist(), h.smoothed.tolist()) for h in scored]
    frames = [m for m in found if isinstance(m, Frame) and m.type == "F"]
    assert [m.sequence for m in frames] == list(range(len(frames)))
    assert_frames([np.frombuffer(m.data, "<i2") for m in frames], hops)
    detections = [(m["t_ms"], m["label"]) for m in events(found, "detect")]
    assert detections == [(h.t_ms, h.event[0]) for h in hops if h.event] and detections


def test_restart_waits_for_an_injection(client):
    client.send_line("inject 512")
    client.send_line("restart")
    client.transport.write(block(0))
    found = messages(client, 100)
    (error,) = events(found, "error")
    assert (error["command"], error["reason"]) == ("restart", "injecting")
    assert events(found, "injected")


# ---- bad input ----


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("dance", "unknown command"),
        ("scores maybe", "argument must be on or off"),
        ("inject", "argument must be a number"),
        ("inject 0", "nothing to inject"),
        ("inject 4294967296", "number too big"),
    ],
)
def test_bad_commands_are_refused(client, line, reason):
    with pytest.raises(UserError, match=reason):
        client.command(line)
    assert client.command("version")["event"] == "hello"


@pytest.mark.parametrize("seed", [1, 2])
def test_garbage_on_the_port_is_survived(board, client, seed):
    rng = random.Random(seed)
    for _ in range(8):
        board.write(rng.randbytes(700))
        board.run_ms(30)
    assert client.hello()["app"] == "inference"
    messages(client, 50)
    assert client.garbage == 0
    assert client.command("scores off") == {"event": "ok", "command": "scores off"}
    stats = client.command("stats")
    assert stats["overruns"] == 0
    assert not [event for event in board.events if event.kind in ("reset", "fault")]


def block(sequence, samples=512):
    return encode_frame("P", sequence, bytes(2 * samples))


def damaged():
    frame = bytearray(block(0))
    frame[40] ^= 1
    return bytes(frame)


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (damaged(), "broken frame"),
        (block(1), "a block of PCM is missing"),
        (block(0) + block(0), "a block of PCM is missing"),
        (block(0, 511), "not the block of PCM that was due"),
        (encode_frame("T", 0, bytes(1024)), "not the block of PCM that was due"),
        (block(0) + block(1)[:400], "broken frame"),
        (b"", "no PCM for two seconds"),
    ],
    ids=["damaged", "gap", "repeated", "short", "type", "cut", "silent"],
)
def test_a_bad_injection_ends_with_an_error_and_the_microphone_resumes(client, frames, reason):
    client.send_line("inject 2048")
    client.transport.write(frames)
    waits = reason == "no PCM for two seconds" or len(frames) % len(block(0))
    found = messages(client, 2300 if waits else 200)
    (error,) = [e for e in events(found, "error") if e.get("command") == "inject"]
    assert error["reason"] == reason
    assert not events(found, "injected")
    client.hello()
    client.command("scores on")
    found = []
    while not events(found, "scores"):  # a whole window since the reset
        found += messages(client, 100)
        assert len(found) < 100
    assert client.command("stats")["overruns"] == 0


def test_frames_nobody_asked_for_are_refused(client):
    client.transport.write(block(0))
    assert [e["reason"] for e in events(messages(client, 20), "error")] == ["unexpected frame"]


def test_a_second_injection_waits_its_turn(client):
    client.send_line("inject 1024")
    client.send_line("inject 1024")
    client.transport.write(block(0) + block(1))
    found = [m for m in messages(client, 300) if isinstance(m, Line)]
    assert [m["event"] for m in found if m["event"] != "stats"] == [
        "injecting",
        "error",
        "more",
        "injected",
    ]


# ---- what is lost is counted ----


def test_the_chain_goes_on_when_nobody_reads_and_a_closed_port_starts_afresh(board, client):
    client.command("scores on")
    board.set_dtr(False)
    board.run_ms(500)
    board.read()
    board.set_dtr(True)
    board.run_ms(1200)
    lines = [json.loads(line) for line in board.read().splitlines()]
    assert lines[0]["event"] == "hello"
    assert all(m["overruns"] == 0 for m in lines if m["event"] == "stats")


@pytest.mark.slow
def test_overruns_of_a_network_too_slow_for_its_hop_are_counted_to_the_block(slow_image):
    """Every block the microphone produced was processed or counted as lost, and the board lives."""
    with boot(slow_image) as board:
        client = Client(VirtualTransport(board))
        client.hello(timeout_ms=1000)
        stats = events(messages(client, 3200), "stats")
        assert stats[-1]["infer_us"] > 32_000 and stats[-1]["cpu"] > 0.95
        assert stats[-1]["overruns"] > stats[1]["overruns"] > 0
        for line in stats:
            heard = line["hops"] * 512 + line["overruns"] * 128
            assert 0 <= line["t_ms"] * 16 - heard < 512 + 128  # a hop may be half full
        # the stream's clock lags the microphone by no more than the ring holds
        assert board.time_ms - stats[-1]["t_ms"] < 1000 + 512 + stats[-1]["infer_us"] / 1000 + 100
        assert not [event for event in board.events if event.kind in ("reset", "fault")]

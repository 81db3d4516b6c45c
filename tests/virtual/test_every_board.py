"""The same tests for every emulated chip: what the protocol VirtualBoard promises."""

from __future__ import annotations

import csv
import inspect
import itertools
import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from otolith.cli import main
from otolith.device import Client, VirtualTransport
from otolith.device.boards import load_boards, named
from otolith.errors import UserError
from otolith.virtual import VirtualBoard, boot, class_for, emulated
from support import small_models
from support.heard import events, messages
from support.images import build

BOARDS = ["pico", "pico2", "nrf52840_dk", "xg24_dev_kit", "mps2_an386"]  # one per chip
MICROPHONES = {"nrf52840_dk": "nrf52840_dk-mic", "xg24_dev_kit": "xg24_dev_kit-mic"}


def tone(seconds, amplitude=16_000):
    t = np.arange(int(16_000 * seconds)) / 16_000
    return (amplitude * np.sin(2 * np.pi * 700 * t)).astype(np.int16)


@pytest.fixture(params=BOARDS)
def board(request, tmp_path, powered):
    suffix = class_for(request.param).IMAGE
    return powered(build(request.param, small_models.loudness(), tmp_path, suffix), request.param)


def test_it_has_all_that_the_protocol_names(board):
    names = {*VirtualBoard.__annotations__, *vars(VirtualBoard)}
    public = [name for name in names if not name.startswith("_")]
    assert len(public) > 20
    assert [name for name in public if not hasattr(board, name)] == []
    for name in public:
        theirs = getattr(type(board), name, None)
        if inspect.isfunction(ours := vars(VirtualBoard).get(name)):
            assert list(inspect.signature(theirs).parameters) == list(
                inspect.signature(ours).parameters
            ), name


@pytest.mark.slow
def test_it_boots_hears_shows_and_counts(board, client):
    assert client.command("version")["board"] == board.board.id
    assert board.ready and board.time_ms > 0 and not board.in_bootloader
    if not board.has_microphone:
        with pytest.raises(UserError, match="has no microphone"):
            board.play(tone(1))
        assert [e["label"] for e in client.inject(tone(1.2)).events] == ["loud"]
        assert board.led == [] and len(board.read_audio()) == 0
        return
    board.run_ms(board.SETTLE_MS)
    cycles, time_ms = board.cycles, board.time_ms
    board.play(tone(1.0))
    heard = events(messages(client, 1300), "detect")
    assert [e["label"] for e in heard] == ["loud"]
    assert max(level for _, level in board.led) > 0.3
    assert all(0 <= level <= 1 for _, level in board.led)
    times = [t_ms for t_ms, _ in board.led]
    assert times == sorted(times) and times[-1] <= board.time_ms
    passed = board.time_ms - time_ms
    assert 1e6 < (board.cycles - cycles) / passed * 1000 < 200e6  # cycles per second
    assert 0 < board.idle_fraction < 1
    assert not [e for e in board.events if e.kind in ("reset", "fault")]
    before = len(board.events)
    client.send_line("reset")
    board.run_ms(300)
    assert next(e.kind for e in board.events[before:]) == "reset"
    assert client.hello()["board"] == board.board.id


@pytest.mark.slow
@pytest.mark.parametrize("name", MICROPHONES)
def test_the_command_runs_microphone_apps_of_every_chip(name, tmp_path):
    image = build(MICROPHONES[name], None, tmp_path, "elf")
    sound = np.random.default_rng(4).integers(1, 30_000, 6_000).astype(np.int16)
    soundfile.write(tmp_path / "clip.wav", sound, 16_000)
    arguments = ["virtual", "run", str(image), "--board", name, "--seconds", "0.9", "--json"]
    for option, file in (("audio", "clip.wav"), ("pcm-out", "pcm.wav"), ("led-out", "led.csv")):
        arguments += [f"--{option}", str(tmp_path / file)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [json.loads(t["text"])["event"] for t in told if t["kind"] == "line"][:2] == [
        "hello",
        "ok",
    ]
    assert all(0 <= a["t_ms"] <= b["t_ms"] for a, b in itertools.pairwise(told))
    heard, rate = soundfile.read(tmp_path / "pcm.wav", dtype="int16")
    begin = int(np.flatnonzero(heard)[0])
    assert rate == 16_000
    np.testing.assert_array_equal(heard[begin : begin + len(sound)], sound)
    with (tmp_path / "led.csv").open() as file:
        assert max(float(row["level"]) for row in csv.DictReader(file)) == 1


# ---- the registry ----


def test_every_board_of_the_project_is_emulated():
    assert [b.id for b in emulated()] == [b.id for b in load_boards()]
    done = CliRunner().invoke(main, ["virtual", "boards", "--json"])
    listed = [json.loads(line) for line in done.output.splitlines()]
    assert [entry["board"] for entry in listed] == [b.id for b in load_boards()]
    assert all(entry["not_modelled"] and entry["counts"] for entry in listed)


@pytest.mark.parametrize(
    ("image", "board", "told"),
    [
        ("firmware.elf", "moon", "no board 'moon': one of adafruit_feather"),
        ("firmware.uf2", "nrf52840_dk", "boots .elf files"),
        ("firmware.elf", "pico", "boots .uf2 files"),
        ("torn.uf2", "pico2", "not whole UF2 blocks"),
        ("firmware.elf", "xg24_dev_kit", "no such firmware image"),
        ("torn.elf", "nrf52840_dk", "not an Arm ELF image"),
    ],
)
def test_what_can_not_be_booted_is_one_line(image, board, told, tmp_path):
    (tmp_path / "torn.elf").write_bytes(b"\x7fELF")
    (tmp_path / "torn.uf2").write_bytes(b"UF2")
    done = CliRunner().invoke(
        main, ["virtual", "run", str(tmp_path / image), "--board", board, "--seconds", "0.1"]
    )
    assert done.exit_code == 1
    assert told in done.output and len(done.output.splitlines()) == 1


def test_a_class_refuses_boards_of_other_chips(tmp_path):
    (tmp_path / "x.elf").write_bytes(b"")
    for family, other in (("nrf52840_dk", "pico"), ("xg24_dev_kit", "pico"), ("pico2", "pico")):
        with pytest.raises(UserError, match="pico: not an"):
            class_for(family).boot(tmp_path / "x.elf", named(other))


def test_boot_takes_the_pico_unless_told_otherwise(tmp_path):
    with pytest.raises(UserError, match="no such firmware image"):
        boot(tmp_path / "none.uf2")


def test_the_transport_runs_the_board_only_while_it_reads(board):
    client = Client(VirtualTransport(board))
    before = board.time_ms
    client.send_line("hello")
    if board.COUNTS != "nothing":
        assert board.time_ms == before
    assert client.hello(timeout_ms=1000)["board"] == board.board.id
    assert board.time_ms > before

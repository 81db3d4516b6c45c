"""The complete inference app on a Cortex-M4F and an M33 in QEMU: results, bytes and faults.

Sound arrives through `inject`.
"""

import json
import re
import socket
import subprocess
from functools import cache

import numpy as np
import pytest

from otolith import paths
from otolith.device import Client, Line, VirtualTransport
from otolith.device.frames import encode_frame
from otolith.errors import UserError
from otolith.listen.chain import Chain
from otolith.virtual.qemu import VirtualMps2
from support import front_end_model, small_models
from support.images import build
from support.parity import assert_same
from support.soak import depth

BOARDS = ["mps2_an386", "mps2_an505"]
MODELS = {
    "spectrogram": small_models.loudness,
    "sliding": small_models.sliding,
    "mfcc": lambda: front_end_model.network(front_end_model.settings("keyword"), 2),
    "logmel": lambda: front_end_model.network(front_end_model.settings("on_off"), 4),
}


def onset() -> np.ndarray:
    """A tone after almost a second of silence. It ends in the middle of a hop."""
    tone = 1000 * np.sin(2 * np.pi * 700 / 16000 * np.arange(9900))
    return np.concatenate([np.zeros(14_000), tone]).astype(np.int16)


def board_file(name: str) -> dict:
    return json.loads((paths.ROOT / "boards" / f"{name}.json").read_text())


def bursts() -> np.ndarray:
    """One and a half seconds of tone bursts."""
    return front_end_model.sound(1.5)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    @cache
    def built(board, kind):
        return build(board, MODELS[kind](), tmp_path_factory.mktemp("mps2"), "elf")

    return built


@pytest.fixture(params=BOARDS)
def board(request, image, powered):
    return powered(image(request.param, "spectrogram"), request.param)


def wait_for(client, event):
    """The next line of this event. Give up if only the periodic stats lines arrive."""
    seen = []
    for message in client.lines(3000):
        if isinstance(message, Line) and message["event"] == event:
            return message
        seen.append(message)
        assert len(seen) < 20, seen
    raise AssertionError(f"no {event} after {seen}")


# Each core with one front end, and a network that keeps rows. `make soak` runs all pairs;
# test_efr32_inference.py has each front end on a Cortex-M33.
PAIRS = [
    pytest.param(
        *(name, kind),
        marks=[pytest.mark.soak]
        * (kind != "spectrogram" and (name, kind) != (BOARDS[0], "sliding")),
    )
    for name in BOARDS
    for kind in MODELS
]


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_injected_sound_gives_the_hosts_features_scores_and_events(name, kind, image):
    pcm = onset() if kind == "spectrogram" else bursts()
    with VirtualMps2(image(name, kind), name) as board:
        client = Client(VirtualTransport(board))
        client.hello()
        result = client.inject(pcm)
    assert client.garbage == 0
    hops = list(Chain(MODELS[kind]()).run(pcm))
    scored = [hop for hop in hops if hop.q is not None]
    assert_same(result, hops)
    np.testing.assert_array_equal(result.levels, [hop.level for hop in scored])
    assert result.decisions == [hop.decision for hop in scored]
    assert bool(result.events) == (kind == "spectrogram")
    # the outputs vary, so the comparison is meaningful
    assert len(scored) >= 10 and len(np.unique(result.outputs)) > 5


@pytest.mark.parametrize("name", BOARDS)
def test_the_image_has_neither_heap_nor_printf(name, image):
    names = subprocess.check_output(["arm-none-eabi-nm", image(name, "spectrogram")], text=True)
    symbols = {line.split()[-1] for line in names.splitlines()}
    unwanted = r"_?(malloc|calloc|realloc|sbrk|v?f?s?n?i?printf)(_r)?|__aeabi_d(add|sub|mul|div)"
    assert "isr_fault" in symbols
    assert not {symbol for symbol in symbols if re.fullmatch(unwanted, symbol)}


def test_hello_names_the_board_and_its_model(board, client):
    hello = client.command("version")
    network = Chain(small_models.loudness()).network
    assert (hello["board"], hello["app"], hello["engine"]) == (
        board.board.id,
        "inference",
        "compiled",
    )
    assert (hello["model"], hello["hash"]) == ("loud", network.digest)
    assert hello["labels"] == ["background", "loud"]


def test_without_a_microphone_nothing_is_heard(client):
    client.command("scores on")
    client.command("pcm on")
    first, second = wait_for(client, "stats"), wait_for(client, "stats")
    assert first["hops"] == second["hops"] == second["t_ms"] == second["overruns"] == 0
    assert 100 < second["stack"] < 4096 and second["cpu"] < 0.5
    assert client.command("stats") == second


def test_a_loud_sound_is_an_event(client):
    t = np.arange(18_000) / 16000
    result = client.inject((16000 * np.sin(2 * np.pi * 700 * t)).astype(np.int16))
    assert [event["label"] for event in result.events] == ["loud"]
    stats = client.command("stats")
    while stats["hops"] < result.hops:
        stats = wait_for(client, "stats")
    assert stats["dropped"] == 0


def test_bad_input_gets_an_error_line_and_changes_nothing(board, client):
    for line, reason in (
        ("nonsense", "unknown command"),
        ("scores maybe", "on or off"),
        ("inject -1", "number"),
        ("inject 0", "nothing to inject"),
        ("set detect.gate loud", "detect.gate"),
    ):
        with pytest.raises(UserError, match=reason):
            client.command(line)
    board.write(b"x" * 5000 + b"\n")
    assert wait_for(client, "error")["reason"] == "line too long"
    frame = bytearray(encode_frame("P", 0, bytes(1024)))
    frame[700] ^= 0x55
    board.write(bytes(frame))
    assert wait_for(client, "error")["reason"] == "broken frame"
    client.send_line("inject 2000")
    wait_for(client, "injecting")
    board.write(encode_frame("P", 1, bytes(1024)))
    assert "missing" in wait_for(client, "error")["reason"]
    assert client.command("scores off")["event"] == "ok"


def test_garbage_on_the_port_stops_nobody(board, client):
    rng = np.random.default_rng(2)
    board.write(rng.integers(0, 256, depth(4_000, 12_000), np.uint8).tobytes())
    assert client.hello()["board"] == board.board.id
    pcm = onset()[:17_000]
    assert_same(client.inject(pcm), list(Chain(small_models.loudness()).run(pcm)))


def test_of_a_flood_of_commands_none_is_lost(board, client):
    """More commands than the receive ring holds, in one go.

    Each is answered, or its answer is counted as dropped if nobody read fast enough.
    """
    count = 700
    board.write(b"version\n" * count)
    answered = dropped = 0
    while answered + dropped < count:
        stats, before = client.ask("stats")
        answered += sum(isinstance(m, Line) and m["event"] == "hello" for m in before)
        dropped = stats["dropped"]
    assert answered + dropped < count + 20  # lines of stats are dropped too
    assert answered > 15 and client.garbage == 0


def test_reset_starts_anew(client):
    client.set("detect.gate", 300)
    client.command("scores on")
    client.command("reset")
    wait_for(client, "hello")
    assert client.settings().values["gate"] == 0


@pytest.fixture(params=BOARDS)
def led_astray(request, image, tmp_path):
    """(client, QEMU's GDB stub, the board's id). The board is halted."""
    path = str(tmp_path / "gdb")
    options = ["-gdb", f"unix:{path},server=on,wait=off"]
    name = request.param
    with (
        VirtualMps2(image(name, "spectrogram"), name, options) as board,
        socket.socket(socket.AF_UNIX) as gdb,
    ):
        client = Client(VirtualTransport(board))
        client.hello()
        gdb.connect(path)
        yield client, gdb, name


def ask(gdb, command):
    """Send a command of GDB's remote protocol and return its answer, skipping stop replies."""
    gdb.sendall(f"${command}#{sum(command.encode()) & 255:02x}".encode())
    got = b""
    while True:
        got += gdb.recv(5000)
        if found := re.search(rb"\$((?!T)[^#]*)#[0-9a-f]{2}$", got):
            gdb.sendall(b"+")
            return found[1]


def tell(gdb, *commands):
    """Send commands that are answered with OK, then let the board continue."""
    # without this request, QEMU refuses access to the registers
    assert ask(gdb, "qXfer:features:read:target.xml:0,ffb")[:1] in b"lm"
    for command in (*commands, "D"):
        assert ask(gdb, command) == b"OK", command


def fault_after(client):
    wait_for(client, "hello")
    return wait_for(client, "fault")["reason"]


def test_a_hard_fault_is_told_after_the_reset(led_astray):
    client, gdb, _ = led_astray
    # the program counter, little-endian; nothing is mapped at that address
    tell(gdb, "Pf=000000b0")
    assert re.match(r"hard fault at 0xb0000000, called from 0x[0-9a-f]{8}", fault_after(client))
    assert client.garbage > 30  # the fault message printed at once
    client.command("reset")
    wait_for(client, "hello")
    _, before = client.ask("stats")
    assert not [m for m in before if m["event"] == "fault"]  # reported only once


def test_a_stuck_main_loop_is_reset_by_the_watchdog(led_astray):
    client, gdb, name = led_astray
    data = int(board_file(name)["otolith"]["memory"]["ram"], 16) + 0x100000  # unused
    tell(gdb, f"M{data:x},2:fee7", f"Pf={data.to_bytes(4, 'little').hex()}")  # b .
    assert fault_after(client) == "watchdog: the main loop got stuck"
    assert client.hello()["app"] == "inference"


@pytest.mark.parametrize("name", BOARDS)
def test_a_lost_board_ends_in_one_line(name, tmp_path):
    with pytest.raises(UserError, match="no such firmware image"):
        VirtualMps2(tmp_path / "absent.elf", name)
    torn = tmp_path / "torn.elf"
    torn.write_bytes(b"\x7fELF" + bytes(100))
    with pytest.raises(UserError, match="not a board that QEMU emulates"):
        VirtualMps2(torn, "pico")
    with VirtualMps2(torn, name) as board, pytest.raises(UserError, match="QEMU stopped"):
        Client(VirtualTransport(board)).hello()

"""Images on the virtual Pico: boot, commands, faults, resets, the pseudo-terminal."""

import hashlib
import json
import signal
import struct
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from otolith.cli import main
from otolith.device import Client, Line, SerialTransport, VirtualTransport
from otolith.errors import UserError
from otolith.virtual.rp2040 import VirtualPico

HOST = [sys.executable, "-m", "otolith"]


def lines(data: bytes) -> list[dict]:
    return [json.loads(line) for line in data.splitlines()]


def say(board: VirtualPico, text: str, ms: float = 20) -> list[dict]:
    """Send a command and return the lines the board sends within `ms`."""
    board.write(text.encode() + b"\n")
    board.run_ms(ms)
    return lines(board.read())


@pytest.fixture
def bench(bench_image, powered):
    board = powered(bench_image)
    board.run_ms(30)
    return board


def test_says_hello_when_the_port_is_opened(bench_image):
    with VirtualPico(bench_image) as board:
        board.set_dtr(False)
        board.run_ms(50)
        assert board.ready and board.read() == b""
        board.set_dtr(True)
        board.run_ms(20)
        (hello,) = lines(board.read())
    assert (hello["event"], hello["app"], hello["board"]) == ("hello", "bench", "pico")
    assert (hello["protocol"], hello["input"], hello["output"]) == (1, 8, 4)


def test_version_repeats_the_hello(bench):
    first = lines(bench.read())
    assert say(bench, "version") == first


def test_usb_identity(bench):
    (usb,) = [event for event in bench.events if event.kind == "usb"]
    assert (bench.usb_device["vendor"], bench.usb_device["product"]) == (0x1209, 0x0001)
    assert bench.usb_device["strings"][:2] == ["Otolith", "Otolith"]
    assert usb.text.startswith("Otolith Otolith ")


def test_unknown_command_is_refused_and_changes_nothing(bench):
    bench.read()
    (error,) = say(bench, "dance")
    assert error["event"] == "error" and error["command"] == "dance"
    assert say(bench, "version")[0]["event"] == "hello"


def test_runs_the_network(bench):
    client = Client(VirtualTransport(bench))
    zero, other = client.run_network(bytes([3] * 8)), client.run_network(bytes(range(8)))
    # with all inputs at the zero point, only the biases remain: 0.001 / 0.05 each, zero point -5
    assert struct.unpack("4b", zero.output) == (-3, -6, -5, -5)
    assert other.output != zero.output
    assert 0 < zero.cycles < 125_000


def run_through(image) -> tuple[str, int, int]:
    """A session with all kinds of commands: digest of its output, cycles, instructions."""
    with VirtualPico(image) as board:
        seen = hashlib.sha256()
        for text in (b"version\n", b"nonsense\n", b"run\n", b"\0\0\n", b"stall\0\n", b"reset\n"):
            board.run_ms(17.3)
            board.write(text)
            board.run_ms(3)
            seen.update(board.read())
        board.run_ms(200)
        seen.update(board.read())
        return seen.hexdigest(), board.cycles, board.instructions


def test_same_commands_same_bytes_and_cycles(bench_image):
    assert run_through(bench_image) == run_through(bench_image)


# ---- the image ----


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: b"", "0 bytes are not whole UF2 blocks"),
        (lambda d: d[:-100], "are not whole UF2 blocks"),
        (lambda d: d[:-512], "the file has"),
        (lambda d: d[512:], "block 0 says it is 1 of"),
        (lambda d: b"XXXX" + d[4:], "block 0 is no UF2 block"),
        (lambda d: d[:508] + bytes(4) + d[512:], "block 0 is no UF2 block"),
        (lambda d: d[:28] + struct.pack("<I", 0xADA52840) + d[32:], "block 0 is not for an RP2040"),
        (lambda d: d[:12] + struct.pack("<I", 0x20000000) + d[16:], "0x20000000, outside flash"),
        (lambda d: d[:12] + struct.pack("<I", 0x0FFFFFFF) + d[16:], "outside flash"),
        (lambda d: d[:16] + struct.pack("<I", 477) + d[20:], "outside flash|477"),
    ],
    ids=["empty", "cut", "short", "no start", "magic", "end", "family", "ram", "below", "size"],
)
def test_damaged_image_is_refused(bench_image, tmp_path, damage, message):
    image = tmp_path / "damaged.uf2"
    image.write_bytes(damage(bench_image.read_bytes()))
    with pytest.raises(UserError, match=message) as error:
        VirtualPico(image)
    assert "damaged.uf2" in error.value.message and "\n" not in error.value.message


def test_missing_image_is_refused_by_the_command(tmp_path):
    done = CliRunner().invoke(main, ["virtual", "run", str(tmp_path / "none.uf2")])
    assert done.exit_code == 1
    assert "no such firmware image" in done.output and len(done.output.splitlines()) == 1


# ---- faults and resets ----


def test_crash_is_told_on_the_uart_and_after_the_next_hello(bench):
    bench.read()
    bench.write(b"crash\n")
    bench.run_ms(300)
    kinds = [event.kind for event in bench.events]
    assert kinds.index("fault") < kinds.index("uart") < kinds.index("reset")
    (text,) = [event.text for event in bench.events if event.kind == "uart"]
    assert "fault" in text.lower()
    hello, fault = lines(bench.read())
    assert hello["event"] == "hello"
    assert fault["event"] == "fault" and "fault" in fault["reason"].lower()
    assert [m["event"] for m in say(bench, "hello")] == ["hello"]  # reported only once


@pytest.mark.slow
def test_watchdog_ends_a_stall(bench):
    bench.read()
    start = bench.time_ms
    bench.write(b"stall\n")
    while not (resets := [event for event in bench.events if event.kind == "reset"]):
        bench.run_ms(100)
        assert bench.time_ms < start + 9000
    assert resets[0].text == "watchdog"
    assert resets[0].t_ms - start == pytest.approx(8000, abs=100)
    bench.run_ms(100)
    hello, fault = lines(bench.read())
    assert hello["event"] == "hello"
    assert fault["event"] == "fault" and "watchdog" in fault["reason"]


def test_reset_says_hello_again_and_no_fault(bench):
    first = lines(bench.read())
    answers = say(bench, "reset", 300)
    assert answers == [{"event": "ok", "command": "reset"}, *first]
    assert [event.kind for event in bench.events].count("reset") == 1


def test_bootsel_ends_in_the_boot_rom(bench):
    bench.read()
    assert say(bench, "bootsel", 300) == [{"event": "ok", "command": "bootsel"}]
    assert bench.in_bootloader
    assert say(bench, "version", 100) == []


# ---- host virtual run ----


def test_run_prints_lines_with_their_time(bench_image):
    arguments = ["virtual", "run", str(bench_image), "--seconds", "0.05"]
    done = CliRunner().invoke(main, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    printed = lines(done.output.encode())
    assert [entry["kind"] for entry in printed] == ["usb", "line"]
    assert json.loads(printed[1]["text"])["event"] == "hello"
    assert 0 < printed[0]["t_ms"] <= printed[1]["t_ms"] <= 50
    plain = CliRunner().invoke(main, arguments).output.splitlines()
    assert plain[1].endswith(printed[1]["text"]) and " s " in plain[1][:16]


def test_run_says_where_it_can_not_write(bench_image, tmp_path):
    (tmp_path / "file").touch()
    arguments = ["virtual", "run", str(bench_image), "--seconds", "0.05", "--led-out"]
    done = CliRunner().invoke(main, [*arguments, str(tmp_path / "file" / "led.csv")])
    assert done.exit_code == 1
    assert f"can't write {tmp_path / 'file'}" in done.output.splitlines()[-1]


def test_an_idle_board_stays_awake_enough_for_its_watchdog(bench_image):
    with VirtualPico(bench_image) as board:
        board.run_ms(9_000)  # its watchdog bites after eight seconds
        assert not [event for event in board.events if event.kind == "reset"]
        assert board.idle_fraction > 0.99
        board.write(b"version\n")
        board.run_ms(50)
        assert b'"hello"' in board.read()


@contextmanager
def pty(image, *options):
    """`host virtual run --pty` as a context: the name of its terminal, and the process."""
    command = [*HOST, "virtual", "run", str(image), "--pty", "--seconds", "60", *options]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # background jobs of a shell inherit an ignored SIGINT
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        name = process.stdout.readline().strip()
        assert name.startswith("/dev/"), process.stderr.read()
        yield name, process
    finally:
        process.kill()
        process.communicate()


def test_pseudo_terminal(bench_image):
    with pty(bench_image) as (name, process):
        for _ in range(2):  # one program opens the port, and later another one
            transport = SerialTransport(name)
            greeting = b""
            while b"\n" not in greeting:  # sent without a request
                data = transport.read(5000)
                assert data, "no hello"
                greeting += data
            assert lines(greeting)[0]["event"] == "hello"
            client = Client(transport)
            assert client.command("version")["app"] == "bench"
            transport.write(bytes(range(256)) * 8 + b"\xff\0\0{{{")
            assert client.hello()["app"] == "bench"
            assert client.command("version")["app"] == "bench"
            transport.close()
            # a port that is closed and reopened at once looks as if it had stayed open
            time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
        assert process.returncode == 0 and errors == ""


def test_pseudo_terminal_keeps_wall_time(inference_image):
    with pty(inference_image) as (name, _):
        transport = SerialTransport(name)
        client = Client(transport)
        client.hello(timeout_ms=30_000)
        stats = []
        while len(stats) < 3:
            arrived = [m for m in client.lines(timeout_ms=100) if isinstance(m, Line)]
            stats += [(transport.time_ms(), m["t_ms"]) for m in arrived if m["event"] == "stats"]
        transport.close()
    wall, emulated = (last - first for first, last in zip(stats[0], stats[-1], strict=True))
    assert emulated == pytest.approx(2000, abs=100)
    assert wall > emulated - 100


def test_monitor_shows_a_board_on_a_pseudo_terminal(inference_image):
    with pty(inference_image) as (name, _):
        monitor = [*HOST, "monitor", "--port", name, "--json", "--seconds", "3"]
        done = subprocess.run(monitor, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    events = [message["event"] for message in lines(done.stdout.encode())]
    assert events[0] == "hello" and "stats" in events

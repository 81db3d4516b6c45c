"""otolith/device: messages from arbitrary bytes, the client, serial ports, host monitor."""

import contextlib
import os
import pty
import threading
import tty

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from otolith.cli import main
from otolith.device import Client, SerialTransport, transports
from otolith.device.frames import (
    MAX_LINE,
    Frame,
    Garbage,
    Splitter,
    cobs_decode,
    cobs_encode,
    decode_frame,
    encode_frame,
)
from otolith.errors import UserError
from support.fake_board import FakeBoard, line, ok

# ---- frames ----


@given(st.binary(max_size=1200))
def test_cobs_round_trip_has_no_zeros(data):
    encoded = cobs_encode(data)
    assert 0 not in encoded
    assert cobs_decode(encoded) == data


@given(st.binary(max_size=600))
def test_decoding_anything_gives_data_or_value_error(data):
    for decode in (cobs_decode, decode_frame):
        with contextlib.suppress(ValueError):
            decode(data)


def test_a_frame_has_an_upper_size():
    with pytest.raises(ValueError, match="1024"):
        encode_frame("P", 0, bytes(1025))


parts = st.one_of(
    st.integers(0, 99).map(lambda n: ({"event": "x", "n": n}, line(event="x", n=n))),
    st.tuples(st.sampled_from("PFT"), st.integers(0, 65535), st.binary(max_size=600)).map(
        lambda f: (Frame(*f), encode_frame(*f))
    ),
)


@given(st.lists(parts, max_size=8), st.integers(1, 50))
def test_lines_and_frames_are_told_apart_in_pieces_of_any_size(sent, piece):
    stream = b"".join(data for _, data in sent)
    splitter = Splitter()
    pieces = [stream[i : i + piece] for i in range(0, len(stream), piece)]
    found = [message for data in pieces for message in splitter.feed(data)]
    assert found == [message for message, _ in sent]


@given(st.binary(max_size=3000), st.sampled_from([b"\0\0\n", b"\0\0\n\0\0\n"]))
def test_garbage_is_survived_and_nothing_is_invented(garbage, restart):
    splitter = Splitter()
    found = list(splitter.feed(garbage + restart + line(event="hello")))
    assert found[-1] == {"event": "hello"}
    lost = sum(len(m.data) for m in found[:-1] if isinstance(m, Garbage))
    assert lost <= len(garbage)


@pytest.mark.parametrize(
    "text", [b"[1]", b"{}", b'{"event":1}', b"nonsense", b"\xff\xfe", b"[" * 5000, b'{"event":']
)
def test_a_line_without_an_event_is_garbage(text):
    assert list(Splitter().feed(text + b"\n")) == [Garbage(text)]


def test_a_line_without_end_does_not_fill_the_memory():
    splitter = Splitter()
    for message in splitter.feed(b"x" * 100_000):
        assert isinstance(message, Garbage) and len(message.data) <= MAX_LINE + 1


# ---- the client, against a board made of Python ----


def test_hello_comes_through_noise_and_old_errors():
    noise = b"\x00\x02\x05garbage\xff" + line(event="error", reason="line cut by a zero byte")
    client = Client(FakeBoard({"hello": noise + b"\0\0\n" + line(event="hello", app="bench")}))
    assert client.hello()["app"] == "bench"


def test_no_answer_is_one_clear_line():
    client = Client(FakeBoard({}))
    with pytest.raises(UserError, match="no answer to 'hello' within 3000 ms") as error:
        client.hello()
    assert "\n" not in error.value.message


def test_a_refusal_raises_and_keeps_the_other_lines():
    refusal = line(event="stats", t_ms=1) + line(event="error", reason="no", command="scores on")
    client = Client(FakeBoard({"scores on": refusal}))
    with pytest.raises(UserError, match="refused 'scores on': no"):
        client.command("scores on")
    assert list(client.lines(10)) == [{"event": "stats", "t_ms": 1}]


def test_an_error_about_something_else_is_not_a_refusal():
    answer = line(event="error", reason="line too long") + ok("scores on")
    client = Client(FakeBoard({"scores on": answer}))
    assert client.command("scores on") == {"event": "ok", "command": "scores on"}
    assert list(client.lines(10)) == [{"event": "error", "reason": "line too long"}]


def test_leaving_lines_early_loses_nothing():
    board = FakeBoard({})
    board.inbox = line(event="a") + line(event="b")
    client = Client(board)
    for message in client.lines(10):
        assert message == {"event": "a"}
        break
    assert list(client.lines(10)) == [{"event": "b"}]


def test_inject_sends_whole_blocks_and_sorts_the_answers():
    values = np.array([5, -6], "<i2")
    told = {"q": [-3], "scores": [1, 2], "smoothed": [3, 4], "level": 7, "decision": "b"}
    scores = line(event="scores", hop=3, t_ms=96, **told)
    board = FakeBoard(
        {
            "features on": ok("features on"),
            "features off": ok("features off"),
            "inject 1000": line(event="injecting", samples=1000, block=512)
            + encode_frame("F", 0, values.tobytes())
            + scores
            + line(event="detect", t_ms=96, label="b", score=0.9)
            + line(event="injected", samples=1000, hops=2),
        }
    )
    pcm = np.arange(1000, dtype=np.int16)
    result = Client(board).inject(pcm)
    assert result.features.tolist() == [[5, -6]]
    assert (result.outputs.tolist(), result.scores.tolist()) == ([[-3]], [[1, 2]])
    assert (result.smoothed.tolist(), result.hops) == ([[3, 4]], 2)
    assert (result.levels.tolist(), result.decisions) == ([7], ["b"])
    assert [event["label"] for event in result.events] == ["b"]
    data = pcm.astype("<i2").tobytes()
    assert encode_frame("P", 0, data[:1024]) + encode_frame("P", 1, data[1024:]) in board.sent


class NarrowBoard(FakeBoard):
    """A board that processes one block per read, and has room for `ahead` of them."""

    def __init__(self, samples: int, ahead: int) -> None:
        started = line(event="injecting", samples=samples, block=512, ahead=ahead)
        answers = {f"features {on}": ok(f"features {on}") for on in ("on", "off")}
        super().__init__(answers | {f"inject {samples}": started})
        self.blocks, self.ahead = -(-samples // 512), ahead
        self.waiting = self.taken = self.most = 0

    def write(self, data: bytes) -> None:
        super().write(data)
        self.waiting += data[:1] == b"\0"
        self.most = max(self.most, self.waiting)

    def read(self, timeout_ms: float) -> bytes:
        if not self.inbox and self.waiting:
            self.waiting -= 1
            self.taken += 1
            last = self.taken == self.blocks
            self.inbox += (
                line(event="injected", samples=1, hops=self.taken)
                if last
                else line(event="more", blocks=self.taken) + line(event="stats")
            )
        return super().read(timeout_ms)


@given(st.integers(1, 12_000), st.integers(1, 5))
def test_injected_sound_waits_for_the_room_the_board_has(samples, ahead):
    board = NarrowBoard(samples, ahead)
    result = Client(board).inject(np.zeros(samples, np.int16))
    assert result.hops == board.taken == board.blocks
    assert board.most <= ahead
    assert not [m for m in result.messages if m["event"] == "more"]


@pytest.mark.parametrize("pcm", [np.zeros(10), np.zeros((2, 5), np.int16), np.array([], np.int16)])
def test_what_is_no_pcm_is_not_injected(pcm):
    board = FakeBoard({})
    with pytest.raises(UserError, match="must be a row of int16 samples"):
        Client(board).inject(pcm)
    assert board.sent == b""


# ---- serial ports ----


@pytest.fixture
def terminal():
    """The board's file descriptor of a pseudo-terminal, and the name of the computer's end."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def test_a_board_that_talks_while_it_is_written_to_is_no_deadlock(terminal):
    """Each direction carries more than the terminal buffers, and the board writes first."""
    ours, name = terminal
    sent, said = b"w" * 60_000, b"r" * 60_000
    heard = bytearray()

    def board():
        left = said
        while left:
            left = left[os.write(ours, left[:1000]) :]
        while len(heard) < len(sent):
            heard.extend(os.read(ours, 4096))

    transport = SerialTransport(name)  # opening a port discards earlier input
    thread = threading.Thread(target=board, daemon=True)
    thread.start()
    transport.write(sent)
    received = b""
    while len(received) < len(said):
        data = transport.read(2000)
        assert data, "the rest was lost"
        received += data
    thread.join(5)
    transport.close()
    assert bytes(heard) == sent and received == said


def test_reading_a_silent_port_ends_in_time(terminal):
    transport = SerialTransport(terminal[1])
    start = transport.time_ms()
    assert transport.read(0) == b"" and transport.read(60) == b""
    assert transport.time_ms() - start < 2000
    transport.close()


def test_a_board_that_takes_nothing_is_given_up(terminal, monkeypatch):
    monkeypatch.setattr(transports, "_WRITE_PATIENCE_S", 0.1)
    transport = SerialTransport(terminal[1])
    with pytest.raises(UserError, match="does not take what is sent"):
        transport.write(bytes(200_000))
    transport.close()


@pytest.mark.parametrize("name", ["/dev/no-such-port", "/dev/null", "/"])
def test_a_wrong_port_is_one_clear_line(name):
    done = CliRunner().invoke(main, ["monitor", "--port", name])
    assert done.exit_code == 1
    assert len(done.output.splitlines()) == 1 and name in done.output


@pytest.mark.parametrize(
    ("ports", "message"), [([], "no Otolith board"), (["a", "b"], "more than one")]
)
def test_without_port_there_must_be_one_board(monkeypatch, ports, message):
    monkeypatch.setattr(transports, "find_ports", lambda: ports)
    done = CliRunner().invoke(main, ["monitor"])
    assert done.exit_code == 1 and message in done.output
    assert transports.choose_port("given") == "given"


def test_the_one_board_is_found_by_its_usb_ids(monkeypatch):
    from serial.tools import list_ports, list_ports_common

    def port(name, vid, pid, product):
        found = list_ports_common.ListPortInfo(name)
        found.vid, found.pid, found.product = vid, pid, product
        return found

    all_ports = [
        port("/dev/other", 0x2341, 1, "Arduino"),
        port("/dev/ours", 0x1209, 1, "Otolith"),
        port("/dev/shared-id", 0x1209, 1, "Something else"),
        port("/dev/ttyS0", None, None, None),
    ]
    monkeypatch.setattr(list_ports, "comports", lambda: all_ports)
    assert transports.choose_port(None) == "/dev/ours"

"""Resets, and programs that send garbage."""

import random
import time

import pytest

from otolith.device.frames import encode_frame
from otolith.errors import UserError
from support.boards import virtual_board


def hello_after(client, rubbish):
    client.transport.write(rubbish)
    return client.hello(10_000)


@pytest.mark.parametrize(
    "rubbish",
    [
        pytest.param(b"\0", id="stray zero"),
        pytest.param(b"hel", id="half a line"),
        pytest.param(b"x" * 500, id="over-long line"),
        pytest.param(b"\xff\xfe\r\r\n\n\n", id="not text"),
        pytest.param(encode_frame("P", 0, bytes(64))[:20], id="half a frame"),
        pytest.param(encode_frame("P", 0, bytes(64))[:-6] + b"\0", id="frame cut short"),
        pytest.param(encode_frame("P", 9, bytes(64)), id="frame nobody asked for"),
    ],
)
def test_rubbish_on_the_port_is_recovered_from(client, board, rubbish):
    assert hello_after(client, rubbish)["app"] == board.app


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes_are_recovered_from(client, board, seed):
    rng = random.Random(seed)
    for _ in range(5):
        client.transport.write(rng.randbytes(rng.randrange(1, 900)))
        time.sleep(0.02)
    assert client.hello(10_000)["app"] == board.app
    assert client.command("stats")["event"] == "stats"


def test_unknown_commands_are_refused(client):
    with pytest.raises(UserError, match="unknown command"):
        client.command("dance")


def test_reset_starts_the_clock_anew(board):
    with board.connect() as client:
        before = client.hello()
        for _ in range(5):  # until t_ms is large enough to compare
            if client.command("stats")["t_ms"] >= 2000:
                break
            time.sleep(1)
        old = client.command("stats")["t_ms"]
        assert old >= 2000
        client.command("reset")
    time.sleep(0.3)
    with board.connect() as client:
        assert client.hello(20_000) == before
        assert client.command("stats")["t_ms"] < old


@pytest.mark.ends_session
def test_bootsel_leaves_the_app(request, board):
    """A virtual board gets its own instance; on an attached board this ends the session."""
    if not board.attached:
        with virtual_board(board.image, board.app, board.model) as other:
            leave(other)
    elif request.config.getoption("--bootsel"):
        leave(board)
    else:
        pytest.skip("it ends the session: ask for it with --bootsel")


def leave(board):
    with board.connect() as client:
        client.hello()
        assert client.command("bootsel")["event"] == "ok"
        time.sleep(0.5)
        with pytest.raises(UserError):  # the board does not answer, or its port has gone
            client.hello(2000)

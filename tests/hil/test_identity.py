"""The board's identity and status."""

import itertools
import json
import os

from otolith import __version__
from otolith.device import Line


def test_hello_is_a_line_of_json(dut, board):
    dut.write(b"\0\0\nhello\n")
    line = dut.expect(rb'(\{"event":"hello".*\})\s*\n', timeout=20).group(1)
    hello = json.loads(line)
    assert hello["protocol"] == 1
    assert hello["app"] == board.app
    assert hello["version"] == __version__
    assert len(hello["serial"]) == 16 and int(hello["serial"], 16) > 0
    assert not board.attached or board.serial in (hello["serial"], os.path.realpath(board.port))


def test_version_says_the_same_as_hello(client):
    assert client.command("version") == client.hello()


def test_stats_come_once_a_second_and_lose_nothing(client):
    stats = []
    for message in client.lines(5000):
        if isinstance(message, Line) and message["event"] == "stats":
            stats.append(message)
        if len(stats) == 4:
            break
    times = [s["t_ms"] for s in stats]
    steps = [b - a for a, b in itertools.pairwise(times)]
    assert all(900 <= step <= 1100 for step in steps[1:])
    assert stats[-1]["overruns"] == stats[1]["overruns"]
    assert 0 < stats[-1]["cpu"] < 1
    assert 100 < stats[-1]["stack"] < 4096

"""Any problem with an attached board is reported in one line. A virtual board stands in for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from otolith.device.claim import claim

pytestmark = pytest.mark.app("inference")


ONE_TEST = "test_identity.py::test_version_says_the_same_as_hello"


def session(board, *options, tests=ONE_TEST):
    """Run a pytest session of `tests` against `board` as if it were attached."""
    command = [sys.executable, "-m", "pytest", str(Path(__file__).with_name(tests))]
    return subprocess.run(
        [*command, "-q", "-p", "no:cacheprovider", "--port", board.port, *options],
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(autouse=True)
def only_virtual(board, tmp_path, monkeypatch):
    if board.attached:
        pytest.skip("sessions within this one: for the virtual board")
    monkeypatch.setenv("OTOLITH_LOCKS", str(tmp_path))


def test_a_board_with_the_right_network_is_tested(board):
    done = session(board, "--board", "pico", "--model", str(board.model))
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--model", "{folder}/other.tflite"], "runs another network"),
        (["--model", "{folder}/none.tflite"], "can't read"),
        (["--model", "{model}", "--board", "xg24_dev_kit"], "is a pico, not a xg24_dev_kit"),
        (["--board", "virtual-pico"], "has no --port"),
    ],
    ids=["other network", "no network", "other board", "virtual with port"],
)
def test_what_is_wrong_is_told_in_a_line(board, tmp_path, options, told):
    (tmp_path / "other.tflite").write_bytes(board.model.read_bytes()[:-1])
    done = session(board, *[o.format(folder=tmp_path, model=board.model) for o in options])
    assert done.returncode == 4, done.stdout
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr and " ERROR" not in done.stdout


def test_a_board_in_use_is_left_alone(board):
    with claim(os.path.realpath(board.port), "somebody's work"):
        done = session(board, "--model", str(board.model), "--claim-timeout", "0.2")
    assert done.returncode == 4
    assert f"process {os.getpid()}" in done.stdout and "somebody's work" in done.stdout


@pytest.mark.app("usb_mic")
def test_tests_of_another_app_are_skipped_and_need_no_network(board, tmp_path):
    done = session(board, "--model", str(tmp_path / "none.tflite"), tests="test_detection.py")
    assert done.returncode == 0 and "2 skipped" in done.stdout, done.stdout
    assert "the attached board runs usb_mic; flash inference" in done.stdout

"""One process at a time holds a board, and a dead process holds none."""

import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from otolith.device.claim import claim
from otolith.errors import UserError

HOLD = """
import sys, time
from otolith.device.claim import claim
with claim(sys.argv[1], "a long test"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OTOLITH_LOCKS", str(tmp_path))


def holder(serial, seconds):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, serial, str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_claimant_is_told_who_holds_the_board():
    with holder("E66", 60) as process:
        with pytest.raises(UserError) as told, claim("E66"):
            pass
        message = told.value.message
        assert f"process {process.pid}" in message and "a long test" in message
        assert "\n" not in message
        with claim("E67"):  # another board is free
            pass
        process.kill()


def test_who_dies_lets_go():
    process = holder("E66", 60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with claim("E66") as path:
        assert path.exists()


def test_waiting_pays():
    with holder("E66", 0.5):
        started = time.monotonic()
        with claim("E66", timeout_s=30):
            assert time.monotonic() - started < 30


def test_one_process_can_not_claim_twice():
    with claim("E66"), pytest.raises(UserError, match=str(os.getpid())), claim("E66"):
        pass
    with claim("E66"):
        pass


@pytest.mark.parametrize("serial", ["../../etc/passwd", "/dev/ttyACM0", "", "a b\nc"])
def test_any_serial_number_makes_a_file_in_the_folder(serial, tmp_path):
    with claim(serial) as path:
        assert path.parent == tmp_path and path.is_file()


def test_a_folder_that_can_not_be_used(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OTOLITH_LOCKS", str(tmp_path / "file" / "below"))
    with pytest.raises(UserError, match="can't keep lock files"), claim("E66"):
        pass


AS_ANOTHER_USER = """
import os, sys
from otolith.device.claim import claim
os.setgid(65534)
os.setuid(65534)
with claim(sys.argv[1]):
    print("held")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be two users")
def test_users_share_boards(monkeypatch):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o1777)
        monkeypatch.setenv("OTOLITH_LOCKS", folder)
        command = [sys.executable, "-c", AS_ANOTHER_USER, "E66"]
        with claim("E66"):
            refused = subprocess.run(command, capture_output=True, text=True)
            assert f"in use by process {os.getpid()}" in refused.stderr
        taken = subprocess.run(command, capture_output=True, text=True)
        assert taken.stdout == "held\n", taken.stderr
        with claim("E66"):
            pass


def test_links_in_the_folder_are_not_followed(tmp_path):
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "E66.lock").symlink_to(tmp_path / "kept")
    with pytest.raises(UserError, match="can't claim board E66"), claim("E66"):
        pass
    assert (tmp_path / "kept").read_text() == "kept"

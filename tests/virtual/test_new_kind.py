"""A new kind of microphone is one driver file and one line of the registry.

The kind here does not exist: it makes a sawtooth. A copy of the checkout gets the file and the line
and builds an image, which runs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from otolith import paths
from otolith.device import Client, VirtualTransport
from support.nrf52_board import frames

BOARD = "xg24_dev_kit"
COPIED = ("boards", "firmware", "host", "lib", "platform", "platformio.ini")
REGISTRY = "host/otolith/device/microphones.py"
END = ")\n\n\n@dataclass(frozen=True)\nclass Microphone:"
LINE = '    Driver("efr32", "saw", ("nobody\'s",)),\n'
DRIVER = """/* A sawtooth, a block for each 8 ms of the board's time. */
#include "../board.h"
#include "../microphone_gain.h"
#include "internal.h"

enum { BLOCK_US = MICROPHONE_BLOCK * 1000000 / MICROPHONE_RATE };

static uint64_t started;
static uint32_t taken;
static bool running;

static uint32_t waiting(void) {
    return running ? (uint32_t)((board_time_us() - started) / BLOCK_US) - taken : 0;
}

bool microphone_pending(void) {
    return waiting() > 0;
}

void isr_microphone(void) {
}

void microphone_start(void) {
    started = board_time_us();
    taken = 0;
    running = true;
}

void microphone_stop(void) {
    running = false;
}

bool microphone_read(int16_t pcm[MICROPHONE_BLOCK]) {
    if (waiting() == 0) {
        return false;
    }
    for (uint32_t i = 0; i < MICROPHONE_BLOCK; i++) {
        pcm[i] = (int16_t)((taken * MICROPHONE_BLOCK + i) % 1000 * 16);
    }
    taken++;
    gain_apply(pcm);
    return true;
}

uint32_t microphone_skip(void) {
    const uint32_t dropped = waiting();
    taken += dropped;
    return dropped;
}

uint32_t microphone_overruns(void) {
    return 0;
}
"""


def checkout(folder: Path) -> None:
    """A copy of what builds firmware, with PlatformIO's packages of this checkout."""
    ignore = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in COPIED:
        source = paths.ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copy(source, folder / name)
    core, packages = folder / ".otolith" / "pio-core", paths.ROOT / ".otolith/pio-core/packages"
    (core / "platforms").mkdir(parents=True)
    (core / "packages").symlink_to(packages)
    spec = {"owner": None, "id": None, "name": "platform", "requirements": None}
    link = {"cwd": str(folder), "spec": spec | {"uri": "symlink://platform"}}
    (core / "platforms" / "platform.pio-link").write_text(json.dumps(link))


def build(folder: Path) -> Path:
    own = {k: v for k, v in os.environ.items() if not k.startswith(("OTOLITH", "PLATFORMIO"))}
    own |= {"OTOLITH_BOARD_OPTIONS": "microphone=saw", "PYTHONPATH": str(folder / "host")}
    command = [sys.executable, "-m", "platformio", "run", "-d", str(folder), "-e", f"{BOARD}-mic"]
    done = subprocess.run(command, capture_output=True, text=True, env=own, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder / ".pio" / "build" / f"{BOARD}-mic" / "firmware.elf"


@pytest.mark.soak
def test_a_driver_file_and_a_line_are_a_kind_that_builds_and_is_heard(powered, tmp_path):
    checkout(tmp_path)
    registry = tmp_path / REGISTRY
    before = registry.read_text()
    assert before.count(END) == 1
    registry.write_text(before.replace(END, LINE + END))
    (tmp_path / "lib/board/src/efr32/microphone_saw.c").write_text(DRIVER)
    board = powered(build(tmp_path), BOARD)
    client = Client(VirtualTransport(board))
    assert client.hello().microphone == "saw"
    client.command("pcm on")
    board.run_ms(300)
    heard = frames(list(client.lines(0.1)), "P")
    assert len(heard) > 20 and client.garbage == 0
    for frame in heard:
        place = frame.sequence * 128 + np.arange(128)
        np.testing.assert_array_equal(np.frombuffer(frame.data, "<i2"), place % 1000 * 16)

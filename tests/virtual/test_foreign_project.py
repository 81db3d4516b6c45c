"""Somebody else's PlatformIO project takes platform and exported library: C++, and a sketch."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from otolith import paths
from otolith.export.bundle import bundle
from otolith.export.make import files_for, write
from otolith.listen.chain import Chain
from otolith.virtual.qemu import VirtualMps2
from support import chain_model

PROJECT = """[env:theirs]
platform = symlink://{platform}
board = mps2_an386

[platformio]
boards_dir = {boards}
core_dir = {core}
"""
HEAR = """
#include "loud.h"
#include "sound.h"
struct Ready {{ int value; Ready() : value(loud_init()) {{}} }};
static Ready ready; // a constructor has to run before main()
static void hear(void (*say)(const char *name, unsigned score)) {{
  const size_t size = sizeof sound / sizeof sound[0];
  loud_event_t event;
  for (size_t at = 0; at < size;) {{
    at += loud_feed(sound + at, size - at, &event);
    if (event.label != LOUD_NONE) say(event.name, event.score);
  }}
}}
"""
MAIN = """
extern "C" {
#include "board.h"
}
#include <string.h>
static void put(const char *text) {
  for (size_t at = 0; text[at]; at += console_write((const uint8_t *)text + at, strlen(text + at)));
}
int main() {
  board_init();
  hear([](const char *name, unsigned score) {
    char digits[8] = {0};
    for (int i = 6; i >= 2; i--, score /= 10) digits[i] = '0' + score % 10;
    put(name); put(" "); put(digits + 2); put("\\n");
  });
  put(ready.value ? "bad\\n" : "end\\n");
  for (;;);
}
"""
SKETCH = """
void setup() {
  Serial.begin(115200);
  hear([](const char *name, unsigned score) {
    Serial.print(name);
    Serial.print(' ');
    Serial.println((double)score / 32768);
  });
  Serial.println(ready.value ? "bad" : "end");
}
void loop() {}
"""


@pytest.fixture
def project(tmp_path):
    model, sound = chain_model.network(2), chain_model.sound()
    folder = tmp_path / "their project"
    (folder / "src").mkdir(parents=True)
    write(files_for("platformio", bundle(model, "loud", "loud", "dsp")), folder / "lib" / "loud")
    samples = ", ".join(map(str, np.asarray(sound)))
    text = f"#include <stdint.h>\nstatic const int16_t sound[] = {{{samples}}};\n"
    (folder / "src" / "sound.h").write_text(text)
    told = {"platform": paths.ROOT / "platform", "boards": paths.ROOT / "boards"}
    (folder / "platformio.ini").write_text(PROJECT.format(**told, core=paths.TOOLS / "pio-core"))
    return folder, [hop.event for hop in Chain(model).feed(sound) if hop.event]


def heard(folder):
    own = {k: v for k, v in os.environ.items() if not k.startswith("PLATFORMIO_")}
    command = [sys.executable, "-m", "platformio", "run", "-d", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=own, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    said = b""
    with VirtualMps2(folder / ".pio" / "build" / "theirs" / "firmware.elf", "mps2_an386") as board:
        while not (b"end" in said and said.endswith(b"\n")) and board.time_ms < 60_000:
            board.run_ms(500)
            said += board.read()
    return said.decode().split("\n")[:-1]


@pytest.mark.slow
def test_main_cpp_and_a_sketch_hear_what_the_chain_hears(project):
    folder, events = project
    assert len(events) >= 2
    (folder / "src" / "main.cpp").write_text(HEAR.format() + MAIN)
    assert heard(folder) == [*(f"{label} {score:05d}" for label, score in events), "end"]
    (folder / "src" / "main.cpp").unlink()
    (folder / "src" / "listen.ino").write_text(HEAR.format() + SKETCH)
    said = [line.rstrip("\r") for line in heard(folder)]
    assert said == [*(f"{label} {score / 32768:.2f}" for label, score in events), "end"]
    assert shutil.which("qemu-system-arm")

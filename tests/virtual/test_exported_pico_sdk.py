"""`host export --for pico-sdk`, built by cmake and ninja with the pico-sdk, on the virtual Pico."""

import os
import subprocess
from pathlib import Path

import cmake
import ninja
import numpy as np
import pytest

from otolith import paths
from otolith.deploy.uf2 import write as write_uf2
from otolith.export.bundle import bundle
from otolith.export.make import files_for, write
from otolith.listen.chain import Chain
from otolith.virtual.rp2040 import VirtualPico
from support import chain_model

# what stands for the microphone: a table of samples, whose events go to the UART
HEARD = """
#include <stdio.h>

#include "loud.h"
#include "pico/stdlib.h"
#include "sound.h"

int main(void) {
    stdio_init_all();
    printf("begin %d\\n", loud_init());
    loud_event_t event;
    for (size_t at = 0; at < sizeof sound / sizeof sound[0];) {
        at += loud_feed(sound + at, sizeof sound / sizeof sound[0] - at, &event);
        if (event.label != LOUD_NONE) {
            printf("%u %s %u\\n", (unsigned)event.sample, event.name, event.score);
        }
    }
    printf("end\\n");
    for (;;) {
        tight_loop_contents();
    }
}
"""
PROGRAM = """
add_executable(heard heard.c)
target_link_libraries(heard loud pico_stdlib)
pico_enable_stdio_usb(heard 0)
pico_enable_stdio_uart(heard 1)
pico_add_bin_output(heard)
"""


def run(program, *arguments, **variables):
    told = {**os.environ, "PATH": f"{ninja.BIN_DIR}{os.pathsep}{os.environ['PATH']}", **variables}
    command = [str(Path(cmake.CMAKE_BIN_DIR) / program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=told, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.slow
def test_the_export_hears_on_the_virtual_pico_what_the_chain_hears(tmp_path):
    model, sound = chain_model.network(2), chain_model.sound()
    chain = Chain(model)
    events = [(hop.hop * chain.hop, *hop.event) for hop in chain.feed(sound) if hop.event]
    assert len(events) >= 2
    project = tmp_path / "x"
    write(files_for("pico-sdk", bundle(model, "loud", "loud", "m0plus")), project)
    samples = ", ".join(map(str, np.asarray(sound)))
    (project / "sound.h").write_text(
        f"#include <stdint.h>\nstatic const int16_t sound[] = {{{samples}}};\n"
    )
    (project / "heard.c").write_text(HEARD)
    with (project / "CMakeLists.txt").open("a") as text:
        text.write(PROGRAM)
    build = tmp_path / "build"
    tinyusb = paths.PICO_SDK / "lib" / "tinyusb"
    tinyusb = tinyusb if (tinyusb / "src").is_dir() else paths.TOOLS / "tinyusb"
    options = (f"-DPICO_TINYUSB_PATH={tinyusb}", "-DPICO_NO_PICOTOOL=1", "-DPICO_BOARD=pico")
    run(
        "cmake",
        "-G",
        "Ninja",
        "-S",
        project,
        "-B",
        build,
        *options,
        PICO_SDK_PATH=str(paths.PICO_SDK),
    )
    # the export's own program too, as far as it is not the pico-sdk's
    own = "CMakeFiles/loud_listen.dir/main.c.o"
    run("cmake", "--build", build, "--target", "heard", own)
    write_uf2(build / "heard.bin", tmp_path / "heard.uf2")
    with VirtualPico(tmp_path / "heard.uf2") as pico:
        said: list[str] = []
        while "end" not in said and pico.time_ms < 60_000:
            pico.run_ms(500)
            said = [e.text for e in pico.events if e.kind == "uart"]
    assert said == ["begin 0", *(f"{at} {label} {score}" for at, label, score in events), "end"]

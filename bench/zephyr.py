"""Builds `host export --for zephyr` with Zephyr itself, and compares what it hears.

    python bench/zephyr.py ZEPHYR_BASE --modules CMSIS HAL_NORDIC [--python PYTHON]

On native_sim_64, a program around the exported module gets a table of samples; its events must be
those of `host classify`. For the nRF52840 DK, the exported sample is built. ZEPHYR_BASE is a tree
of Zephyr 3.5 or later, the modules are at the revisions of its west.yml.
PYTHON has the packages of Zephyr's scripts/requirements-base.txt. Writes bench/results/zephyr.txt.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from otolith import paths
from otolith.export.bundle import bundle
from otolith.export.make import files_for, write
from otolith.listen.chain import Chain

sys.path.insert(0, str(paths.ROOT / "tests"))
from support import chain_model

RESULT = paths.ROOT / "bench" / "results" / "zephyr.txt"
MAIN = """#include <zephyr/kernel.h>
#include "loud.h"
#include "sound.h"

int main(void) {
    loud_event_t event;
    const size_t size = sizeof sound / sizeof sound[0];
    printk("begin %d\\n", loud_init());
    for (size_t at = 0; at < size;) {
        at += loud_feed(sound + at, size - at, &event);
        if (event.label != LOUD_NONE) {
            printk("%u %s %u\\n", (unsigned)event.sample, event.name, event.score);
        }
    }
    printk("end\\n");
    return 0;
}
"""
CMAKE = """cmake_minimum_required(VERSION 3.20)
find_package(Zephyr REQUIRED HINTS $ENV{ZEPHYR_BASE})
project(heard)
target_sources(app PRIVATE src/main.c)
"""


def run(*command: object, **variables: str) -> str:
    """What a command prints; its end is shown if it fails."""
    env = {**os.environ, **variables}
    done = subprocess.run([*map(str, command)], env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[0]}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def main() -> None:
    """Build both, compare, and write the result."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("zephyr", type=Path)
    options.add_argument("--modules", nargs="*", type=Path, default=[])
    options.add_argument("--python", default=sys.executable)
    options.add_argument("--build", type=Path, help="default: a temporary folder")
    told = options.parse_args()
    version = dict(re.findall(r"^(\w+) = (\d+)$", (told.zephyr / "VERSION").read_text(), re.M))
    number = ".".join(version[n] for n in ("VERSION_MAJOR", "VERSION_MINOR", "PATCHLEVEL"))
    # 3.7 brought names with qualifiers
    qualified = tuple(map(int, number.split("."))) >= (3, 7)
    simulated = "native_sim/native/64" if qualified else "native_sim_64"
    nordic = "nrf52840dk/nrf52840" if qualified else "nrf52840dk_nrf52840"
    with tempfile.TemporaryDirectory() as temporary:
        top = told.build or Path(temporary)
        module, app = top / "loud", top / "app"
        model, sound = chain_model.network(2), chain_model.sound()
        chain = Chain(model)
        heard = [(hop.hop * chain.hop, *hop.event) for hop in chain.feed(sound) if hop.event]
        expected = ["begin 0", *(f"{at} {label} {score}" for at, label, score in heard), "end"]
        write(files_for("zephyr", bundle(model, "loud", "loud")), module, replace=True)
        (app / "src").mkdir(parents=True, exist_ok=True)
        samples = ", ".join(map(str, np.asarray(sound)))
        (app / "src" / "sound.h").write_text(
            f"#include <stdint.h>\nstatic const int16_t sound[] = {{{samples}}};\n"
        )
        (app / "src" / "main.c").write_text(MAIN)
        (app / "CMakeLists.txt").write_text(CMAKE)
        (app / "prj.conf").write_text("CONFIG_LOUD=y\nCONFIG_MAIN_STACK_SIZE=4096\n")

        def build(source: Path, board: str, *more: str, **variables: str) -> str:
            modules = ";".join(str(path) for path in (*told.modules, module))
            options = (f"-DZEPHYR_MODULES={modules}", f"-DPython3_EXECUTABLE={told.python}", *more)
            where = {"ZEPHYR_BASE": str(told.zephyr), **variables}
            place = ("-S", source, "-B", top / board.replace("/", "_"))
            run("cmake", "-GNinja", *place, f"-DBOARD={board}", *options, **where)
            return run("ninja", "-C", place[-1], **where)

        build(app, simulated, ZEPHYR_TOOLCHAIN_VARIANT="host")
        program = top / simulated.replace("/", "_") / "zephyr" / "zephyr.exe"
        said = run(program, "-stop_at=5").splitlines()
        if [line for line in said if line in expected] != expected:
            sys.exit(f"{simulated} heard {said}, not {expected}")
        arm = {"ZEPHYR_TOOLCHAIN_VARIANT": "gnuarmemb", "GNUARMEMB_TOOLCHAIN_PATH": "/usr"}
        # the board asks for SEGGER's module, which nothing here needs
        sample = module / "samples" / "listen"
        built = build(sample, nordic, "-DCONFIG_USE_SEGGER_RTT=n", **arm)
    sizes = re.findall(r"^ +(FLASH|RAM): +(\d+) B", built, re.M)
    RESULT.write_text(
        f"$ python bench/zephyr.py ZEPHYR_BASE --modules CMSIS HAL_NORDIC\nZephyr {number}\n"
        f"{simulated}: {len(heard)} events, equal to the chain's in sample, label and score\n"
        f"{nordic}: the sample is built: "
        + ", ".join(f"{name.lower()} {size} bytes" for name, size in sizes)
        + "\n"
    )
    print(RESULT.read_text(), end="")


if __name__ == "__main__":
    main()

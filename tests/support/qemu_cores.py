"""lib/features on bare Cortex-M cores in QEMU."""

import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from otolith.features import Quantizer
from otolith.features.emit import config_source
from otolith.native.sources import lib
from otolith.settings.features import FrontEnd

HERE = Path(__file__).resolve().parent / "qemu"
# machine -> core flags; code, data, timer, instructions per timer tick with -icount shift=0
CORES = {
    "mps2-an386": (
        ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
        (0x00000000, 0x20000000, 0x40000000, 40),
    ),
    "mps2-an505": (
        ["-mcpu=cortex-m33", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"],
        (0x10000000, 0x38000000, 0x50000000, 50),
    ),
}
# QEMU has no Cortex-M0+ with this much memory. An M3 runs its instructions.
M0PLUS = "mps2-an385"
MACHINES = CORES | {
    M0PLUS: (["-mcpu=cortex-m0plus"], (0x00000000, 0x20000000, 0x40000000, 25)),
}


@cache
def library(machine: str) -> tuple[list[str], list[Path]]:
    """Compiler flags and object files of lib/features, compiled once."""
    folder = Path(tempfile.mkdtemp(prefix="otolith-"))
    sources = lib("features")
    flags = ["-std=gnu11", "-O3", "-mthumb", *CORES[machine][0], *sources.flags]
    flags += [f"-I{path}" for path in sources.include]
    flags += ["-ffunction-sections", "-fdata-sections"]
    command = ["arm-none-eabi-gcc", *flags, "-c", *map(str, sources.files)]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return flags, sorted(folder.glob("*.o"))


def build(machine: str, pcm: np.ndarray, settings: FrontEnd, folder: Path) -> Path:
    """An image that prints the features of `pcm`."""
    _, (code, data, timer, tick) = CORES[machine]
    flags, objects = library(machine)
    source = config_source(settings, Quantizer(1, 1, 0))
    (folder / "pcm.h").write_text(
        f"{source.includes}{source.source}"
        f"enum {{ PCM_SAMPLES = {len(pcm)}, FRAMES = {settings.frames_in(len(pcm))}, "
        f"BANDS = {settings.bands} }};\n"
        f"#define TIMER {timer:#x}u\n#define TICK_INSTRUCTIONS {tick}u\n"
        f"static const int16_t pcm[] = {{{','.join(map(str, pcm))}}};\n"
    )
    image = folder / "features.elf"
    command = ["arm-none-eabi-gcc", *flags, f"-I{folder}", "-Wl,--gc-sections", "-nostartfiles"]
    command += ["--specs=nosys.specs", f"-Wl,--defsym=CODE={code:#x},--defsym=DATA={data:#x}"]
    command += [f"-T{HERE / 'bare.ld'}", str(HERE / "features_main.c")]
    command += [*map(str, objects), "-o", str(image), "-lm"]
    subprocess.run(command, check=True, capture_output=True)
    return image


def run(machine: str, pcm: np.ndarray, settings: FrontEnd, folder: Path) -> tuple[np.ndarray, int]:
    """Run an image in QEMU. Returns frames (int16) and instructions per frame."""
    image = build(machine, pcm, settings, folder)
    command = ["qemu-system-arm", "-M", machine, "-nographic", "-icount", "shift=0"]
    command += ["-semihosting-config", "enable=on,target=native", "-kernel", str(image)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    lines = (done.stdout + done.stderr).splitlines()
    width = 4 * settings.bands
    rows = [line for line in lines if len(line) == width and set(line) <= set("0123456789abcdef")]
    count = next(int(line.split()[1]) for line in lines if line.startswith("instructions"))
    frames = np.array([[int(row[i : i + 4], 16) for i in range(0, width, 4)] for row in rows])
    return frames.astype(np.uint16).view(np.int16), count

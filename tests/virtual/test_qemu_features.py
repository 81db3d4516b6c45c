"""lib/features on cores with the DSP extension: the same integers as here, byte for byte.

CMSIS-DSP's own DSP-extension code differs from the cmsisdsp wheel; lib/features is built without.
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from host.features import extract
from host.native.sources import cmsis_dsp, lib

HERE = Path(__file__).parent / "qemu"
SETTINGS = {
    "kind": "spectrogram",
    "sample_rate": 16000,
    "window": 256,
    "hop": 128,
    "frames": 124,
    "bands": 129,
}
# machine -> core flags, code, data, timer, instructions a timer tick with -icount shift=0
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


def sounds():
    rng = np.random.default_rng(8)
    t = np.arange(4000) / 16000
    return {
        "noise": rng.integers(-32768, 32768, 4000).astype(np.int16),
        "speech level": rng.normal(0, 900, 4000).astype(np.int16),
        "full-scale sine": np.round(32767 * np.sin(2 * np.pi * 1234 * t)).astype(np.int16),
        "square": np.where(np.arange(4000) // 5 % 2, 32767, -32768).astype(np.int16),
        "silence": np.zeros(4000, np.int16),
    }


def run(machine: str, pcm: np.ndarray, compress: str, folder: Path) -> tuple[np.ndarray, int]:
    """Frames and instructions a frame, from QEMU."""
    core, (code, data, timer, tick) = CORES[machine]
    (folder / "pcm.h").write_text(
        f"enum {{ PCM_SAMPLES = {len(pcm)}, COMPRESS = FEATURES_{compress.upper()} }};\n"
        f"#define TIMER {timer:#x}u\n#define TICK_INSTRUCTIONS {tick}u\n"
        f"static const int16_t pcm[] = {{{','.join(map(str, pcm))}}};\n"
    )
    sources = lib("features") + cmsis_dsp()
    image = folder / "features.elf"
    command = ["arm-none-eabi-gcc", "-std=gnu11", "-O3", "-mthumb", *core, *sources.flags]
    command += [f"-I{path}" for path in (folder, *sources.include)]
    command += ["-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-nostartfiles"]
    command += ["--specs=nosys.specs", f"-Wl,--defsym=CODE={code:#x},--defsym=DATA={data:#x}"]
    command += [f"-T{HERE / 'bare.ld'}", str(HERE / "features_main.c")]
    command += [*map(str, sources.files), "-o", str(image)]
    subprocess.run(command, check=True, capture_output=True)
    done = subprocess.run(
        [
            "qemu-system-arm",
            "-M",
            machine,
            "-nographic",
            "-icount",
            "shift=0",
            "-semihosting-config",
            "enable=on,target=native",
            "-kernel",
            str(image),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    lines = (done.stdout + done.stderr).splitlines()
    rows = [line for line in lines if len(line) == 129 * 4]
    count = next(int(line.split()[1]) for line in lines if line.startswith("instructions"))
    frames = np.array([[int(row[i : i + 4], 16) for i in range(0, 516, 4)] for row in rows])
    return frames.astype(np.uint16).view(np.int16), count


@pytest.mark.parametrize("machine", list(CORES))
@pytest.mark.parametrize("compress", ["linear", "log2"])
def test_features_equal_this_computers(machine, compress, tmp_path):
    for name, pcm in sounds().items():
        frames, instructions = run(machine, pcm, compress, tmp_path)
        expected = extract(pcm, {**SETTINGS, "compress": compress})
        assert frames.shape == expected.shape == (30, 129), name
        np.testing.assert_array_equal(frames, expected, err_msg=name)
    print(f"{machine}, {compress}: {instructions} instructions a frame")


def test_the_dsp_extension_is_really_there_to_be_avoided(tmp_path):
    """Without the flag CMSIS-DSP takes its own way on this core."""
    listing = (lib("features") + cmsis_dsp()).flags
    assert listing == ("-D__GNUC_PYTHON__",)
    source = tmp_path / "core.c"
    source.write_text(
        '#include "arm_math_types.h"\n#ifdef ARM_MATH_DSP\nint dsp;\n#else\nint plain;\n#endif\n'
        "#ifndef __ARM_FEATURE_DSP\n#error no DSP extension\n#endif\n"
    )
    include = [f"-I{path}" for path in cmsis_dsp().include]
    command = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-c", str(source), *include]
    target = tmp_path / "core.o"
    subprocess.run([*command, *listing, "-o", str(target)], check=True, capture_output=True)
    names = subprocess.run(["arm-none-eabi-nm", target], capture_output=True, text=True).stdout
    assert "plain" in names and "dsp" not in names

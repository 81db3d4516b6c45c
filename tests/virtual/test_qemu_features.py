"""lib/features on cores with the DSP extension: the same integers as here, byte for byte.

CMSIS-DSP's own DSP-extension code differs from the cmsisdsp wheel; lib/features is built without.
"""

import subprocess

import numpy as np
import pytest
from qemu_cores import CORES, build, run

from host.features import extract, preset
from host.native.sources import cmsis_dsp, front_ends, lib

SPECTROGRAM = {
    "kind": "spectrogram",
    "sample_rate": 16000,
    "window": 256,
    "hop": 128,
    "frames": 124,
    "bands": 129,
}
PLAIN = {"noise_reduction_enable": False, "pcan_enable": False, "log_scale_enable": False}
SETTINGS = {
    "linear": {**SPECTROGRAM, "compress": "linear"},
    "log2": {**SPECTROGRAM, "compress": "log2"},
    "smart_lock": preset("smart_lock"),
    "smart_lock, linear": preset("smart_lock", compress="linear"),
    "keyword": preset("keyword"),
    "micro_speech": preset("micro_speech"),
    "micro_speech, plain": preset("micro_speech", fe=PLAIN),
    "on_off": preset("on_off"),
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


@pytest.mark.parametrize("machine", list(CORES))
@pytest.mark.parametrize("name", list(SETTINGS))
def test_features_equal_this_computers(machine, name, tmp_path):
    settings = SETTINGS[name]
    pcm = np.concatenate(list(sounds().values()))
    frames, instructions = run(machine, pcm, settings, tmp_path)
    expected = extract(pcm, settings)
    assert frames.shape == expected.shape and len(frames) >= 50
    np.testing.assert_array_equal(frames, expected)
    print(f"{machine}, {name}: {instructions} instructions a frame")


def test_no_front_end_allocates_or_uses_floating_point(tmp_path):
    """Nothing of malloc, libm or soft floating point is linked for any of them."""
    for name, settings in SETTINGS.items():
        image = build("mps2-an386", np.zeros(1000, np.int16), settings, tmp_path)
        names = subprocess.run(["arm-none-eabi-nm", image], capture_output=True, text=True).stdout
        symbols = {line.split()[-1] for line in names.splitlines()}
        bad = {"malloc", "_malloc_r", "calloc", "free", "_sbrk", "cos", "sin", "cosf", "powf"}
        bad |= {"log1pf", "__aeabi_dmul", "__aeabi_dadd", "__aeabi_fmul", "floor"}
        assert "features_extract" in symbols and not symbols & bad, (name, symbols & bad)


def test_the_dsp_extension_is_really_there_to_be_avoided(tmp_path):
    """Without the flag CMSIS-DSP takes its own way on this core."""
    listing = (lib("features") + front_ends()).flags
    assert "-D__GNUC_PYTHON__" in listing
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

"""lib/features on cores with the DSP extension gives the same integers as here, byte for byte.

CMSIS-DSP's own DSP-extension code differs from the cmsisdsp wheel. lib/features must not.
"""

import subprocess

import numpy as np
import pytest

from otolith.features import extract, preset
from otolith.settings.features import front_end
from support.qemu_cores import CORES, build, library, run

PLAIN = {"noise_reduction_enable": False, "pcan_enable": False, "log_scale_enable": False}
SETTINGS = {
    "linear": front_end(kind="spectrogram", compress="linear"),
    "log2": front_end(kind="spectrogram", compress="log2"),
    "smart_lock": preset("smart_lock"),
    "smart_lock, linear": preset("smart_lock", compress="linear"),
    "keyword": preset("keyword"),
    "micro_speech": preset("micro_speech"),
    "micro_speech, plain": preset("micro_speech", fe=PLAIN),
    "on_off": preset("on_off"),
    "streaming_wakeword": preset("streaming_wakeword"),
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
    assert frames.shape == expected.shape and len(frames) >= 39
    np.testing.assert_array_equal(frames, expected)
    print(f"{machine}, {name}: {instructions} instructions a frame")


def test_no_front_end_allocates_or_uses_floating_point(tmp_path):
    """No front end links anything of malloc, libm or soft floating point."""
    for name, settings in SETTINGS.items():
        image = build("mps2-an386", np.zeros(1000, np.int16), settings, tmp_path)
        names = subprocess.run(["arm-none-eabi-nm", image], capture_output=True, text=True).stdout
        symbols = {line.split()[-1] for line in names.splitlines()}
        bad = {"malloc", "_malloc_r", "calloc", "free", "_sbrk", "cos", "sin", "cosf", "powf"}
        bad |= {"log1pf", "__aeabi_dmul", "__aeabi_dadd", "__aeabi_fmul", "floor"}
        assert "features_extract" in symbols and not symbols & bad, (name, symbols & bad)


@pytest.mark.parametrize("machine", list(CORES))
def test_the_dsp_extension_is_used(machine):
    """The code compared above is not the portable version."""
    _, objects = library(machine)
    for name, expected in (("rfft_q15.o", "smuad smusdx ssax sasx"), ("rfft_kiss.o", "smlsd sasx")):
        path = next(o for o in objects if o.name == name)
        command = ["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", str(path)]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        used = {line.split("\t")[1].strip() for line in listing.splitlines() if "\t" in line}
        assert set(expected.split()) <= used

"""Measures the front ends on the chips, and otolith.features against the cmsisdsp wheel.

    python bench/features.py

The first part measures a frame of each preset. On the virtual Pico, the inference app hears a sound
at the microphone. Its cycles are emulated microseconds times 125 (125 MHz). They include the level
of each hop and the sliding window, but no flash wait states. On bare cores in QEMU, instructions
are counted. These figures are deterministic.

The second part measures frames per second on this computer, in one thread. otolith.features and a
Python loop over the cmsisdsp wheel alternate in one run. The ratio is the result that matters.
"""

import sys
import tempfile
import time
from pathlib import Path

import cmsisdsp
import numpy as np

from otolith.compile import model_hash
from otolith.features import PRESETS, extract, preset
from otolith.firmware.hear import through_virtual_microphone
from otolith.settings.features import FrontEnd, front_end

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from support.front_end_model import network, sound
from support.images import build
from support.qemu_cores import CORES, run

SETTINGS = front_end(kind="spectrogram", compress="linear")
CLIPS, ROUNDS = 100, 5


def wheel(pcm: np.ndarray, rfft, hann: np.ndarray) -> np.ndarray:
    """Computes the spectrogram with the cmsisdsp wheel, as a notebook does."""
    frames = []
    for start in range(0, len(pcm) - 255, 128):
        windowed = cmsisdsp.arm_mult_q15(pcm[start : start + 256], hann)
        frames.append(cmsisdsp.arm_cmplx_mag_q15(cmsisdsp.arm_rfft_q15(rfft, windowed)[:258]))
    return np.array(frames)


def on_pico(settings: FrontEnd, folder: Path) -> float:
    """Emulated microseconds per frame on the virtual Pico."""
    hop_frames = max(1, 640 // settings.hop)
    model = network(settings, hop_frames)
    image = build("pico", model, folder)
    heard = through_virtual_microphone(image, sound(3), model_hash(model), scores=False)
    assert not heard.stats[-1]["overruns"]
    return float(np.mean([s["feature_us"] for s in heard.stats[1:]])) / hop_frames


def chips() -> None:
    """Prints the costs of each preset."""
    spectrogram = front_end(kind="spectrogram")
    print(f"{'a frame of':<14}{'hop':>8}{'virtual Pico':>24}{'M4F':>14}{'M33':>14}")
    print(f"{'':<14}{'ms':>8}{'cycles':>14}{'share':>10}{'instructions':>14}{'instructions':>14}")
    for name, settings in {"spectrogram": spectrogram, **{n: preset(n) for n in PRESETS}}.items():
        with tempfile.TemporaryDirectory() as folder:
            microseconds = on_pico(settings, Path(folder))
            counts = [run(core, sound(1), settings, Path(folder))[1] for core in CORES]
        hop = settings.hop / 16  # ms
        print(
            f"{name:<14}{hop:>8.0f}{125 * microseconds:>14,.0f}{microseconds / 1000 / hop:>10.1%}"
            + "".join(f"{count:>14,}" for count in counts)
        )


def host_speed() -> None:
    """Prints the speed on this computer and that of the wheel."""
    rng = np.random.default_rng(1)
    clips = rng.integers(-8000, 8000, (CLIPS, 16000)).astype(np.int16)
    hann = cmsisdsp.arm_float_to_q15(0.5 * (1 - np.cos(2 * np.pi * np.arange(256) / 256)))
    rfft = cmsisdsp.arm_rfft_instance_q15()
    cmsisdsp.arm_rfft_init_q15(rfft, 256, 0, 1)
    assert (extract(clips[0], SETTINGS) == wheel(clips[0], rfft, hann)).all()
    ours, theirs = [], []
    for _ in range(ROUNDS):
        start = time.process_time()
        for clip in clips:
            extract(clip, SETTINGS)
        middle = time.process_time()
        for clip in clips:
            wheel(clip, rfft, hann)
        ours.append(CLIPS * 124 / (middle - start))
        theirs.append(CLIPS * 124 / (time.process_time() - middle))
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    print(f"otolith.features   {np.median(ours):>10,.0f} frames/s a core")
    print(f"wheel, a loop   {np.median(theirs):>10,.0f} frames/s a core")
    print(f"ratio           {np.median(ratios):>10.2f} (least {min(ratios):.2f})")


if __name__ == "__main__":
    chips()
    print()
    host_speed()

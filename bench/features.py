"""Front end on this computer: host.features against a per-frame loop over the cmsisdsp wheel.

    python bench/features.py

Both on one thread, side by side in one run; frames a second, and the ratio that counts.
"""

import time

import cmsisdsp
import numpy as np

from host.features import extract

SETTINGS = {
    "kind": "spectrogram",
    "sample_rate": 16000,
    "window": 256,
    "hop": 128,
    "frames": 124,
    "bands": 129,
    "compress": "linear",
}
CLIPS, ROUNDS = 100, 5


def wheel(pcm: np.ndarray, rfft, hann: np.ndarray) -> np.ndarray:
    """What a notebook does."""
    frames = []
    for start in range(0, len(pcm) - 255, 128):
        windowed = cmsisdsp.arm_mult_q15(pcm[start : start + 256], hann)
        frames.append(cmsisdsp.arm_cmplx_mag_q15(cmsisdsp.arm_rfft_q15(rfft, windowed)[:258]))
    return np.array(frames)


def main() -> None:
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
    print(f"host.features   {np.median(ours):>10,.0f} frames/s a core")
    print(f"wheel, a loop   {np.median(theirs):>10,.0f} frames/s a core")
    print(f"ratio           {np.median(ratios):>10.2f} (least {min(ratios):.2f})")


if __name__ == "__main__":
    main()

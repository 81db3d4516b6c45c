"""Measures the speed of augmentation on one core, with windows of one second.

    python bench/augment.py

Prints windows per second with all augmentations at probability 0.5, as in training: for sound
alone, and for sound, feature extraction and features. Then prints the milliseconds of each
augmentation when it is applied.
"""

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from otolith.audio import RATE
from otolith.augment.pipeline import Augmenter
from otolith.augment.registry import AUDIO, NAMES
from otolith.augment.room import impulse_response
from otolith.augment.settings import parse
from otolith.features import extract
from otolith.settings.features import front_end
from otolith.synth.backgrounds import background

CLASSES = ["sound", "unknown"]
SETTINGS = front_end(kind="spectrogram", compress="log2")
ROUNDS = 5


def sounds(count: int, samples: int) -> list[np.ndarray]:
    """Synthesised int16 backgrounds at 16 kHz."""
    rng = np.random.default_rng(1)
    made = [background(rng, samples) * 2000 for _ in range(count)]
    return [np.clip(np.round(x), -32768, 32767).astype(np.int16) for x in made]


def seconds(work, count: int) -> float:
    """Processor time of work(0) to work(count - 1), the best of several rounds."""
    best = np.inf
    for _ in range(ROUNDS):
        start = time.process_time()
        for number in range(count):
            work(number)
        best = min(best, time.process_time() - start)
    return best


def main() -> None:
    import soundfile

    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    windows, behind = sounds(32, RATE), sounds(12, 4 * RATE)
    with tempfile.TemporaryDirectory() as folder:
        room = impulse_response(np.random.default_rng(1), 0.4, 2.0, np.array([5, 4, 2.7]))
        soundfile.write(Path(folder) / "room.wav", room / np.abs(room).max(), RATE)
        table: dict = {name: {} for name in NAMES}
        table["crop"]["classes"] = ["sound"]
        table["impulse_response"]["folder"] = folder

        def make(chosen: dict) -> Augmenter:
            return Augmenter(parse(chosen, "bench"), CLASSES, behind, "unknown")

        whole = make(table)
        each = {name: make({name: {**table[name], "probability": 1}}) for name in NAMES}

    def sound(number: int) -> np.ndarray:
        return whole.audio(windows[number % len(windows)], 0, (1, number, 0))[0]

    def both(number: int) -> None:
        whole.features(extract(sound(number), SETTINGS), (1, number, 0))

    sound(0)
    print(f"{len(NAMES)} augmentations at probability 0.5, one core, processor time:")
    print(f"  sound alone                {200 / seconds(sound, 200):6.0f} windows/s")
    print(f"  sound, features, features' {200 / seconds(both, 200):6.0f} windows/s")
    print("each, when applied:")
    values = extract(windows[0], SETTINGS)
    for name, augmenter in each.items():

        def one(number: int, name: str = name, augmenter: Augmenter = augmenter) -> None:
            if name in AUDIO:
                augmenter.audio(windows[number % len(windows)], 0, (1, number, 0))
            else:
                augmenter.features(values, (1, number, 0))

        print(f"  {name:<18} {seconds(one, 50) / 50 * 1000:6.2f} ms")


if __name__ == "__main__":
    main()

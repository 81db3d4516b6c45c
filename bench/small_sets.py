"""Measures whether the default length of training trains a small set fully.

    python bench/small_sets.py > bench/results/small_sets.txt

150 clips of one second from Speech Commands: two words, and 94 clips of other words, so that the
largest class has 62.7 %. No speaker is in two sets. Trained for 20 epochs, for 100, and for the
default length, with three seeds each, and tested on 201 clips of other speakers. Everything else is
the default. Nothing was chosen by these figures. Needs $OTOLITH_DATA/speech_commands.
"""

import dataclasses
import hashlib
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from rich.console import Console

from otolith.audio import read_pcm
from otolith.audio.wav import write_wav
from otolith.data.metadata import Metadata, Row
from otolith.paths import test_data
from otolith.settings.spec import Spec, parse
from otolith.train import train

WORDS = ("happy", "marvin")
OTHERS = ("bed", "cat", "house", "learn", "left", "off", "one")
# clips of "unknown" and of each word
SIZES = {"train": (94, 28), "validate": (32, 9), "test": (125, 38)}
SHARES = {"train": range(0, 5), "validate": range(5, 6), "test": range(6, 10)}
SEEDS = (1, 2, 3)
LENGTHS = {"20 epochs": 20, "100 epochs": 100, "default": 0}


def set_of(speaker: str) -> str:
    """The set that a speaker's clips belong to."""
    place = int(hashlib.sha256(speaker.encode()).hexdigest(), 16) % 10
    return next(name for name, places in SHARES.items() if place in places)


def make(folder: Path) -> None:
    """Makes the dataset."""
    rows, taken = Metadata(), Counter()
    files = [(w, f) for w in WORDS for f in sorted((test_data() / "speech_commands" / w).iterdir())]
    others = [sorted((test_data() / "speech_commands" / word).iterdir()) for word in OTHERS]
    files += [("unknown", f) for turn in zip(*others, strict=False) for f in turn]
    for label, file in files:
        speaker = file.name.partition("_")[0]
        part = set_of(speaker)
        if taken[part, label] < SIZES[part][label != "unknown"]:
            name = f"{label}/{file.parent.name}-{file.stem}.wav"
            (folder / label).mkdir(parents=True, exist_ok=True)
            write_wav(folder / name, read_pcm(file))
            rows.rows.append(Row(name, label, set=part, speaker=speaker))
            taken[part, label] += 1
    for part, (many, few) in SIZES.items():
        assert taken[part, "unknown"] == many and all(taken[part, w] == few for w in WORDS), taken
    rows.save(folder)


def spec_of(folder: Path) -> Spec:
    """The spec: nothing but what has no default."""
    about = {"name": "small", "description": "", "classes": ["unknown", *WORDS]}
    return parse(
        {
            "model": {**about, "architecture": "keyword_cnn"},
            "data": {"path": str(folder)},
            "features": {"preset": "keyword"},
            "detect": {"thresholds": dict.fromkeys(WORDS, 0.5)},
        },
        "small_sets",
    )


def main() -> None:
    """Prints the accuracy of each length and seed on the test set."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "dataset"
        folder.mkdir()
        make(folder)
        spec = spec_of(folder)
        total = sum(SIZES["test"]) + SIZES["test"][1]
        print("# python bench/small_sets.py")
        print(f"# 150 clips, tested on {total} clips of other speakers, int8")
        print(f"largest class: {SIZES['test'][0] / total:.1%} of the test set")
        for told, epochs in LENGTHS.items():
            found, took = [], []
            for seed in SEEDS:
                settings = dataclasses.replace(spec.train, epochs=epochs, seed=seed)
                out = Path(name) / "out"
                metrics = train(
                    dataclasses.replace(spec, train=settings), out, Console(stderr=True, quiet=True)
                )
                found.append(metrics.int8_accuracy)
                took.append(len(metrics.history["loss"]))
                shutil.rmtree(out)
            seeds = ", ".join(f"{a:.1%} ({n})" for a, n in zip(found, took, strict=True))
            print(f"{told:<11} {np.mean(found):.1%}; seeds, with epochs run: {seeds}", flush=True)


if __name__ == "__main__":
    main()

"""What bench/own_word.py and bench/wake_word.py share: data sets, trainings and measuring.

A result is kept in build/few_takes/results.jsonl as soon as it is there, so a bench that was
stopped goes on where it was.
"""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from parts import esc_files, kitchen_files, speech_files
from rich.console import Console

from otolith.audio import RATE, read_pcm
from otolith.audio.wav import write_wav
from otolith.compile.metadata import read_metadata, write_metadata
from otolith.data.metadata import NAME, Metadata, Row
from otolith.features import room_of
from otolith.listen.chain import Chain
from otolith.listen.decide import smooth, spaced
from otolith.listen.heard import Heard, score
from otolith.paths import MODELS, ROOT
from otolith.settings.spec import Spec, load, parse
from otolith.train import train

OUT = ROOT / "build" / "few_takes"
RATE_WANTED = 0.5  # false accepts an hour


@dataclass(frozen=True)
class Pace:
    """How often a network runs, in frames of 20 ms, and its decisions, in such hops."""

    hop_frames: int = 5
    smoothing: int = 3
    suppression: int = 10


PACE = Pace()
UNKNOWN_CLIPS = 40  # of ESC-10; the rest of the negatives are streams


def negatives() -> list[str]:
    """The folders a training learns to ignore: the part of public recordings that trains."""
    folders = {
        "speech": speech_files("train"),
        "kitchen": kitchen_files("train"),
        "sounds": esc_files("train")[UNKNOWN_CLIPS:],
    }
    for name, files in folders.items():
        folder = OUT / "negatives" / name
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            link = folder / file.name
            if not link.exists():
                link.symlink_to(file)
    return [str(OUT / "negatives" / name) for name in folders]


def dataset(name: str, takes: dict[str, Sequence[Path | np.ndarray]]) -> Path:
    """A data set of takes by set, with a few other sounds as "unknown"."""
    folder = OUT / "data" / name
    if (folder / NAME).exists():
        return folder
    rows = []
    others = esc_files("train")[:UNKNOWN_CLIPS]
    split = {"train": others[:32], "validate": others[32:36], "test": others[36:]}
    for label, sets in (("word", takes), ("unknown", split)):
        for part, files in sets.items():
            for number, file in enumerate(files):
                pcm = read_pcm(file, resample=True) if isinstance(file, Path) else file
                row = Row(f"{label}/{part}_{number}.wav", label, part)
                (folder / label).mkdir(parents=True, exist_ok=True)
                write_wav(folder / row.file, pcm)
                rows.append(row)
    Metadata(rows).save(folder)
    return folder


def spec_of(size: str, folder: Path, seed: int, **train_: object) -> Spec:
    """What a user would write for a word of their own, on a base of a size."""
    base = MODELS / "base_word" / size
    ready = load(base)
    made = parse(
        {
            "model": {
                "name": "own_word",
                "description": "A word of one's own",
                "classes": ["unknown", "word"],
                "architecture": ready.model.architecture,
            },
            "data": {"path": str(folder), "negatives": negatives()},
            "features": {"preset": "micro_speech", "settle": 50},
            "train": {"seed": seed, "dropout": 0.1, **train_},
            "detect": {
                "smoothing": PACE.smoothing,
                "minimum_count": PACE.smoothing,
                "suppression_hops": PACE.suppression,
                "thresholds": {"word": 0.5},
            },
            "deploy": {"hop_frames": PACE.hop_frames},
        },
        "own_word",
    )
    assert made.features == ready.features
    return made


def trained(spec: Spec, name: str) -> Path:
    """Trains a spec unless that was done; returns the .tflite."""
    out = OUT / "trained" / name
    file = out / f"{spec.model.name}.tflite"
    if not file.exists():
        train(spec, out, Console(stderr=True, force_terminal=False))
    return file


def heard_takes(chain: Chain, takes: Sequence[Path | np.ndarray], pace: Pace = PACE) -> np.ndarray:
    """The highest smoothed score of each take, Q15; its room is heard before and after it."""
    best = []
    for take in takes:
        pcm = read_pcm(take, resample=True) if isinstance(take, Path) else take
        lead, tail = room_of(pcm, 2 * RATE), room_of(pcm, RATE)
        found = score(chain, [np.concatenate([lead, pcm, tail])])
        best.append(int(smooth(found.scores[:, 1], pace.smoothing).max()))
    return np.array(best)


def heard_streams(chain: Chain, files: Sequence[Path]) -> list[Heard]:
    """Scores of recordings in which the word is not said; short ones are joined."""
    found, parts, length = [], [], 0
    for file in files:
        pcm = read_pcm(file, resample=True)
        parts.append(pcm)
        length += len(pcm)
        if length > 600 * RATE:
            found.append(score(chain, parts))
            parts, length = [], 0
    if parts:
        found.append(score(chain, parts))
    return found


def events(streams: Sequence[Heard], threshold: int, pace: Pace = PACE) -> int:
    """False accepts in streams at a threshold of the smoothed score."""
    count = 0
    for one in streams:
        smoothed = smooth(one.scores[:, 1], pace.smoothing)
        smoothed[: pace.smoothing - 1] = 0
        count += len(spaced(np.flatnonzero(smoothed >= threshold), pace.suppression))
    return count


def hours(streams: Sequence[Heard]) -> float:
    """Length of streams."""
    return sum(one.seconds for one in streams) / 3600


def threshold_for(streams: Sequence[Heard], rate: float, pace: Pace = PACE) -> int:
    """The lowest threshold with at most so many false accepts an hour."""
    allowed = rate * hours(streams)
    low, high = 1, 32768
    while low < high:
        middle = (low + high) // 2
        if events(streams, middle, pace) <= allowed:
            high = middle
        else:
            low = middle + 1
    return low


@dataclass(frozen=True)
class Measured:
    """The test streams of a network, and the threshold they and the training streams suggest."""

    chain: Chain
    speech: list[Heard]
    sound: list[Heard]
    oracle: int
    pace: Pace = PACE

    @classmethod
    def of(cls, tflite: Path, pace: Pace = PACE) -> Measured:
        """Hears the test part of read speech, kitchen20 and ESC-10."""
        data = tflite.read_bytes()
        metadata = read_metadata(data)
        assert metadata is not None
        deploy = dataclasses.replace(metadata.deploy, hop_frames=pace.hop_frames)
        chain = Chain(write_metadata(data, dataclasses.replace(metadata, deploy=deploy)))
        speech = heard_streams(chain, speech_files("test"))
        sound = heard_streams(chain, [*kitchen_files("test"), *esc_files("test")])
        return cls(chain, speech, sound, threshold_for(speech, RATE_WANTED, pace), pace)

    def row(self) -> dict[str, float]:
        """False accepts an hour at the oracle's threshold, and the hours."""
        return {
            "threshold": round(self.oracle / 32767, 3),
            "speech_hours": round(hours(self.speech), 3),
            "speech_false": events(self.speech, self.oracle, self.pace),
            "sound_hours": round(hours(self.sound), 3),
            "sound_false": events(self.sound, self.oracle, self.pace),
        }

    def missed(self, takes: Sequence[Path | np.ndarray]) -> tuple[int, int]:
        """How many of some takes are missed at that threshold, and how many there are."""
        best = heard_takes(self.chain, takes, self.pace)
        return int((best < self.oracle).sum()), len(best)


def order(files: Sequence[Path], seed: int = 1) -> list[Path]:
    """Files in an order that depends on their names alone."""
    return sorted(files, key=lambda f: (zlib.crc32(f"{seed}:{f.name}".encode()), f.name))


RESULTS = OUT / "results.jsonl"


def known() -> dict[str, dict]:
    """Results so far, by key."""
    if not RESULTS.exists():
        return {}
    rows = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    return {row["key"]: row for row in rows}


def keep(key: str, **values: object) -> None:
    """Adds a result."""
    OUT.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"key": key, **values}) + "\n")
    print(key, values, flush=True)

"""Trains models/base_sound: a body that knows sounds, for `[train] base = "base_sound"`.

    python bench/base_sound.py

Makes a dataset in build/bases/sounds, then trains models/base_sound/spec.toml on it: the clips of
kitchen20 ($OTOLITH_DATA), stretches of read speech by the speakers that may train (bench/parts.py),
and synthesised sounds in groups: alarms and lookalikes (otolith.synth.alarms), blows
(otolith.synth.impact) and backgrounds (otolith.synth.backgrounds). ESC-10 has no part in it,
so its folds can test networks that stand on this base.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from parts import speech_files
from rich.console import Console

from otolith.audio import RATE, read_pcm
from otolith.audio.wav import write_wav
from otolith.data.metadata import Metadata, Row
from otolith.paths import MODELS, ROOT, test_data
from otolith.settings.spec import load
from otolith.synth.acoustics import far, room, to_pcm
from otolith.synth.alarms import LOOKALIKES, SIGNALS, alarm_clip, background_clip
from otolith.synth.backgrounds import BACKGROUNDS
from otolith.synth.impact import OTHERS, SOUNDS, impact_clip, place
from otolith.train import train

OUT = ROOT / "build" / "bases" / "sounds"
CLIPS, LENGTH = 16, 2 * RATE  # of each kind of synthesised sound
CLIP = re.compile(r"\d+-(?P<source>.+)-[A-Z]+-(?P<label>\d+)")  # of kitchen20
Clip = Callable[[np.random.Generator], np.ndarray]


def heard(rng: np.random.Generator, sound: np.ndarray) -> np.ndarray:
    """A sound in a room, at a distance; int16."""
    return to_pcm(far(rng, room(rng, sound)), rng.uniform(-45, -12))


GROUPS = {
    "beeps": ("low-battery", "microwave", "phone", "lorry", "clock"),
    "kettle": ("kettle",),
    "birds": ("birds", "chirps"),
    "calls": ("crying", "voice"),
    "music": ("music",),
    "rush": ("noise", "rain", "hiss"),
    "fan": ("fan",),
    "blows": ("claps", "steps", "bump", "dishes", "ticks", "chop"),
    "door": tuple(SOUNDS),
}


def makers() -> dict[str, Clip]:
    """What makes a clip of each kind of synthesised sound."""
    made: dict[str, Clip] = {}
    for name, make in BACKGROUNDS.items():
        made[name] = lambda rng, make=make: heard(rng, make(rng, LENGTH))
    for name in LOOKALIKES:
        made[name] = lambda rng, name=name: background_clip(rng, LENGTH, name)
    for name in SOUNDS:
        made[name] = lambda rng, name=name: impact_clip(rng, name, LENGTH)
    for strike in OTHERS:
        made[strike.__name__] = lambda rng, strike=strike: heard(
            rng, place(rng, strike(rng), LENGTH) + 1e-3 * rng.normal(size=LENGTH)
        )
    return made


def synthesised() -> Iterator[tuple[str, str, Clip]]:
    """Class, name and maker of each kind of synthesised sound."""
    for name in SIGNALS:
        yield "alarm", name, lambda rng, name=name: alarm_clip(rng, LENGTH, name)
    made = makers()
    for group, names in GROUPS.items():
        for name in names:
            yield group, name, made[name]


def clips() -> Iterator[tuple[str, str, np.ndarray]]:
    """Class, source and int16 samples of every clip."""
    for file in sorted((test_data() / "kitchen20").glob("*.ogg")):
        found = CLIP.fullmatch(file.stem)
        if found:
            label = f"kitchen20_{int(found['label']):02}"
            yield label, f"freesound-{found['source']}", read_pcm(file, resample=True)
    for file in speech_files("train"):
        pcm = read_pcm(file, resample=True)
        rng = np.random.default_rng(zlib.crc32(file.name.encode()))
        for number in range(12):
            start = int(rng.integers(0, len(pcm) - 4 * RATE))
            yield "speech", f"{file.stem}-{number // 2}", pcm[start : start + 4 * RATE]
    for label, name, make in synthesised():
        for number in range(CLIPS):
            rng = np.random.default_rng((0x50D, number, *name.encode()))
            yield label, f"{name}-{number}", make(rng)


def sets(sources: dict[str, set[str]]) -> dict[tuple[str, str], str]:
    """The set of each class and source: a tenth of the sources tests, another validates."""
    found = {}
    for label, mine in sources.items():
        order = sorted(mine, key=lambda name: zlib.crc32(name.encode()))
        tenth = max(1, len(order) // 10)
        for place_, source in enumerate(order):
            part = "test" if place_ < tenth else "validate" if place_ < 2 * tenth else "train"
            found[label, source] = part
    return found


def make(folder: Path) -> None:
    """Makes the dataset."""
    rows, sources = [], defaultdict(set)
    for number, (label, source, pcm) in enumerate(clips()):
        file = f"{label}/{number:05}.wav"
        (folder / label).mkdir(parents=True, exist_ok=True)
        write_wav(folder / file, pcm)
        sources[label].add(source)
        rows.append(Row(file, label, source=source))
    parts = sets(sources)
    for row in rows:
        row.set = parts[row.label, row.source]
    Metadata(rows).save(folder)


def main() -> None:
    if not (OUT / "metadata.csv").exists():
        OUT.mkdir(parents=True, exist_ok=True)
        make(OUT)
    folder = MODELS / "base_sound"
    metrics = train(load(folder), folder, Console())
    print(f"{metrics.int8_accuracy:.1%} of test windows, {metrics.clip_accuracy:.1%} of clips")


if __name__ == "__main__":
    main()

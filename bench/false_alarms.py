"""Counts false accepts of the ready models on real recordings, and their misses beside them.

    python bench/false_alarms.py [MODEL ...] [--json FILE] [--scheduler ADDRESS]
    python bench/false_alarms.py --pico [--minutes 10]

MODEL is a .tflite or a model's folder; without one, every folder of models/ that has a .tflite is
measured. Each recording is heard once, by the chip's C code, on all cores. The recordings are in
$OTOLITH_DATA: ESC-10 (26.7 min), kitchen20 (1.5 h), FSDD (12.6 min; short clips, heard one after
another) and read speech (1.5 h: the last 8 of 16 speakers, by name; thresholds may be chosen on the
first 8). An event is false unless it is of the class that the recording's name says. Nobody has
labelled words in read speech, so a model that listens for "no" or "on" hears some that are there.

Misses: the clips of speech_commands that are of a class (real people), and up to 60 clips a class
of the spec's own test set. Rates have exact 95 % Poisson intervals.

--pico plays ten minutes of ESC-10 to models/fire_alarm on the virtual Pico, microphone and USB
included; the exit code is 1 if there is a false alarm.
"""

import argparse
import dataclasses
import json
import re
import sys
from itertools import zip_longest
from pathlib import Path

import numpy as np
from rich.progress import Progress

from otolith.audio import read_pcm
from otolith.compile import model_hash
from otolith.compile.metadata import read_metadata
from otolith.data.windows import test_recordings
from otolith.errors import UserError
from otolith.evaluate.models import ModelFile, trained
from otolith.evaluate.promise import Setting, false_accepts, hours_of, rate
from otolith.evaluate.recordings import Source, hear, hear_takes, sources
from otolith.evaluate.sounds import class_name
from otolith.firmware.build import build
from otolith.firmware.hear import through_virtual_microphone
from otolith.listen.decide import decide
from otolith.listen.ending import memory_ms
from otolith.paths import MODELS, test_data
from otolith.settings.spec import load

CLIPS = 60  # a class, of a spec's test set
DIGIT = re.compile(r"(\d)_\w+_\d+")


def label_of(folder: str, file: Path) -> str:
    """What a recording is, by its name."""
    if folder == "esc10":
        return class_name(file.parent.name)
    found = DIGIT.fullmatch(file.stem) if folder == "fsdd" else None
    return found[1] if found else ""


def recordings(folder: str) -> list[Source]:
    """The recordings of a folder of $OTOLITH_DATA, with what each of them is."""
    found = sources([test_data() / folder])
    if folder == "read_speech":
        found = sorted(found, key=lambda s: s.files[0].name)[8:]
    return [
        dataclasses.replace(s, labels=tuple(label_of(folder, f) for f in s.files)) for s in found
    ]


def takes_of(file: ModelFile, classes: tuple[str, ...]) -> dict[str, list[tuple[Path, str]]]:
    """Clips that should be heard, by where they are from."""
    found: dict[str, list[tuple[Path, str]]] = {}
    real = [
        (clip, name)
        for name in classes
        for clip in sorted((test_data() / "speech_commands" / name).glob("*.flac"))
    ]
    if real:
        found["speech_commands"] = real
    if file.spec is not None:
        try:
            own = test_recordings(load(file.spec))
        except UserError:
            own = []  # its dataset is not here
        names = load(file.spec).model.classes
        clips = [(r.file, names[r.label]) for r in own if names[r.label] in classes]
        few = [c for name in classes for c in [c for c in clips if c[1] == name][:CLIPS]]
        if few:
            found["its test set"] = few
    return found


def measure(file: ModelFile, scheduler: str | None) -> dict[str, object]:
    """The figures of one model, as they are printed."""
    metadata = read_metadata(file.data)
    assert metadata is not None
    detect, classes = metadata.detect, metadata.classes
    heard = tuple(c for c in classes if detect.thresholds.get(c, 0) > 0)
    margin = Setting(100.0, memory_ms(metadata))
    print(f"{file.tflite.stem} {model_hash(file.data)}: {', '.join(heard)}")
    told: dict[str, object] = {"model": file.tflite.stem, "hash": model_hash(file.data)}
    total, hours = 0, 0.0
    for folder in ("esc10", "kitchen20", "fsdd", "read_speech"):
        streams, problems = hear(file.data, recordings(folder), heard, scheduler)
        for line in problems:
            print(f"  {line}", file=sys.stderr)
        wrong = false_accepts(streams, detect, classes, margin)
        here = hours_of(streams)
        total, hours = total + len(wrong), hours + here
        found = rate(len(wrong), here)
        by = {c: sum(e.label == c for e in wrong) for c in heard}
        names = ", ".join(f"{c} {n}" for c, n in by.items() if n)
        print(
            f"  {folder:<12} {here:5.2f} h {len(wrong):5} false, {found.per_hour:7.1f} an hour "
            f"({found.low:.1f} to {found.high:.1f})  {names}"
        )
        told[folder] = {"hours": round(here, 4), **dataclasses.asdict(found), "classes": by}
    found = rate(total, hours)
    print(
        f"  {'all':<12} {hours:5.2f} h {total:5} false, {found.per_hour:7.1f} an hour "
        f"({found.low:.1f} to {found.high:.1f})"
    )
    told["all"] = {"hours": round(hours, 4), **dataclasses.asdict(found)}
    for where, clips in takes_of(file, heard).items():
        takes, _ = hear_takes(file.data, clips, scheduler)
        missed = {c: 0 for c in heard}
        count = {c: sum(t.label == c for t in takes) for c in heard}
        for take in takes:
            events = decide(take.heard, detect, classes)
            missed[take.label] += all(e.label != take.label for e in events)
        names = ", ".join(f"{c} {missed[c]} of {count[c]}" for c in heard if count[c])
        print(f"  missed, {where}: {sum(missed.values())} of {len(takes)}: {names}")
        told[f"missed, {where}"] = {c: [missed[c], count[c]] for c in heard if count[c]}
    return told


def on_pico(minutes: float) -> int:
    """Plays ESC-10, one file of each class in turn, to the virtual Pico's microphone."""
    model = MODELS / "fire_alarm" / "fire_alarm.tflite"
    folders = sorted(f for f in (test_data() / "esc10").iterdir() if f.is_dir())
    turns = zip_longest(*(sorted(f.glob("*.ogg")) for f in folders))
    files = [file for turn in turns for file in turn if file][: round(minutes * 12)]
    pcm = np.concatenate([read_pcm(file, resample=True) for file in files])
    with Progress() as bar:
        task = bar.add_task("listening", total=1.0)
        heard = through_virtual_microphone(
            build("pico", model).uf2,
            pcm,
            model_hash(model.read_bytes()),
            progress=lambda share: bar.update(task, completed=share),
            scores=False,
        )
    print(
        f"{len(files)} recordings, {len(pcm) / 16000 / 60:.1f} min, the virtual Pico, "
        f"{heard.stats[-1]['overruns']} overruns: {len(heard.detections)} false alarms"
    )
    for d in heard.detections:
        name = files[min(len(files) - 1, int(d.t_ms / 5000))].name
        print(f"  {d.t_ms / 1000:8.1f} s  {name}  {d.label} {d.score:.3f}")
    return len(heard.detections)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--scheduler")
    parser.add_argument("--pico", action="store_true")
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    if options.pico:
        sys.exit(bool(on_pico(options.minutes)))
    ready = sorted(f.parent for f in MODELS.glob("*/*.tflite"))
    chosen = options.models or ready
    if not chosen:
        sys.exit("no model is trained: host train models/fire_alarm")
    found = [measure(trained(model), options.scheduler) for model in chosen]
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""Chooses thresholds of a ready model on recordings that may train, and counts on the others.

    python bench/promise.py MODEL ASKED [--readers N] [--esc] [--write]

MODEL is the folder of a trained model that learned from synthesised sounds; ASKED false accepts an
hour. ESC-10, kitchen20 and read speech ($OTOLITH_DATA) are halved by bench/parts.py: thresholds and
smoothing are chosen on one half, the events of the other half are counted. FSDD takes no part: most
of its clips are shorter than a second. Takes are up to 60 clips a class of the validation set for
the choice, of the test set for the count. --esc takes ESC-10 alone.
--write puts the settings into the .tflite.
"""

import argparse
import dataclasses
from pathlib import Path

from parts import esc_files, kitchen_files, speech_files

from otolith.compile import model_hash
from otolith.compile.metadata import read_metadata, write_metadata
from otolith.data.windows import recordings
from otolith.evaluate.calibrate import EARLY_MS
from otolith.evaluate.models import trained
from otolith.evaluate.promise import Setting, false_accepts, hours_of, promise, rate
from otolith.evaluate.recordings import Source, Stream, Take, hear, hear_takes
from otolith.files import write_bytes
from otolith.listen.decide import decide
from otolith.listen.ending import memory_ms
from otolith.settings.detect import Detect
from otolith.settings.spec import Spec, load

JOINED, CLIPS = 60, 60  # short recordings heard one after another; takes of a class


def streams_of(part: str, readers: int, esc: bool) -> list[Source]:
    """The recordings of a half."""
    found = []
    for files in (esc_files(part), [] if esc else kitchen_files(part)):
        found += [Source(tuple(files[at : at + JOINED])) for at in range(0, len(files), JOINED)]
    return found + [Source((file,)) for file in speech_files(part)[: 0 if esc else readers]]


def takes_of(spec: Spec, part: str, heard: list[str]) -> list[tuple[Path, str]]:
    """Clips of a set that should be heard."""
    own = [(r.file, spec.model.classes[r.label]) for r in recordings(spec) if r.set == part]
    return [c for name in heard for c in [c for c in own if c[1] == name][:CLIPS]]


def say(
    what: str, streams: list[Stream], takes: list[Take], detect: Detect, spec: Spec, margin: Setting
) -> None:
    """Prints false events and misses."""
    classes = spec.model.classes
    wrong, hours = false_accepts(streams, detect, classes, margin), hours_of(streams)
    found = rate(len(wrong), hours)
    by = {c: sum(e.label == c for e in wrong) for c in detect.thresholds}
    missed = {c: 0 for c in detect.thresholds}
    for take in takes:
        events = decide(take.heard, detect, classes)
        missed[take.label] += all(e.label != take.label for e in events)
    counts = {c: sum(t.label == c for t in takes) for c in missed}
    told = ", ".join(f"{c} {missed[c]} of {counts[c]}" for c in missed)
    print(
        f"{what}: {hours:.2f} h, {len(wrong)} false, {found.per_hour:.1f} an hour ({found.low:.1f} "
        f"to {found.high:.1f}): {by}; missed: {told}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("asked", type=float)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--esc", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    file, spec = trained(options.model), load(options.model)
    metadata = read_metadata(file.data)
    assert metadata is not None
    margin, heard = Setting(EARLY_MS, memory_ms(metadata)), list(metadata.detect.thresholds)
    streams, takes = {}, {}
    for half, part in (("train", "validate"), ("test", "test")):
        streams[half], _ = hear(file.data, streams_of(half, options.readers, options.esc), heard)
        takes[half], _ = hear_takes(file.data, takes_of(spec, part, heard))
    detect, found = promise(
        streams["train"],
        takes["train"],
        metadata.detect,
        metadata.classes,
        metadata.hop_ms,
        margin,
        options.asked,
    )
    print(f"{file.tflite.stem} {model_hash(file.data)}, {options.asked:g} an hour asked")
    for half in ("train", "test"):
        say(f"{half}, as it was", streams[half], takes[half], metadata.detect, spec, margin)
        say(f"{half}, as chosen", streams[half], takes[half], detect, spec, margin)
    print(f"smoothing {detect.smoothing}, {detect.minimum_count}; {detect.thresholds}")
    for line in found.warnings:
        print(line)
    if options.write:
        detect = dataclasses.replace(detect, streams=metadata.detect.streams)
        write_bytes(
            file.tflite, write_metadata(file.data, dataclasses.replace(metadata, detect=detect))
        )


if __name__ == "__main__":
    main()

"""Trains models/smart_lock_small as it is committed.

    python bench/ready_lock.py

The spec's generated sounds, and as "unknown" the real sounds that bench/parts.py lends: ESC-10,
kitchen20, read speech, spoken digits ($OTOLITH_DATA). Thresholds by `host calibrate` on the streams
on which bench/ready.py chooses thresholds. About 6 minutes of CPU.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

from parts import fsdd_files, speech_files
from ready import READERS, noises, quiet_streams
from rich.console import Console

from otolith.compile import model_hash
from otolith.data.metadata import COLUMNS, Metadata, Row
from otolith.data.metadata import load as load_rows
from otolith.data.synthetic import folder_of
from otolith.data.windows import WEIGHT
from otolith.files import write_bytes
from otolith.paths import MODELS, ROOT
from otolith.settings.spec import Spec, load
from otolith.train import train

MODEL = MODELS / "smart_lock_small"
OUT = ROOT / "build" / "ready_lock"
CLIP, READER = 10, 100  # windows of a real sound of some seconds, and of a reader
HELD = 10  # each tenth real sound validates
ASKED = 2.0  # false accepts an hour


def link(file: Path, to: Path) -> None:
    """Puts a sound file into a dataset."""
    to.parent.mkdir(parents=True, exist_ok=True)
    if not to.exists():
        to.symlink_to(file)


def dataset(spec: Spec) -> Path:
    """The generated sounds, and real ones as "unknown"."""
    made, folder = folder_of(spec), OUT / "dataset"
    rows = load_rows(made).rows
    for row in rows:
        link(made / row.file, folder / row.file)
    real = [(f, CLIP) for f in noises(False)]
    real += [(f, READER) for f in speech_files("train")[:READERS]]
    real += [(f, 1) for f in fsdd_files("train")[::2]]
    for number, (file, weight) in enumerate(real):
        name = f"unknown/real_{file.name}"
        link(file, folder / name)
        part = "train" if number % HELD or weight == READER else "validate"
        rows.append(Row(name, "unknown", part, note="real", extra={WEIGHT: str(weight)}))
    Metadata(rows, [*COLUMNS, WEIGHT]).save(folder)
    return folder


def takes(spec: Spec) -> Path:
    """The generated sounds that validate, alone: test sounds choose no threshold."""
    made, folder = folder_of(spec), OUT / "takes"
    rows = [row for row in load_rows(made).rows if row.set == "validate"]
    for row in rows:
        link(made / row.file, folder / row.file)
    Metadata(rows).save(folder)
    return folder


def streams() -> Path:
    """The streams that choose thresholds, as a folder."""
    folder = OUT / "streams"
    for source in quiet_streams():
        for file in source.files:
            link(file, folder / file.name)
    return folder


def main() -> None:
    spec = load(MODEL)
    data = dataclasses.replace(spec.data, path=str(dataset(spec)))
    train(dataclasses.replace(spec, data=data), MODEL, Console(width=100))
    command = [sys.executable, "-m", "otolith", "calibrate", str(MODEL)]
    command += ["--streams", str(streams()), "--takes", str(takes(spec))]
    command += ["--false-accepts-per-hour", str(ASKED)]
    subprocess.run(command, check=True)
    metrics = json.loads((MODEL / "metrics.json").read_text(encoding="utf-8"))
    metrics["hash"] = model_hash((MODEL / f"{MODEL.name}.tflite").read_bytes())
    write_bytes(MODEL / "metrics.json", (json.dumps(metrics, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()

"""Times `host data check` on 10,000 one-second clips and `host data import` of ESC-10.

    python bench/data.py

The check runs on one core, the import on two. Each runs in a new process, with its files in the
disk cache. Prints wall time and processor time.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

from otolith.data.metadata import Metadata, Row
from otolith.paths import test_data

CLIPS = 10_000


def make(dataset: Path) -> None:
    """Makes a dataset of different noise clips in ten classes and three sets."""
    rng = np.random.default_rng(1)
    rows = []
    for number in range(CLIPS):
        label = f"class{number % 10}"
        path = dataset / label / f"{number:05}.wav"
        path.parent.mkdir(exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", None))
            file.writeframes(rng.normal(0, 2000, 16000).astype("<i2").tobytes())
        sets = ("train", "validate", "test")
        rows.append(
            Row(f"{label}/{path.name}", label, sets[number // 10 % 3], source=f"take {number}")
        )
    Metadata(rows).save(dataset)


def run(cores: int, *command: str) -> None:
    """Runs `host data ...` on some cores, then prints the times and its last line."""
    chosen = sorted(os.sched_getaffinity(0))[:cores]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "otolith", "data", *command],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, chosen),
    )
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{command[0]} on {len(chosen)} core(s): {wall:.1f} s, {used:.1f} s of processor time")
    print("  " + done.stdout.splitlines()[-1][:200])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        run(1, "check", "--dataset", folder)
    esc = test_data() / "esc10"
    if not esc.is_dir():
        print(f"{esc}: not there, so no import")
        return
    with tempfile.TemporaryDirectory() as folder:
        run(2, "import", str(esc), "--dataset", folder)


if __name__ == "__main__":
    main()

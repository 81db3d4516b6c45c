"""Writes the events in all sound files of a folder as CSV.

python examples/batch_folder.py models/fire_alarm recordings > events.csv
"""

import csv
import sys
from pathlib import Path

from otolith import Chain
from otolith.audio import read_pcm

SOUNDS = {".wav", ".flac", ".ogg", ".mp3", ".m4a"}


def main(model: str, folder: str) -> None:
    chain = Chain(model)
    table = csv.writer(sys.stdout)
    table.writerow(["file", "seconds", "label", "score"])
    for file in sorted(Path(folder).rglob("*")):
        if file.suffix.lower() not in SOUNDS:
            continue
        chain.reset()
        pcm = read_pcm(file, resample=True)
        for event in chain.feed(pcm):
            row = [file.relative_to(folder), event.t_ms / 1000, event.label, f"{event.score:.3f}"]
            table.writerow(row)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

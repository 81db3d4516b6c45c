"""Counts false alarms of models/fire_alarm on ESC-10, heard by the virtual Pico's microphone.

    python bench/false_alarms.py [--minutes 10] [--chain]

The recordings ($OTOLITH_DATA/esc10) alternate between classes. None of them is used in training.
--chain runs the same C code on this computer instead. It plays the whole data set and takes seconds
instead of minutes. The exit code is 1 if there is a false alarm.
"""

import argparse
import sys
from itertools import zip_longest

import numpy as np
from rich.progress import Progress

from otolith.audio import read_pcm
from otolith.compile import model_hash
from otolith.firmware.build import build
from otolith.firmware.hear import through_virtual_microphone
from otolith.listen.chain import Chain
from otolith.paths import MODELS, test_data


def recordings() -> list:
    """The files of ESC-10, one of each class in turn."""
    folders = sorted(f for f in (test_data() / "esc10").iterdir() if f.is_dir())
    turns = zip_longest(*(sorted(f.glob("*.ogg")) for f in folders))
    return [file for turn in turns for file in turn if file]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--chain", action="store_true")
    options = parser.parse_args()
    model = MODELS / "fire_alarm" / "fire_alarm.tflite"
    files = recordings()
    if not options.chain:
        files = files[: round(options.minutes * 12)]
    pcm = np.concatenate([read_pcm(file, resample=True) for file in files])
    seconds = len(pcm) / 16000
    if options.chain:
        events = [(h.t_ms / 1000, h.event) for h in Chain(model.read_bytes()).run(pcm) if h.event]
        where = "the chain on this computer"
    else:
        image = build("pico", model).uf2
        with Progress() as bar:
            task = bar.add_task("listening", total=1.0)
            heard = through_virtual_microphone(
                image,
                pcm,
                model_hash(model.read_bytes()),
                progress=lambda share: bar.update(task, completed=share),
                scores=False,
            )
        events = [(d.t_ms / 1000, (d.label, d.score)) for d in heard.detections]
        where = f"the virtual Pico, {heard.stats[-1]['overruns']} overruns"
    print(f"{len(files)} recordings, {seconds / 60:.1f} min, {where}: {len(events)} false alarms")
    for at, event in events:
        print(f"  {at:8.1f} s  {files[min(len(files) - 1, int(at / 5))].name}  {event}")
    sys.exit(bool(events))


if __name__ == "__main__":
    main()

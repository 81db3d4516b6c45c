"""Compares front end settings on one sound: the size of the features and the cost on a Pico.

python examples/own_front_end.py sound.wav
"""

import sys
from pathlib import Path

from otolith.audio import read_pcm
from otolith.features import extract
from otolith.settings.features import preset


def main(file: str) -> None:
    pcm = read_pcm(Path(file), resample=True)
    for bands in (20, 40, 80):
        front_end = preset("micro_speech", bands=bands, fe={"filterbank_n_channels": bands})
        values = extract(pcm, front_end)
        print(f"{bands} bands: {values.shape[0]} frames, {values.min()} to {values.max()}")


if __name__ == "__main__":
    main(sys.argv[1])

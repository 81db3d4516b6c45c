"""Prints what a model hears at this computer's microphone, until Ctrl-C.

python examples/hear_microphone.py models/fire_alarm
"""

import sys

import sounddevice

from otolith import Chain


def main(model: str, seconds: float = float("inf")) -> None:
    chain = Chain(model)
    with sounddevice.InputStream(samplerate=16000, channels=1, dtype="int16") as microphone:
        heard = 0.0
        while heard < seconds:
            block, _ = microphone.read(chain.hop)
            for event in chain.feed(block[:, 0]):
                print(f"{event.t_ms / 1000:8.2f} s  {event.label}  {event.score:.2f}", flush=True)
            heard += chain.hop / 16000


if __name__ == "__main__":
    main(sys.argv[1])

"""Measures what a spoken word costs with each speech engine that is installed.

    python bench/voices.py

Processor seconds of this process and the programs it starts, a word: ten texts, each with another
voice of the engine, after one that loads it. Voices and engines that are missing are named.
"""

from __future__ import annotations

import resource

from otolith.voices.registry import ENGINES, find

TEXTS = [
    "hey otto",
    "turn it off",
    "yes",
    "kitchen",
    "good morning",
    "seven",
    "doorbell",
    "stop",
    "music",
    "lights on",
]


def seconds() -> float:
    """Processor seconds so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    print("$ python bench/voices.py")
    for name in ENGINES:
        engine = find(name)
        if problem := engine.problem():
            print(f"{name:10} not measured: {problem}")
            continue
        voices = engine.voices()
        engine.say("one", voices[0])
        begin = seconds()
        for number, text in enumerate(TEXTS):
            engine.say(text, voices[number * len(voices) // len(TEXTS)])
        print(f"{name:10} {(seconds() - begin) / len(TEXTS):6.2f} s a word, {len(voices)} voices")


if __name__ == "__main__":
    main()

"""Words of people that ready networks hear, and their false events on sound that had no part.

    python bench/keywords.py                    # models/keyword, on_off, micro_speech and hey_otto
    python bench/keywords.py five               # off, left, one, house, marvin by speaker
    python bench/keywords.py --why keyword      # also takes that trained, at one rate of events

Takes are those of Speech Commands speakers that no training met (three of ten, bench/parts.py).
Words that are not in it are said by voices of $OTOLITH_VOICES that did not train.
False events are counted on the last eight readers, folds 3 and 4 of ESC-10, the other half of
kitchen20 and three FSDD speakers. The int8 networks run in the chip's C, each sound once. `five`
trains a network on base_word/m with the takes of the other speakers, as bench/ready.py does.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import numpy as np
import ready
from parts import command_files, esc_files, fsdd_files, kitchen_files, speech_files
from ready import played

from otolith.compile.metadata import read_metadata
from otolith.listen.chain import Chain
from otolith.listen.decide import decide
from otolith.listen.heard import Heard, score
from otolith.paths import MODELS, ROOT, test_data
from otolith.settings.spec import load

FIVE = ("off", "left", "one", "house", "marvin")
OUT = ROOT / "build" / "keywords"
WHO = ("trained people", "held people", "test people", "trained voices", "held voices")
MOST, RATE = 60, 2.0  # takes of a kind that are heard; events an hour


def streams() -> dict[str, list[Path]]:
    """What no model may answer to."""
    return {
        "read speech": speech_files("test"),
        "ESC-10": esc_files("test"),
        "kitchen20": kitchen_files("test"),
        "FSDD": fsdd_files("test"),
    }


def quiet(tflite: bytes) -> dict[str, Heard]:
    """Scores of everything that is none of the words."""
    return {
        name: score(Chain(tflite), [played(files, 0.6 if name == "FSDD" else 0)[0]])
        for name, files in streams().items()
    }


def report(file: Path) -> None:
    """Prints what a network hears, at its own thresholds and at others."""
    tflite = file.read_bytes()
    metadata, labels = read_metadata(tflite), Chain(tflite).labels
    detect = metadata.detect
    folder = test_data() / "speech_commands"
    takes = {w: command_files(w, "test") for w in detect.thresholds if (folder / w).is_dir()}
    if "OTOLITH_VOICES" in os.environ:
        for word in set(detect.thresholds) - set(takes):
            takes[word] = [f for f, voice, _ in ready.spoken(word) if ready.held(voice)]
    heard = {
        word: (score(Chain(tflite), [pcm]), spans)
        for word, files in takes.items()
        for pcm, spans in [played(files, 1.5)]
    }
    silent = quiet(tflite)
    hours = sum(h.seconds for h in silent.values()) / 3600
    print(f"{file.stem}: {hours:.2f} h of other sound")
    for shift in (None, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        if shift is not None:
            detect = dataclasses.replace(
                detect, thresholds={label: shift for label in detect.thresholds}
            )
        false = {name: len(decide(h, detect, labels)) for name, h in silent.items()}
        parts = []
        right = count = 0
        for word, (row, spans) in heard.items():
            found = ready.found(row, spans, word, (detect, labels))
            right, count = right + found, count + len(spans)
            parts.append(f"{word} {found} of {len(spans)}")
        share = f", together {right / count:.1%}" if count else ""
        at = "own thresholds" if shift is None else f"thresholds {shift}"
        print(
            f"  {at}: heard {', '.join(parts) or 'no take at hand'}{share}; "
            f"{sum(false.values()) / hours:.1f} false events an hour ("
            + ", ".join(
                f"{name} {n} in {silent[name].seconds / 60:.0f} min" for name, n in false.items()
            )
            + ")",
            flush=True,
        )


def who(word: str) -> dict[str, list[Path]]:
    """Takes of a word by who says it, at most MOST of those that trained."""
    groups: dict[str, list[Path]] = {name: [] for name in WHO}
    for file, speaker, group in ready.spoken(word):
        kind = "people" if group == ready.PEOPLE else "voices"
        groups[f"{'held' if ready.held(speaker) else 'trained'} {kind}"].append(file)
    groups["test people"] = command_files(word, "test")
    return {name: ready.some(files, MOST) for name, files in groups.items()}


def why(file: Path) -> None:
    """Prints what is heard of takes that trained and of others, with thresholds for one rate.

    Each class may make RATE / classes events an hour on the streams of ready.choosing().
    """
    tflite = file.read_bytes()
    metadata, labels = read_metadata(tflite), Chain(tflite).labels
    told = list(metadata.detect.thresholds)
    silent = [score(Chain(tflite), [pcm]) for pcm in ready.choosing(set(told))]
    hours = sum(h.seconds for h in silent) / 3600
    heard = {}
    for word in told:
        for name, files in who(word).items():
            if files:
                pcm, spans = played(files, 1.5)
                heard[word, name] = score(Chain(tflite), [pcm]), spans
    print(f"{file.stem}: thresholds for {RATE} events an hour on {hours:.2f} h that did not train")
    for smoothing in (1, *ready.SMOOTHINGS):
        base = dataclasses.replace(metadata.detect, smoothing=smoothing, minimum_count=1)
        detect = ready.lowest(silent, base, labels, RATE * hours / len(told))
        parts = []
        for name in WHO:
            rows = [(w, *heard[w, name]) for w in told if (w, name) in heard]
            right = sum(ready.found(h, spans, w, (detect, labels)) for w, h, spans in rows)
            count = sum(len(spans) for _, _, spans in rows)
            parts.append(f"{name} {right} of {count} ({right / count:.0%})")
        print(f"  smoothing {smoothing}: {', '.join(parts)}; {detect.thresholds}", flush=True)


def five() -> None:
    """Trains five words on the base, and says how many takes of other people it names right."""
    spec = load(MODELS / "keyword")
    classes = ("unknown", *FIVE)
    spec = dataclasses.replace(
        spec,
        model=dataclasses.replace(spec.model, name="five", classes=classes),
        detect=dataclasses.replace(spec.detect, thresholds=dict.fromkeys(FIVE, 0.9)),
    )
    OUT.mkdir(parents=True, exist_ok=True)
    metrics = ready.make(spec, ready.recorded(), OUT)
    table = np.array(metrics.confusion)
    for number, word in enumerate(FIVE, 1):
        print(f"  {word}: {table[number, number]} of {table[number].sum()} takes named right")
    right, total = np.trace(table[1:, 1:]), table[1:].sum()
    among = table[1:, 1:].sum()
    print(f"  five words: {right} of {total} ({right / total:.1%}); {total - among} held unknown")
    report(OUT / "five.tflite")


def main() -> None:
    if sys.argv[1:2] == ["--why"]:
        for name in sys.argv[2:]:
            why(MODELS / name / f"{name}.tflite")
        return
    for name in sys.argv[1:] or ["keyword", "on_off", "micro_speech", "hey_otto"]:
        if name == "five":
            five()
        else:
            report(MODELS / name / f"{name}.tflite")


if __name__ == "__main__":
    main()

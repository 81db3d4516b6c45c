"""How many takes of a wake word are missed at 0.5 false accepts an hour, beside microWakeWord.

    python bench/wake_word.py                        # alexa, jarvis, snowboy in five parts, size m
    python bench/wake_word.py alexa --parts 1        # one part
    python bench/wake_word.py alexa --voices DIR    # also trains with DIR/alexa/*.wav
    python bench/wake_word.py alexa --voices DIR --only   # from voices alone, all takes tested
    python bench/wake_word.py --microwakeword        # pymicro-wakeword's alexa on the same sounds
    python bench/wake_word.py --table

Takes are parted by a hash of the file's name; people are not named, so one may be in two parts. The
negatives and the threshold are those of bench/own_word.py. Needs wake_words, read_speech, kitchen20
and esc10 in $OTOLITH_DATA, and a trained models/base_word.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from few_takes import (
    RATE_WANTED,
    SUPPRESSION,
    Measured,
    dataset,
    keep,
    known,
    order,
    spec_of,
    trained,
)
from parts import speech_files

from otolith.audio import RATE, read_pcm
from otolith.features import room_of
from otolith.listen.decide import spaced
from otolith.paths import test_data

WORDS = ("alexa", "jarvis", "snowboy")
PARTS = 5


def takes_of(word: str) -> list[Path]:
    """All takes of a word, in an order by hash."""
    return order(list((test_data() / "wake_words" / word).glob("*.flac")))


def measure(word: str, size: str, part: int, voices: Path | None, only: bool, seed: int) -> None:
    """Trains on four parts and tests on one; from voices alone, on all takes."""
    how = "voices alone" if only else "with voices" if voices else "takes"
    key = f"{word} {size} part {part} {how} seed {seed}"
    if key in known():
        return
    files = takes_of(word)
    test = files if only else files[part::PARTS]
    train = [] if only else [file for file in files if file not in test]
    spoken = sorted((voices / word).glob("*.wav")) if voices else []
    split = {
        "train": [*train[:-4], *spoken[4:]],
        "validate": [*train[-4:], *spoken[:4]],
        "test": test[:4],
    }
    folder = dataset(f"{word}_{part}_{how.replace(' ', '_')}", split)
    spec = spec_of(size, folder, seed, method="takes")
    found = Measured.of(trained(spec, key.replace(" ", "_")))
    missed, count = found.missed(test)
    about = {"wake": word, "size": size, "part": part, "how": how, "seed": seed}
    keep(key, **about, missed=missed, tested=count, **found.row())


def microwakeword() -> None:
    """The same streams and takes through pymicro-wakeword's alexa, at its own rate of decisions."""
    from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, Model

    if "microwakeword alexa" in known():
        return

    def run(pcm: np.ndarray) -> np.ndarray:
        network = MicroWakeWord.from_builtin(Model.ALEXA)
        features = MicroWakeWordFeatures()
        found = []
        for start in range(0, len(pcm), RATE):
            for values in features.process_streaming(pcm[start : start + RATE].tobytes()):
                found.append(network.process_streaming_prob(values) or 0.0)
        network.close()
        return np.array(found)

    streams = [run(read_pcm(file, resample=True)) for file in speech_files("test")]
    hours = sum(len(one) for one in streams) * 0.01 / 3600
    best = []
    for file in takes_of("alexa"):
        pcm = read_pcm(file, resample=True)
        heard = np.concatenate([room_of(pcm, 2 * RATE), pcm, room_of(pcm, RATE)])
        best.append(run(heard).max())
    scores = np.array(best)
    curve = []
    for threshold in [*np.arange(0.02, 1.0, 0.02), 0.985, 0.99, 0.995, 0.998, 1.0]:
        count = sum(len(spaced(np.flatnonzero(s >= threshold), 10 * SUPPRESSION)) for s in streams)
        curve.append((float(threshold), count / hours, float((scores < threshold).mean())))
    good = [row for row in curve if row[1] <= RATE_WANTED]
    keep(
        "microwakeword alexa",
        missed=float(good[0][2] * len(scores)) if good else None,
        tested=len(scores),
        threshold=good[0][0] if good else None,
        speech_hours=round(hours, 3),
        curve=[[round(value, 4) for value in row] for row in curve],
    )


def table() -> None:
    """Prints what is known."""
    groups: dict[tuple[str, ...], list[dict]] = {}
    for row in known().values():
        if "wake" in row:
            groups.setdefault((row["wake"], row["size"], row["how"]), []).append(row)
    for (word, size, how), rows in sorted(groups.items()):
        missed, tested = sum(r["missed"] for r in rows), sum(r["tested"] for r in rows)
        sound = np.mean([r["sound_false"] / r["sound_hours"] for r in rows])
        print(
            f"{word} {size}, {how}: {missed} of {tested} takes missed ({missed / tested:.1%}) in "
            f"{len(rows)} trainings; {sound:.1f} false accepts an hour in kitchen and ESC-10"
        )
    other = known().get("microwakeword alexa")
    if other:
        print(
            f"pymicro-wakeword alexa: {other['missed']:.0f} of {other['tested']} takes missed at "
            f"{RATE_WANTED}/h"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*", default=[])
    parser.add_argument("--size", default="m")
    parser.add_argument("--parts", type=int, default=PARTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--voices", type=Path)
    parser.add_argument("--only", action="store_true")
    parser.add_argument("--microwakeword", action="store_true")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if options.microwakeword:
        microwakeword()
    elif not options.table:
        for word in options.words or WORDS:
            for part in range(1 if options.only else options.parts):
                measure(word, options.size, part, options.voices, options.only, options.seed)
    table()


if __name__ == "__main__":
    main()

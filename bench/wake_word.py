"""How many takes of a wake word are missed at 0.5 false accepts an hour, beside microWakeWord.

    python bench/wake_word.py                        # alexa, jarvis, snowboy in five parts, size m
    python bench/wake_word.py alexa --parts 1        # one part
    python bench/wake_word.py alexa --slow           # the network runs each 200 ms, not 100
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
    PACE,
    RATE_WANTED,
    Measured,
    Pace,
    dataset,
    keep,
    known,
    order,
    spec_of,
    trained,
)
from parts import esc_files, kitchen_files, speech_files

from otolith.audio import RATE, read_pcm
from otolith.features import room_of
from otolith.listen.decide import spaced
from otolith.paths import test_data

WORDS = ("alexa", "jarvis", "snowboy")
PARTS = 5
SLOW = Pace(hop_frames=10, smoothing=2, suppression=5)  # 19 % of a Pico with size m


def takes_of(word: str) -> list[Path]:
    """All takes of a word, in an order by hash."""
    return order(list((test_data() / "wake_words" / word).glob("*.flac")))


def measure(
    word: str, size: str, part: int, voices: Path | None, only: bool, seed: int, slow: bool
) -> None:
    """Trains on four parts and tests on one; from voices alone, on all takes."""
    how = "voices alone" if only else "with voices" if voices else "takes"
    name = f"{word} {size} part {part} {how} seed {seed}"
    key = f"{name} slow" if slow else name
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
    found = Measured.of(trained(spec, name.replace(" ", "_")), SLOW if slow else PACE)
    missed, count = found.missed(test)
    how = f"{how}, each 200 ms" if slow else how
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

    def heard(files: list[Path]) -> list[np.ndarray]:
        return [run(read_pcm(file, resample=True)) for file in files]

    def events(streams: list[np.ndarray], threshold: float) -> int:
        return sum(
            len(spaced(np.flatnonzero(one >= threshold), 10 * PACE.suppression)) for one in streams
        )

    speech = heard(speech_files("test"))
    sound = [np.concatenate(heard([*kitchen_files("test"), *esc_files("test")]))]
    hours = sum(len(one) for one in speech) * 0.01 / 3600
    best = []
    for file in takes_of("alexa"):
        pcm = read_pcm(file, resample=True)
        best.append(run(np.concatenate([room_of(pcm, 2 * RATE), pcm, room_of(pcm, RATE)])).max())
    scores = np.array(best)
    steps = np.arange(0.001, 1.0001, 0.001)
    found = [(float(t), events(speech, t), int((scores < t).sum())) for t in steps]
    threshold, false, missed = next(row for row in found if row[1] <= RATE_WANTED * hours)
    keep(
        "microwakeword alexa",
        missed=missed,
        tested=len(scores),
        threshold=round(threshold, 3),
        speech_hours=round(hours, 3),
        speech_false=false,
        sound_hours=round(len(sound[0]) * 0.01 / 3600, 3),
        sound_false=events(sound, threshold),
        curve=found[::20],
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
            f"pymicro-wakeword alexa: {other['missed']} of {other['tested']} takes missed at "
            f"{RATE_WANTED}/h; {other['sound_false']} false accepts in {other['sound_hours']} h of "
            "kitchen and ESC-10"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*", default=[])
    parser.add_argument("--size", default="m")
    parser.add_argument("--parts", type=int, default=PARTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--voices", type=Path)
    parser.add_argument("--only", action="store_true")
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--microwakeword", action="store_true")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if options.microwakeword:
        microwakeword()
    elif not options.table:
        for word in options.words or WORDS:
            for part in range(1 if options.only else options.parts):
                measure(
                    word,
                    options.size,
                    part,
                    options.voices,
                    options.only,
                    options.seed,
                    options.slow,
                )
    table()


if __name__ == "__main__":
    main()

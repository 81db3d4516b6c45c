"""How many takes of one's own word are missed at 0.5 false accepts an hour of read speech.

    python bench/own_word.py                   # sizes m, l, s of models/base_word, three seeds
    python bench/own_word.py m --seeds 1       # one size, one seed
    python bench/own_word.py m --takes 5 10 20 40
    python bench/own_word.py --table           # what is known so far

athena and amelia: 20 takes, the rest tested (MOST of them). close, enter and record (Arabic): 8
takes of one person, tested with 2 of the same and 2 of each of the other 29 people; six people. The
networks are int8 and run in the chip's C. The threshold is the lowest one with at most 0.5 false
accepts an hour on 1.5 hours of read speech by 8 people who had no part in training: it is chosen on
the very streams it is reported for, as on a detector's curve. Settings of the training were
not chosen on these words. Needs own_words, arabic_words, read_speech, kitchen20 and esc10 in
$OTOLITH_DATA, and a trained models/base_word.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from few_takes import Measured, dataset, keep, known, order, spec_of, trained

from otolith.paths import test_data

OWN = ("athena", "amelia")
ARABIC = ("close", "enter", "record")
PEOPLE = (3, 8, 13, 18, 23, 28)  # of 30
MOST = 120  # takes of a word that are tested


@dataclass(frozen=True)
class Case:
    """One word by one person or crowd. others: Takes by people who had no part in training."""

    name: str
    train: list[Path]
    test: list[Path]
    others: list[Path]


def cases(takes: int) -> Iterator[Case]:
    """All words with so many takes."""
    for word in OWN:
        files = order(list((test_data() / "own_words" / word).glob("*.ogg")))
        yield Case(word, files[:takes], files[40 : 40 + MOST], [])
    if takes != 20:
        return
    for word in ARABIC:
        folder = test_data() / "arabic_words" / word
        for person in PEOPLE:
            own = sorted(folder.glob(f"{person:08}_NO_*.ogg"))
            rest = [f for f in sorted(folder.glob("*_NO_0[12].ogg")) if f not in own]
            yield Case(f"{word}_{person}", own[:8], own[8:], rest)


def measure(case: Case, size: str, seed: int, takes: int) -> None:
    """Trains and measures a case."""
    key = f"{case.name} {size} seed {seed} takes {takes}"
    if key in known():
        return
    split = {"train": case.train[:-2], "validate": case.train[-2:], "test": case.test[:2]}
    spec = spec_of(size, dataset(f"{case.name}_{takes}", split), seed)
    found = Measured.of(trained(spec, key.replace(" ", "_")))
    missed, count = found.missed(case.test)
    values: dict[str, float] = {"missed": missed, "tested": count, **found.row()}
    if case.others:
        values["others_missed"], values["others"] = found.missed(case.others)
    keep(key, word=case.name, size=size, seed=seed, takes=takes, **values)


def table() -> None:
    """Prints what is known."""
    groups: dict[tuple[str, str, int], list[dict]] = defaultdict(list)
    for row in known().values():
        if "word" in row:
            groups[row["size"], row["word"].split("_")[0], row["takes"]].append(row)
    print("size  word    takes  runs  missed: mean (worst)  others missed  false in sound an hour")
    for (size, word, takes), rows in sorted(groups.items()):
        shares = [100 * r["missed"] / r["tested"] for r in rows]
        others = [100 * r["others_missed"] / r["others"] for r in rows if r.get("others")]
        sound = np.mean([r["sound_false"] / r["sound_hours"] for r in rows])
        told = f"{np.mean(others):.0f} %" if others else "-"
        print(
            f"{size:<4}  {word:<7} {takes:>5}  {len(rows):>4}  {np.mean(shares):5.1f} % "
            f"({max(shares):.1f} %)      {told:>8}       {sound:6.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", default=[])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--takes", type=int, nargs="*", default=[20])
    parser.add_argument("--words", nargs="*", default=[])
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if not options.table:
        for size in options.sizes or list("mls"):
            for takes in options.takes:
                for seed in range(1, options.seeds + 1):
                    for case in cases(takes):
                        if not options.words or case.name.split("_")[0] in options.words:
                            measure(case, size, seed, takes)
    table()


if __name__ == "__main__":
    main()

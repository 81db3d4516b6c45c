"""Measures the benefit of a base network: three sounds of ESC-10 learnt with and without one.

    python bench/transfer.py

The base is models/environment without the three sounds, trained on folds 2 and 3. Both variants
train on fold 1 (24 clips, some of them for validation) and are tested on fold 4, which no training
used. Each runs with three seeds. Needs ESC-10 in $OTOLITH_DATA/esc10.
"""

import dataclasses
import re
from pathlib import Path

import numpy as np
from rich.console import Console

from otolith.data import metadata
from otolith.data.cli import data as data_commands
from otolith.paths import MODELS, ROOT, test_data
from otolith.settings.spec import Spec, load
from otolith.train import train
from otolith.train.weights import weights_file

OUT = ROOT / "build" / "transfer"
NEW = ["clock_tick", "helicopter", "rooster"]
SEEDS = (1, 2, 3)


def of_folds(folds: list[str]) -> str:
    """Makes a dataset of some folds of ESC-10 and returns its path."""
    whole, folder = OUT / "esc10", OUT / f"esc10-{'-'.join(folds)}"
    if not (whole / metadata.NAME).exists():
        command = ["import", str(test_data() / "esc10"), "--layout", "esc", "--dataset", str(whole)]
        data_commands.main(command, standalone_mode=False)
    rows = metadata.load(whole)
    rows.rows = [row for row in rows.rows if row.extra["fold"] in folds]
    for row in rows.rows:
        file = folder / row.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes((whole / row.file).read_bytes())
    rows.save(folder)
    return str(folder)


def of_classes(spec: Spec, classes: list[str], **data: object) -> Spec:
    """The spec with these classes only, and with changes to its [data]."""
    detect = dataclasses.replace(spec.detect, thresholds=dict.fromkeys(classes, 0.5))
    return dataclasses.replace(
        spec,
        model=dataclasses.replace(spec.model, classes=classes),
        detect=detect,
        data=dataclasses.replace(spec.data, **data),
    )


def write_base() -> Path:
    """Trains the base if needed and returns its folder."""
    spec = load(MODELS / "environment")
    rest = [name for name in spec.model.classes if name not in NEW]
    folder = OUT / "base"
    folder.mkdir(parents=True, exist_ok=True)
    # A base needs a spec.toml with its features and name.
    text = (MODELS / "environment" / "spec.toml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.split(" =")[0] not in NEW]
    for name in NEW:
        lines = [re.sub(rf' ?"{name}",', "", line) for line in lines]
    (folder / "spec.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if not weights_file(folder, "environment").exists():
        train(of_classes(spec, rest, path=of_folds(["2", "3", "4"])), folder, Console(stderr=True))
    return folder


def accuracy(spec: Spec, name: str) -> float:
    """Trains the spec and returns the int8 accuracy on fold 4's clips."""
    return train(spec, OUT / name, Console(stderr=True)).clip_accuracy


def main() -> None:
    """Prints the mean accuracy of both variants."""
    base = write_base()
    spec = of_classes(
        load(MODELS / "environment"), NEW, path=of_folds(["1", "4"]), validate_share=0.2
    )
    anew, based = [], []
    for seed in SEEDS:
        settings = dataclasses.replace(spec.train, seed=seed)
        plain = dataclasses.replace(spec, train=settings)
        anew.append(accuracy(plain, f"anew_{seed}"))
        settings = dataclasses.replace(settings, base=str(base), head_epochs=20)
        based.append(accuracy(dataclasses.replace(spec, train=settings), f"based_{seed}"))
    for name, found in (("anew", anew), ("on the base", based)):
        parts = ", ".join(f"{value:.1%}" for value in found)
        print(f"{name}: {np.mean(found):.1%} of fold 4's clips of {', '.join(NEW)} ({parts})")


if __name__ == "__main__":
    main()

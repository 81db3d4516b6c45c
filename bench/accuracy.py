"""Cross-validates models on real recordings: ESC-10 by fold, spoken digits by speaker.

    python bench/accuracy.py            # all four; about two hours on two cores
    python bench/accuracy.py esc        # models/environment, leave one fold out
    python bench/accuracy.py digits     # models/digits, leave one speaker out
    python bench/accuracy.py four       # digits without espeak-ng's voices in training
    python bench/accuracy.py random     # models/digits, five random folds instead

Needs esc10 and fsdd in $OTOLITH_DATA. The networks are int8 and run in the project's C engine.
Networks that were already trained with the same settings (build/accuracy) are not trained again.
"""

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from otolith.data.metadata import NAME
from otolith.paths import MODELS, ROOT, test_data
from otolith.settings.spec import Spec, load
from otolith.train import train
from otolith.train.cross import cross_validate

OUT = ROOT / "build" / "accuracy"


def host(*command: object) -> None:
    """Runs a `host` command."""
    subprocess.run([sys.executable, "-m", "otolith", *map(str, command)], check=True)


def recorded() -> Spec:
    """The spec of models/digits for the recordings in $OTOLITH_DATA/fsdd alone."""
    dataset = OUT / "dataset"
    if not (dataset / NAME).exists():
        names = "{label}_{speaker}_{take}"
        host("data", "import", test_data() / "fsdd", "--names", names, "--dataset", dataset)
    spec = load(MODELS / "digits")
    return dataclasses.replace(spec, data=dataclasses.replace(spec.data, path=str(dataset)))


def digits() -> Spec:
    """The same spec with espeak-ng's voices added to the training set."""
    spec = recorded()
    dataset = OUT / "dataset_and_espeak"
    if not (dataset / NAME).exists():
        shutil.copytree(spec.data.path, dataset, dirs_exist_ok=True)
        host("data", "synth", "keyword", *spec.model.classes, "-o", dataset)
    return dataclasses.replace(spec, data=dataclasses.replace(spec.data, path=str(dataset)))


def at_random(spec: Spec) -> Spec:
    """Splits the same clips into five random folds, regardless of the speaker.

    All speakers are in the training set, so the augmentations that imitate other speakers and
    microphones are off.
    """
    data = dataclasses.replace(
        spec.data, split="kfold", group="file", folds=5, fold=1, test_groups=[], train_groups=[]
    )
    sections = [s for s in spec.augment.sections if s.name not in ("speed", "microphone", "noise")]
    augment = dataclasses.replace(spec.augment, sections=sections)
    return dataclasses.replace(spec, data=data, augment=augment)


def everyday() -> Spec:
    """The spec of models/environment for the recordings in $OTOLITH_DATA/esc10."""
    dataset = OUT / "esc10"
    if not (dataset / NAME).exists():
        host("data", "import", test_data() / "esc10", "--layout", "esc", "--dataset", dataset)
    spec = load(MODELS / "environment")
    return dataclasses.replace(spec, data=dataclasses.replace(spec.data, path=str(dataset)))


SPECS = {
    "esc": everyday,
    "digits": digits,
    "four": recorded,
    "random": lambda: at_random(recorded()),
}


def measure(name: str, out: Path) -> None:
    """Cross-validates a spec and prints the result."""
    console = Console(width=100)
    quiet = Console(stderr=True)
    summary = cross_validate(
        SPECS[name](), out, lambda turn, folder: train(turn, folder, quiet), console
    )
    turns, mean = summary.turns.values(), summary.mean
    cost = 100 * (mean["float_clip_accuracy"] - mean["clip_accuracy"])
    print(
        f"{name}: mean {mean['clip_accuracy']:.1%} of clips; int8 costs {cost:.2f} points; weights "
        f"{max(t.weights_bytes for t in turns):,} bytes, arena "
        f"{max(t.arena_bytes for t in turns):,}; longest training "
        f"{max(t.seconds for t in turns):.0f} s"
    )


if __name__ == "__main__":
    for chosen in sys.argv[1:] or list(SPECS):
        measure(chosen, OUT / chosen)

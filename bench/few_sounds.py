"""What models/base_sound is worth to a model of kind "sound" with few takes.

    python bench/few_sounds.py > bench/results/few_sounds.txt

Eight clips of each class of ESC-10 from folds 1 to 3 train, two validate, fold 4 tests. Kind
"sound" without augmentation, 30 epochs, one seed, once on the base and once on nothing. Nothing was
chosen by these figures. Needs $OTOLITH_DATA/esc10.
"""

import dataclasses
import tempfile
from collections import Counter
from pathlib import Path

from rich.console import Console

from otolith.audio import read_pcm
from otolith.audio.wav import write_wav
from otolith.data.metadata import Metadata, Row
from otolith.evaluate.sounds import class_name
from otolith.paths import test_data
from otolith.settings.spec import load
from otolith.train import train

TRAIN, VALIDATE, EPOCHS = 8, 2, 30
SPEC = """
[model]
classes = [{classes}]
[augment]
windows_a_clip = 5
[train]
base = "{base}"
epochs = {epochs}
head_epochs = 5
body_rate = 0.5
variants = 1
"""


def make(folder: Path) -> list[str]:
    """Makes the dataset; returns its classes."""
    rows, taken = Metadata(), Counter()
    for file in sorted((test_data() / "esc10").rglob("*.ogg")):
        label = class_name(file.parent.name)
        part = "test" if file.name[0] == "4" else "train"
        if part == "train":
            taken[label] += 1
            if taken[label] % 2 or taken[label] > 2 * (TRAIN + VALIDATE):
                continue  # every second one: neighbours are cuts of one recording
            part = "train" if taken[label] <= 2 * TRAIN else "validate"
        (folder / label).mkdir(parents=True, exist_ok=True)
        write_wav(folder / label / f"{file.stem}.wav", read_pcm(file, resample=True))
        rows.rows.append(Row(f"{label}/{file.stem}.wav", label, set=part, source=file.stem[:8]))
    rows.save(folder)
    return sorted({row.label for row in rows.rows})


def main() -> None:
    """Prints the accuracy with and without the base."""
    print("# python bench/few_sounds.py")
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        (top / "dataset").mkdir()
        classes = ", ".join(f'"{label}"' for label in make(top / "dataset"))
        for base in ("base_sound", "none"):
            text = SPEC.format(classes=classes, base=base, epochs=EPOCHS)
            (top / "spec.toml").write_text(text, encoding="utf-8")
            spec = load(top)
            spec = dataclasses.replace(spec, augment=dataclasses.replace(spec.augment, sections=[]))
            found = train(spec, top / "out", Console(stderr=True, quiet=True))
            print(
                f"base {base:<10} {found.clip_accuracy:.1%} of 80 clips, {found.int8_accuracy:.1%} "
                f"of windows, int8; best epoch {found.best_epoch}",
                flush=True,
            )


if __name__ == "__main__":
    main()

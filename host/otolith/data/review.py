"""`host data review`: what a detector heard is filed as right, wrong or missed, and trains it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from otolith.audio import RATE, read_pcm
from otolith.data import metadata
from otolith.data.adding import batch
from otolith.data.collected import EVENT, WAS, remove
from otolith.data.metadata import Row
from otolith.data.names import check_label, folder_of, inside
from otolith.data.options import dataset_option
from otolith.data.pick import pick
from otolith.data.windows import WEIGHT
from otolith.errors import UserError, shown

RIGHT, WRONG, MISSED = "right", "wrong", "missed"
KEYS = {"r": RIGHT, "w": WRONG, "m": MISSED}
WEIGHTS = {RIGHT: 1, WRONG: 4, MISSED: 4}  # a mistake counts more than what went well
BEFORE_S, AFTER_S = 1.5, 0.3  # kept around the moment of an event, for training
NEGATIVES = ("unknown", "background")  # labels of sounds that should not be heard, in this order


@dataclass(frozen=True)
class Filed:
    """A clip that was filed.

    clip: Its file in the collection. file, label: Its file and label in the dataset.
    """

    clip: str
    verdict: str
    file: str
    label: str


def waiting(folder: Path, names: Sequence[str] = ()) -> list[Row]:
    """Lists the clips of a collection that are to be reviewed, the oldest first.

    Args:
        folder: The collection.
        names: Only these clips: labels or files, with the wildcards * and ?; empty: all.

    Raises:
        UserError: The folder holds no collection.
    """
    if not (folder / metadata.NAME).exists():
        raise UserError(f"{folder}: no collection: make one with host monitor --collect {folder}")
    found = metadata.load(folder)
    rows = pick(found, folder, names) if names else found.rows
    return sorted((row for row in rows if row.extra.get(WAS)), key=lambda r: (r.date, r.file))


def negative_label(dataset: Path) -> str:
    """The label of sounds that should not be heard: `unknown` where a dataset has it."""
    labels = {row.label for row in metadata.load(dataset).rows}
    return next((label for label in NEGATIVES if label in labels), NEGATIVES[-1])


def file_clip(
    folder: Path, row: Row, verdict: str, dataset: Path, label: str | None = None
) -> Filed:
    """Moves a clip of a collection into a dataset, where it trains with a weight of its own.

    Args:
        folder: The collection.
        row: The clip's row there.
        verdict: RIGHT keeps its label; WRONG makes it a sound that should not be heard; MISSED
            gives it `label`.
        dataset: Where it goes.
        label: What was missed; or, for a wrong clip, another label than negative_label().

    Raises:
        UserError: The clip can't be read, or MISSED comes without a label.
    """
    if verdict == MISSED and not label:
        raise UserError(f"{row.file}: missed needs a label: say what it was")
    if verdict == RIGHT:
        label = row.label
    elif verdict == WRONG:
        label = label or negative_label(dataset)
    assert label is not None
    label = check_label(label)
    pcm = read_pcm(inside(folder, row.file), resample=True)
    new = Row(
        f"{folder_of(label)}/review-{Path(row.file).name}",
        label,
        set="train",
        device=row.device,
        date=row.date,
        source=f"{folder.name}/{row.file}",
        note=f"{verdict}: heard as {row.label}",
        extra={WEIGHT: str(WEIGHTS[verdict])},
    )
    with batch(dataset) as clips:
        clips.add(_around(pcm, row), new)
        (saved,) = clips.save()
    remove(folder, [row.file])
    return Filed(row.file, verdict, saved.file, label)


def _around(pcm: np.ndarray, row: Row) -> np.ndarray:
    """The part of a clip that its event is about."""
    at = row.extra.get("at_ms", "")
    if not at.isdigit():
        return pcm
    end = int(at) * RATE // 1000
    first = max(0, end - round(BEFORE_S * RATE))
    return pcm[first : end + round(AFTER_S * RATE)] if first < len(pcm) else pcm


def describe(row: Row) -> str:
    """A clip in one line."""
    return f"{row.file}  {row.extra[WAS]} {row.label}, score {row.extra.get('score', '?')}"


def loudspeaker(device: str | None) -> Callable[[np.ndarray], None]:
    """Makes a function that plays int16 samples at 16 kHz.

    Raises:
        UserError: PortAudio is missing; the function raises it where there is no loudspeaker.
    """
    try:
        import sounddevice
    except OSError as error:  # the Python package is installed, the system library is not
        raise UserError("PortAudio is missing: sudo apt-get install -y libportaudio2") from error
    where = int(device) if device and device.isdigit() else device

    def play(pcm: np.ndarray) -> None:
        try:
            sounddevice.play(pcm, RATE, device=where, blocking=True)
        except (sounddevice.PortAudioError, ValueError) as error:
            raise UserError(
                f"can't play: {str(error).splitlines()[0]}: no loudspeaker? (--device)"
            ) from error

    return play


def ask(
    folder: Path,
    rows: Sequence[Row],
    dataset: Path,
    play: Callable[[np.ndarray], None],
    key: Callable[[], str],
    label: Callable[[], str],
    say: Callable[[str], None],
) -> list[Filed]:
    """Plays clips and files each by a key: r, w, m; s leaves it, a plays it again, q ends.

    Args:
        folder: The collection.
        rows: Its clips.
        dataset: Where filed clips go.
        play: Plays int16 samples.
        key: Waits for a key.
        label: Asks what was missed.
        say: Shows a line.
    """
    filed: list[Filed] = []
    for number, row in enumerate(rows, 1):
        say(f"{number} of {len(rows)}: {describe(row)}")
        again = True
        while True:
            if again:
                play(read_pcm(inside(folder, row.file), resample=True))
            pressed = key().lower()
            again = pressed == "a"
            if pressed == "q":
                return filed
            if pressed == "s":
                break
            if pressed in KEYS:
                verdict = KEYS[pressed]
                named = label() if verdict == MISSED else None
                try:
                    done = file_clip(folder, row, verdict, dataset, named)
                except UserError as error:
                    say(error.message)
                    continue
                filed.append(done)
                say(f"  {verdict}: {done.file}")
                break
    return filed


@click.command(
    epilog="""\b
Examples:
  host data review evenings --dataset dataset
  host data review evenings --file wrong
  host data review evenings "yes/*" --file missed --label no --json"""
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1)
@dataset_option
@click.option(
    "--file",
    "verdict",
    type=click.Choice([RIGHT, WRONG, MISSED]),
    help="File all of them so, without playing and asking.",
)
@click.option("--label", help="What was missed; of a wrong clip, the label it gets.")
@click.option("--device", help="Loudspeaker, by name or number.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: what was filed, or what waits.")
def review(
    folder: Path,
    names: tuple[str, ...],
    dataset: Path,
    verdict: str | None,
    label: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """File the clips that `host monitor --collect` kept in FOLDER. They move into the dataset.

    Each clip is played and filed by a key. r: right, it keeps its label. w: wrong, it becomes a
    sound that should not be heard (unknown or background). m: missed, and the label is asked. s
    leaves it for later, a plays it again, q ends. `host train --resume` then learns from them.
    """
    rows = waiting(folder, names)
    if label is not None:
        label = check_label(label)
        if verdict not in (WRONG, MISSED):
            raise UserError("--label goes with --file wrong or --file missed")
    if verdict == MISSED and label is None:
        raise UserError("--file missed needs --label: say what it was")
    if verdict is not None:
        filed = [file_clip(folder, row, verdict, dataset, label) for row in rows]
    elif as_json:
        listed = [
            {"clip": row.file, "label": row.label, "date": row.date, **row.extra} for row in rows
        ]
        click.echo(json.dumps(listed))
        return
    else:
        filed = ask(
            folder,
            rows,
            dataset,
            loudspeaker(device) if rows else lambda pcm: None,
            click.getchar,
            lambda: click.prompt("  what was it"),
            lambda line: click.echo(shown(line)),
        )
    if as_json:
        told = [
            {"clip": f.clip, "verdict": f.verdict, "file": f.file, "label": f.label} for f in filed
        ]
        click.echo(json.dumps(told))
        return
    counts = ", ".join(f"{sum(f.verdict == v for f in filed)} {v}" for v in (RIGHT, WRONG, MISSED))
    events = sum(row.extra.get(WAS) == EVENT for row in rows)
    click.echo(
        shown(
            f"{len(rows)} clips ({events} events): {counts}; filed in {dataset}; "
            "host train --resume learns from them"
        )
    )

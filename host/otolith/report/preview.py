"""`host data preview`: shows what the network will see and hear, before any training."""

from __future__ import annotations

import json
import math
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np

from otolith.audio import RATE, read_pcm
from otolith.errors import UserError, shown
from otolith.features import extract
from otolith.files import replacing
from otolith.progress import bar
from otolith.settings.features import FrontEnd, read_features
from otolith.settings.problems import Problems
from otolith.settings.spec import read_spec

NOTHING = "nothing"
BACKGROUNDS = ("background", "noise", "_background_noise_", "silence")  # folders taken as such
UNKNOWN = "unknown"
GENERATED = 12  # backgrounds made where there are none
_SEPARATE = 0.4  # s of silence between before and after


@dataclass
class Setup:
    """What a preview needs of a spec: front end, classes and [augment]."""

    features: FrontEnd
    classes: tuple[str, ...]
    augment: dict[str, Any]
    where: str

    @property
    def samples(self) -> int:
        """Samples of a network window."""
        return self.features.samples


@dataclass
class Example:
    """A window before and after augmentation. hits: What each augmentation drew."""

    file: str
    before: np.ndarray
    after: np.ndarray
    label: str
    new_label: str
    hits: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: tuple[np.ndarray, np.ndarray] | None = None  # features before and after


def read_setup(path: Path) -> Setup:
    """Reads [model], [features] and [augment] of a spec and ignores its other sections."""
    document = read_spec(path)
    problems = Problems()
    tables: dict[str, dict[str, Any]] = {}
    for name in ("model", "features", "augment"):
        tables[name] = document.tables.get(name, {})
        if not isinstance(tables[name], dict):
            raise UserError(f"{shown(document.where)}: {name} must be a section, [{name}]")
    section = problems.section("features")
    front_end = read_features(tables["features"], section)
    if front_end is not None:
        front_end.check_supported(section)
        limits = {"window": (16, 4096), "hop": (16, 4096), "frames": (1, 2000)}
        for key, (least, most) in limits.items():
            good = least <= getattr(front_end, key) <= most
            section.need(good, key, f"must be {least} to {most}")
    classes = tables["model"].get("classes", [])
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        problems.section("model").add("classes", "must be a list of names")
    problems.refuse(shown(document.where), document.lines)
    assert front_end is not None
    return Setup(front_end, tuple(classes), tables["augment"], document.where)


def find_sounds(folder: Path) -> tuple[list[tuple[Path, str]], list[str]]:
    """Finds sounds to show.

    Args:
        folder: A dataset, or a folder that `host data import` would take. Of a dataset the training
            clips are shown, or all clips if none has a set.

    Returns:
        (file, label) of each sound, and what is wrong with the folder, one line each.
    """
    from otolith.data.layouts import items_of
    from otolith.data.metadata import NAME, load

    if (folder / NAME).exists():
        metadata = load(folder)
        rows = [row for row in metadata.rows if row.set == "train"]
        rows = rows or [row for row in metadata.rows if not row.set]
        return [(folder / row.file, row.label) for row in rows], metadata.problems
    problems: list[str] = []
    items, _ = items_of(folder, "auto", "", None, problems.append)
    return [(item.path, item.label) for item in items], problems


def _choose(
    files: list[tuple[Path, str]], count: int, rng: np.random.Generator
) -> list[tuple[Path, str]]:
    """Draws `count` files, one label after the other, so that every label is shown."""
    by_label: dict[str, list] = {}
    for entry in files:
        by_label.setdefault(entry[1], []).append(entry)
    piles = [[pile[i] for i in rng.permutation(len(pile))] for pile in by_label.values()]
    chosen: list[tuple[Path, str]] = []
    while len(chosen) < count and any(piles):
        for pile in piles:
            if pile and len(chosen) < count:
                chosen.append(pile.pop())
    return chosen


def _start(pcm: np.ndarray, samples: int, rng: np.random.Generator) -> int:
    """Draws where a window of a clip begins; not where all is silent, if it can be avoided."""
    for _ in range(8):
        start = int(rng.integers(max(0, len(pcm) - samples) + 1))
        if np.abs(pcm[start : start + samples].astype(int)).max() > 30:
            break
    return start


def backgrounds_of(
    files: list[tuple[Path, str]], problems: list[str]
) -> tuple[list[np.ndarray], str]:
    """Finds sounds to mix in, and says where they are from."""
    found = []
    for path, _ in [entry for entry in files if entry[1].lower() in BACKGROUNDS][:200]:
        try:
            found.append(read_pcm(path, resample=True))
        except UserError as error:
            problems.append(error.message)
    if found:
        return found, f"{len(found)} sounds of the data"
    from otolith.synth.backgrounds import background

    rng = np.random.default_rng(0)
    made = [background(rng, 4 * RATE) * 1500 for _ in range(GENERATED)]
    sounds = [np.clip(np.round(x), -32768, 32767).astype(np.int16) for x in made]
    return sounds, f"{GENERATED} generated sounds, as the data has none"


def examples(
    setup: Setup, chosen: list[tuple[Path, str]], augmenter: Any, seed: int, problems: list[str]
) -> list[Example]:
    """Augments a window of each file; files that can't be read become lines in `problems`."""
    found = []
    with bar("examples", len(chosen)) as step:
        for number, (path, label) in enumerate(chosen):
            step()
            try:
                pcm = read_pcm(path, resample=True)
            except UserError as error:
                problems.append(error.message)
                continue
            start = _start(pcm, setup.samples, np.random.default_rng((seed, number)))
            pcm = np.pad(pcm, (0, max(0, setup.samples - len(pcm))))
            piece, window = augmenter.around(pcm, start, setup.samples)
            before = pcm[start : start + setup.samples]
            hits: dict[str, dict] = {}
            key = (seed, number, 0)
            place = augmenter.stock.classes.index(label)
            after, new = augmenter.audio(piece, place, key, window, hits)
            values = extract(after, setup.features)
            seen = (extract(before, setup.features), augmenter.features(values, key, hits))
            new_label = augmenter.stock.classes[new]
            found.append(Example(path.name, before, after, label, new_label, hits, seen))
    return found


def _value(name: str, value: Any) -> str:
    if not isinstance(value, float):
        return f"{name} {value}"
    return f"{name} {value:.3g}" if abs(value) < 1000 else f"{name} {value:.0f}"


def title(example: Example, long: bool = False) -> str:
    """The label and the augmentations that hit it; `long` adds what they drew."""
    label = example.label
    if example.new_label != label:
        label += f" -> {example.new_label}"
    names = []
    for name, notes in example.hits.items():
        drawn = [_value(key, v) for key, v in notes.items() if not isinstance(v, list)]
        names.append(f"{name} ({', '.join(drawn)})" if long and drawn else name)
    return f"{label}: {', '.join(names) or NOTHING}"


def draw(found: list[Example], file: Path) -> None:
    """Draws a row for each example: waveform and features, before and after."""
    from otolith.report.page import new_figure

    figure = new_figure(13, 1.9 * len(found) + 0.5)
    axes = figure.subplots(len(found), 4, squeeze=False)
    heads = ("before", "after", "before, as the chip sees it", "after")
    for row, example in zip(axes, found, strict=True):
        seconds = len(example.before) / RATE
        for axis, pcm in zip(row[:2], (example.before, example.after), strict=True):
            axis.plot(np.arange(len(pcm)) / RATE, pcm / 32768, linewidth=0.4, color="#24527a")
            top = max(0.02, np.abs(example.before.astype(int)).max() / 32768)
            top = max(top, np.abs(example.after.astype(int)).max() / 32768) * 1.05
            axis.set(xlim=(0, seconds), ylim=(-top, top))
        pair = example.seen or ()
        low, high = min(v.min() for v in pair), max(v.max() for v in pair)
        for axis, values in zip(row[2:], pair, strict=True):
            axis.imshow(
                values.T,
                origin="lower",
                aspect="auto",
                extent=(0, seconds, 0, values.shape[1]),
                vmin=low,
                vmax=max(high, low + 1),
                cmap="magma",
            )
        for axis in row:
            axis.tick_params(labelsize=6)
        row[2].set_ylabel("band", fontsize=7)
        row[0].set_title(f"{shown(example.file)[:40]}", fontsize=7, loc="left")
        row[1].set_title(_wrapped(title(example, long=True)), fontsize=6, loc="left", color="#a33")
    for axis, head in zip(axes[0], heads, strict=True):
        axis.annotate(
            head,
            (0.5, 1.0),
            (0, 30),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    for axis in axes[-1]:
        axis.set_xlabel("s", fontsize=7)
    with replacing(file) as temporary:
        figure.savefig(temporary, dpi=110, format="png", metadata={"Software": None})


def _wrapped(text: str) -> str:
    """Wraps a text into at most three lines for a title."""
    return "\n".join(textwrap.wrap(text, 150)[:3])


def listen(found: list[Example], device: str | None) -> None:
    """Plays each example: before, a pause, after."""
    try:
        import sounddevice
    except OSError as error:  # the library is Python's, PortAudio the system's
        raise UserError("PortAudio is missing: sudo apt-get install -y libportaudio2") from error
    where = int(device) if device and device.isdigit() else device
    pause = np.zeros(round(_SEPARATE * RATE), np.int16)
    for example in found:
        click.echo(f"{shown(example.file)}  {title(example, long=True)}")
        sound = np.concatenate([example.before, pause, example.after, pause])
        try:
            sounddevice.play(sound, RATE, device=where, blocking=True)
        except (sounddevice.PortAudioError, ValueError) as error:
            raise UserError(
                f"can't play: {str(error).splitlines()[0]}: no loudspeaker? (--device)"
            ) from error


def _plain(value: Any) -> Any:
    """Rounds floats for JSON."""
    return round(value, 4) if isinstance(value, float) and math.isfinite(value) else value


def _print_settings(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from otolith.augment.settings import described

        click.echo(described())
        context.exit()


@click.command(
    epilog="""\b
Examples:
  host data preview dataset --spec models/fire_alarm -o preview.png
  host data preview recordings/knocks --spec models/knocks --play --count 3
  host data preview --settings"""
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--spec",
    "model",
    type=click.Path(path_type=Path),
    required=True,
    help="Model folder or spec.toml: its [features] and [augment].",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="PNG file.")
@click.option("--play", "playing", is_flag=True, help="Play them: before, then after.")
@click.option("--device", help="Loudspeaker, by name or number.")
@click.option("--count", type=click.IntRange(1, 40), default=8, show_default=True, help="Examples.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=1,
    show_default=True,
    help="Seed of the choice of sounds and of augmentations.",
)
@click.option("--json", "as_json", is_flag=True, help="What was drawn, as JSON.")
@click.option(
    "--settings",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_settings,
    help="Print every augmentation with its settings, as a spec has them, and exit.",
)
def preview(
    folder: Path,
    model: Path,
    out: Path | None,
    playing: bool,
    device: str | None,
    count: int,
    seed: int,
    as_json: bool,
) -> None:
    """Show, play or list what [augment] makes of the sounds of FOLDER.

    FOLDER: a dataset (its training clips), or sounds in a folder a class. Backgrounds to mix in are
    the sounds of a class called background, noise or silence.
    """
    from otolith.augment.pipeline import Augmenter
    from otolith.augment.settings import parse

    setup = read_setup(model)
    settings = parse(setup.augment, setup.where)
    files, problems = find_sounds(folder)
    if not files:
        raise UserError(f"{shown(folder)}: no sounds in it")
    names = sorted({label for _, label in files} | {UNKNOWN})
    classes = [*setup.classes, *(name for name in names if name not in setup.classes)]
    behind: list[np.ndarray] = []
    source = ""
    if any(s.name == "background" and not getattr(s, "folder", "") for s in settings):
        behind, source = backgrounds_of(files, problems)
    augmenter = Augmenter(settings, classes, behind, UNKNOWN)
    chosen = _choose(files, count, np.random.default_rng(seed))
    found = examples(setup, chosen, augmenter, seed, problems)
    for problem in problems:
        click.echo(problem, err=True)
    if not found:
        raise UserError(f"{shown(folder)}: nothing in it can be read")
    if out:
        draw(found, out)
    if as_json:
        click.echo(json.dumps([_as_json(example) for example in found]))
    elif not playing:
        for example in found:
            click.echo(f"{shown(example.file)}  {title(example, long=True)}")
    if playing:
        listen(found, device)
    if not as_json:
        click.echo(
            f"{len(found)} examples of {len(files)} sounds, {len(settings)} augmentations"
            + (f"; backgrounds: {source}" if source else "")
            + (f": {out}" if out else "")
        )
    if problems:
        raise SystemExit(1)


def _as_json(example: Example) -> dict:
    hits = {
        name: {key: _plain(value) for key, value in notes.items()}
        for name, notes in example.hits.items()
    }
    return {
        "file": example.file,
        "label": example.label,
        "new_label": example.new_label,
        "hits": hits,
    }

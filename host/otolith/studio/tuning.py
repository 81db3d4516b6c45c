"""What the Features page does: settings of front ends, their picture and cost, augmentations."""

from __future__ import annotations

import base64
import dataclasses
import json
import secrets
import sys
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from otolith.audio.rate import RATE
from otolith.audio.wav_header import header
from otolith.augment.pipeline import Augmenter
from otolith.augment.registry import NAMES
from otolith.augment.registry import find as augmentation
from otolith.data.metadata import Row
from otolith.device.boards import load_boards, named
from otolith.errors import UserError, short, shown
from otolith.features import extract, min_max
from otolith.files import make_folder, write_text
from otolith.report.preview import UNKNOWN, Example, Setup, backgrounds_of, examples, title
from otolith.settings.features import FRONT_ENDS, FrontEnd, kind_named, preset, read_features
from otolith.settings.fields import About, about, default_of, settings_of
from otolith.settings.filling import BACKGROUNDS
from otolith.settings.front_ends.logmel import Fe
from otolith.settings.front_ends.presets import PRESETS
from otolith.settings.front_ends.spectrogram import HOPS
from otolith.settings.problems import Problems
from otolith.settings.spec import parse, spec_file
from otolith.settings.toml import with_section
from otolith.studio.clips import pcm_of, picture
from otolith.studio.projects import Project
from otolith.summarize.realtime import frame_cost
from otolith.untrusted import load_toml, read_text

MOST_S = 12.0  # of a clip that is drawn
MOST_LIMITS = 60  # clips that set the limits of compress = "minmax"
KEPT = 20  # specs that can be brought back
GROUPS = (
    ("Frames", ("sample_rate", "window", "hop", "frames")),
    ("Bands", ("bands", "mels", "low_hz", "high_hz", "filterbank")),
    ("Room and noise", ("settle", "noise_reduction", "pcan", "dc_notch")),
    ("Values", ("compress", "log_scale", "quantize_dynamic", "minimum", "maximum")),
    ("Activity", ("activity_detection",)),
)
# Where a slider ends. What lib/features takes is often wider, and check() says so in words.
_ENDS: dict[str, tuple[float, float]] = {
    "window": (32, 512),
    "hop": (16, 512),
    "frames": (1, 500),
    "bands": (1, 127),
    "mels": (2, 128),
    "low_hz": (0, 4000),
    "high_hz": (500, 8000),
    "settle": (0, 500),
    "filterbank_lower_band_limit": (0, 4000),
    "filterbank_upper_band_limit": (500, 8000),
    "noise_reduction_smoothing_bits": (0, 14),
    "pcan_offset": (1, 1000),
    "pcan_gain_bits": (1, 30),
    "quantize_dynamic_scale_range_db": (5, 120),
}


@dataclass(frozen=True)
class Knob:
    """A setting as the page shows it.

    Attributes:
        key: As in [features]; MLTK's begin with "fe.".
        group: Heading it stands under.
        text: What it does.
        unit: Of a number.
        type: "int", "float", "bool", "name" or "list".
        low, high: Ends of the slider.
        names: Values that can be chosen, if they are few.
        default: Its value if the spec does not say it.
        fixed: Why it can't be moved, or "".
    """

    key: str
    group: str
    text: str
    unit: str
    type: str
    low: float
    high: float
    names: tuple[str | int, ...]
    default: Any
    fixed: str


def _group(key: str) -> str:
    bare = key.removeprefix("fe.")
    return next((g for g, heads in GROUPS if bare.startswith(heads)), "Others")


def _type(hint: object) -> str:
    if typing.get_origin(hint) is tuple:
        return "list"
    names: dict[object, str] = {bool: "bool", int: "int", float: "float", str: "name"}
    return names[hint]


def _knob(kind: str, key: str, told: About, hint: object, default: object) -> Knob:
    bare = key.removeprefix("fe.")
    low, high = _ENDS.get(bare, (0.0, 1.0))
    limits = told.range
    if limits is not None and bare not in _ENDS and limits.high is not None:
        low, high = limits.low, limits.high
    names: tuple[str | int, ...] = told.names
    fixed = ""
    if bare == "sample_rate":
        fixed = "all front ends hear 16 kHz"
    elif kind == "spectrogram" and bare in ("window", "bands"):
        fixed = "the spectrogram's size"
    elif kind == "spectrogram" and bare == "hop":
        names = HOPS
    elif kind == "lfbe" and bare in ("window", "hop"):
        fixed = "of the reference"
    elif bare in ("minimum", "maximum"):
        fixed = 'from the clips, for compress = "minmax"'
    elif len(names) == 1:
        fixed = "the only one"
    if kind == "lfbe" and bare == "bands":
        low, high = 2, 64
    if isinstance(default, tuple):
        default = list(default)
    return Knob(
        key, _group(key), told.text, told.unit, _type(hint), low, high, names, default, fixed
    )


def knobs(kind: str) -> list[Knob]:
    """All settings of a kind of front end, in their groups."""
    cls = kind_named(kind)
    hints, mltk = typing.get_type_hints(cls), typing.get_type_hints(Fe)
    found: list[Knob] = []
    for name, declared in settings_of(cls).items():
        told = about(declared)
        if name == "fe":
            found += [
                _knob(kind, f"fe.{inner}", about(one), mltk[inner], default_of(one))
                for inner, one in settings_of(Fe).items()
            ]
        elif told.in_spec:
            found.append(_knob(kind, name, told, hints[name], default_of(declared)))
    order = [group for group, _ in GROUPS]
    return sorted(found, key=lambda k: order.index(k.group) if k.group in order else len(order))


def table_of(front_end: FrontEnd) -> dict[str, Any]:
    """A front end as flat keys of [features], all of them written out."""
    found: dict[str, Any] = {"kind": front_end.kind}
    for name, declared in settings_of(type(front_end)).items():
        value = getattr(front_end, name)
        if name == "fe":
            found |= {f"fe.{key}": inner for key, inner in vars(value).items()}
        elif about(declared).in_spec:
            found[name] = list(value) if isinstance(value, tuple) else value
    return found


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in flat.items():
        if key.startswith("fe."):
            table.setdefault("fe", {})[key.removeprefix("fe.")] = value
        else:
            table[key] = value
    return table


def front_end_of(project: Project, flat: Mapping[str, Any]) -> FrontEnd:
    """The front end of flat keys, as a spec would have it.

    Limits for compress = "minmax" that are missing come from the project's clips.

    Args:
        project: The project.
        flat: Keys and values, as table_of() gives them.

    Raises:
        UserError: Something is wrong. The message lists every problem.
    """
    if len(flat) > 100:
        raise UserError("more settings than there are")
    table = _nested(flat)
    bands = table.get("bands")
    if table.get("compress") != "minmax":
        table = {k: v for k, v in table.items() if k not in ("minimum", "maximum")}
    elif len(table.get("minimum") or ()) != bands or len(table.get("maximum") or ()) != bands:
        plain = _read({**table, "compress": "linear", "minimum": [], "maximum": []})
        table["minimum"], table["maximum"] = min_max(
            extract(_pcm(project, row), plain) for row in _clips(project)[:MOST_LIMITS]
        )
    return _read(table)


def _read(table: Mapping[str, Any]) -> FrontEnd:
    problems = Problems()
    section = problems.section("features")
    found = read_features(table, section)
    if found is not None:
        found.check(section)
    problems.refuse("settings")
    assert found is not None
    return found


def _clips(project: Project) -> list[Row]:
    rows = project.rows().rows
    return [r for r in rows if r.set == "train"] or rows


def _pcm(project: Project, row: Row) -> np.ndarray:
    return pcm_of(project, row.file)[: round(MOST_S * RATE)]


def overview(project: Project) -> dict[str, Any]:
    """Everything that the page shows first."""
    spec = project.spec()
    presets = {name: table_of(preset(name)) for name in PRESETS}
    return {
        "now": table_of(spec.features),
        "board": spec.deploy.board,
        "kinds": {kind: [vars(k) for k in knobs(kind)] for kind in FRONT_ENDS},
        "defaults": {kind: table_of(kind_named(kind)()) for kind in FRONT_ENDS},
        "presets": presets,
        "boards": [{"id": b.id, "name": b.name} for b in load_boards() if b.qemu is None],
        "augmentations": [{"name": n, "about": _about(n)} for n in NAMES],
        "in_spec": [s.name for s in spec.augment.sections],
        "trained": project.tflite.exists(),
    }


def _about(name: str) -> str:
    module = sys.modules[augmentation(name).__module__]
    return " ".join((module.__doc__ or "").split("\n\n")[0].split())


def text64(data: bytes) -> str:
    """Bytes for JSON."""
    return base64.b64encode(data).decode("ascii")


def look(project: Project, file: str, flat: Mapping[str, Any], board: str) -> dict[str, Any]:
    """The picture of a clip and the cost of a frame with some settings.

    Args:
        project: The project.
        file: A clip, as in metadata.csv; "" draws none.
        flat: The settings.
        board: Id of a board.

    Returns:
        problem: What is wrong, in words; then nothing else is there. picture: as clips.picture(),
        in base64. settings: all of them, with limits filled in. cost: or None if the board's core
        was not measured.

    Raises:
        UserError: There is no such clip or board.
    """
    where = named(board)
    pcm = pcm_of(project, file)[: round(MOST_S * RATE)] if file else np.empty(0, np.int16)
    try:
        front_end = front_end_of(project, flat)
    except UserError as error:
        return {"problem": error.message.replace("settings: [features] ", "")}
    cost = frame_cost(front_end, where)
    return {
        "problem": "",
        "settings": table_of(front_end),
        "picture": text64(picture(pcm, front_end)),
        "frame_ms": front_end.hop_ms,
        "window_s": front_end.samples / front_end.sample_rate,
        "window_bytes": front_end.window_bytes,
        "ram": where.ram,
        "cost_ms": list(cost.ms) if cost else None,
    }


def use(project: Project, flat: Mapping[str, Any]) -> str:
    """Write settings into the [features] section of spec.toml.

    Returns:
        What bring_back() takes.

    Raises:
        UserError: The settings do not fit the spec, or the disk can't be written.
    """
    file = spec_file(project.folder)
    before = read_text(file)
    front_end = front_end_of(project, flat)
    table = {
        key: value
        for key, value in _nested(_told(front_end)).items()
        if key not in ("minimum", "maximum") or value
    }
    after = with_section(before, "features", table)
    parse(load_toml(after), shown(file.name))  # what is written must be what is read
    id = f"{datetime.now():%Y%m%d%H%M%S%f}-{secrets.token_hex(3)}"
    top = project.state / "specs"
    make_folder(top)
    write_text(top / f"{id}.json", json.dumps({"before": before, "after": after}))
    for old in sorted(top.glob("*.json"))[:-KEPT]:
        old.unlink(missing_ok=True)
    write_text(file, after)
    return id


def _told(front_end: FrontEnd) -> dict[str, Any]:
    """The keys worth writing: sizes, and what differs from the defaults."""
    defaults = table_of(type(front_end)())
    always = ("kind", "window", "hop", "frames", "bands", "compress")
    return {
        key: value
        for key, value in table_of(front_end).items()
        if key in always or value != defaults[key]
    }


def bring_back(project: Project, id: str) -> None:
    """Undo use(). Raises UserError if spec.toml was changed since."""
    kept = project.state / "specs" / f"{id}.json"
    if not id.replace("-", "").isalnum() or not id.isascii() or not kept.is_file():
        raise UserError("this can't be undone any more: it was too long ago")
    texts = json.loads(kept.read_text("utf-8"))
    file = spec_file(project.folder)
    if read_text(file) != texts["after"]:
        raise UserError("spec.toml was changed since: undo it there")
    write_text(file, texts["before"])
    kept.unlink(missing_ok=True)


def augmented(
    project: Project, file: str, flat: Mapping[str, Any], names: list[str], seed: int
) -> dict[str, Any]:
    """A window of a clip before and after augmentation, as `host data preview` shows it.

    Args:
        project: The project.
        file: The clip, as in metadata.csv.
        flat: Settings of the front end.
        names: Augmentations to apply for certain, with their default settings. Empty: those of the
            spec, each with its probability.
        seed: Of the random draws.

    Returns:
        title: What was applied, in words; before, after: picture and sound (WAV) in base64.

    Raises:
        UserError: There is no such clip or augmentation, or one lacks what it needs.
    """
    spec = project.spec()
    rows = project.rows()
    row = rows.by_file().get(file)
    if row is None:
        raise UserError(f"{short(shown(file))} is not in the dataset any more: reload the page")
    pcm_of(project, file)  # also refuses what leads out of the dataset
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise UserError(f"no augmentation {short(shown(unknown[0]))}")
    settings = [dataclasses.replace(augmentation(name)(), probability=1.0) for name in names]
    if not names:
        settings = list(spec.augment.sections)
    labels = {r.label for r in rows.rows} - set(spec.model.classes)
    classes = (*spec.model.classes, *sorted(labels | {UNKNOWN}))
    problems: list[str] = []
    behind: list[np.ndarray] = []
    if any(s.name == "background" and not getattr(s, "folder", "") for s in settings):
        files = [(project.dataset / r.file, r.label) for r in rows.rows if r.label in BACKGROUNDS][
            :20
        ]
        behind, _ = backgrounds_of(files, problems)
    setup = Setup(front_end_of(project, flat), classes, {}, "spec.toml")
    chosen = [(project.dataset / file, row.label)]
    (made,) = examples(setup, chosen, Augmenter(settings, classes, behind, UNKNOWN), seed, problems)
    return {
        "title": title(made, long=True),
        "before": _shown_part(made, 0),
        "after": _shown_part(made, 1),
    }


def _shown_part(made: Example, which: int) -> dict[str, str]:
    assert made.seen is not None
    values = made.seen[which].astype(np.int32)
    low = min(int(v.min()) for v in made.seen if v.size)
    high = max(int(v.max()) for v in made.seen if v.size)
    drawn = (values - low) * 255 // max(1, high - low)
    head = np.array(values.shape, "<u2").tobytes()
    pcm = (made.before, made.after)[which].astype("<i2").tobytes()
    return {
        "picture": text64(head + drawn.astype(np.uint8).tobytes()),
        "sound": text64(header(len(pcm)) + pcm),
    }

"""Cross-validation: every fold, or every group, tests once; what is reported is their mean."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from otolith.data.clips import open_rows
from otolith.data.sets import always_trains, group_of
from otolith.data.synthetic import folder_of
from otolith.errors import UserError
from otolith.files import write_text
from otolith.settings.spec import Spec

FIGURES = ("clip_accuracy", "float_clip_accuracy", "int8_accuracy", "float_accuracy")


def turns(spec: Spec) -> dict[str, Spec]:
    """A spec for each fold (ESC layout, split = "kfold") or group (split = "group") that tests."""

    def with_data(**changes: object) -> Spec:
        return dataclasses.replace(spec, data=dataclasses.replace(spec.data, **changes))

    data = spec.data
    if data.kind == "esc":
        folds = sorted({*data.train_folds, *data.test_folds})
        return {
            f"fold {fold}": with_data(
                train_folds=[f for f in folds if f != fold], test_folds=[fold]
            )
            for fold in folds
        }
    if data.split == "kfold":
        return {f"fold {fold}": with_data(fold=fold) for fold in range(1, data.folds + 1)}
    if data.split == "group":
        rows = [r for r in open_rows(folder_of(spec)).rows]
        group = group_of(data, rows)
        names = sorted({group(row) for row in rows if row.label in spec.model.classes})
        names = [name for name in names if not always_trains(data, name)]
        return {f"{data.group} {name}": with_data(test_groups=[name]) for name in names}
    raise UserError(
        'cross-validation needs folds or groups: [data] kind = "esc", or kind = "dataset" with '
        'split = "kfold" or "group"'
    )


def cross_validate(
    spec: Spec, out: Path, train: Callable[[Spec, Path], dict], console: Console
) -> dict:
    """Train once for each turn, into out/cross/<turn>; cross_validation.json and a table sum up.

    Turns whose metrics are there for these very settings are not trained again."""
    found = {}
    for name, turn in turns(spec).items():
        folder = out / "cross" / "".join(c if c.isalnum() else "_" for c in name)
        mark = json.dumps(dataclasses.asdict(turn), sort_keys=True, default=str)
        metrics = _kept(folder, mark)
        if metrics is None:
            console.print(name, highlight=False)
            metrics = train(turn, folder)
            if metrics["stopped"].startswith("interrupted"):
                raise KeyboardInterrupt
            write_text(folder / "settings.json", mark)
        found[name] = metrics
    summary = {
        "model": spec.model.name,
        "turns": {
            name: {key: m[key] for key in (*FIGURES, "weights_bytes", "arena_bytes", "seconds")}
            for name, m in found.items()
        },
        "mean": {key: float(np.mean([m[key] for m in found.values()])) for key in FIGURES},
        "deviation": {key: float(np.std([m[key] for m in found.values()])) for key in FIGURES},
    }
    write_text(out / "cross_validation.json", json.dumps(summary, indent=2) + "\n")
    _show(console, summary)
    return summary


def _kept(folder: Path, mark: str) -> dict | None:
    try:
        if (folder / "settings.json").read_text(encoding="utf-8") != mark:
            return None
        return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _show(console: Console, summary: dict) -> None:
    table = Table(title=f"{summary['model']}: who was left out of training tests")
    columns = ("left out", "clips, int8", "clips, float", "windows, int8", "windows, float")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for name, row in summary["turns"].items():
        table.add_row(name, *(f"{row[key]:.1%}" for key in FIGURES))
    table.add_section()
    table.add_row("mean", *(f"{summary['mean'][key]:.1%}" for key in FIGURES))
    console.print(table)

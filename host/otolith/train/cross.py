"""Cross-validation: every fold or group tests once, and their mean is reported."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from otolith.data.clips import open_rows
from otolith.data.sets import always_trains, group_of
from otolith.data.synthetic import folder_of
from otolith.errors import UserError, shown
from otolith.evaluate.tables import text
from otolith.files import write_text
from otolith.progress import is_quiet
from otolith.report.results import Metrics
from otolith.settings.spec import Spec

FIGURES = ("clip_accuracy", "float_clip_accuracy", "int8_accuracy", "float_accuracy")
KEPT = (*FIGURES, "weights_bytes", "arena_bytes", "seconds")  # in cross_validation.json


def turns(spec: Spec) -> dict[str, Spec]:
    """Makes a spec for each fold or group, in which that one tests.

    Raises:
        UserError: The data have no folds or groups.
    """

    def with_data(**changes: Any) -> Spec:
        return dataclasses.replace(spec, data=dataclasses.replace(spec.data, **changes))

    data = spec.data
    if data.split == "kfold":
        return {f"fold {fold}": with_data(fold=fold) for fold in range(1, data.folds + 1)}
    if data.split == "group":
        rows = [r for r in open_rows(folder_of(spec)).rows]
        group = group_of(data, rows)
        names = sorted({group(row) for row in rows if row.label in spec.model.classes})
        names = [name for name in names if not always_trains(data, name)]
        return {f"{data.group} {name}": with_data(test_groups=[name]) for name in names}
    raise UserError('cross-validation needs folds or groups: [data] split = "kfold" or "group"')


@dataclass(frozen=True)
class Summary:
    """A cross-validation. turns: The metrics of each. mean, deviation: Of the FIGURES."""

    model: str
    turns: dict[str, Metrics]
    mean: dict[str, float]
    deviation: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """As in cross_validation.json."""
        return {
            "model": self.model,
            "turns": {name: {k: getattr(m, k) for k in KEPT} for name, m in self.turns.items()},
            "mean": self.mean,
            "deviation": self.deviation,
        }


def cross_validate(
    spec: Spec, out: Path, train: Callable[[Spec, Path], Metrics], console: Console
) -> Summary:
    """Trains once for each turn and sums up.

    Turns that were trained before with the very same settings are not trained again.

    Args:
        spec: The model's settings.
        out: Each turn trains in out/cross/<turn>; out/cross_validation.json gets the summary.
        train: Trains a spec in a folder.
        console: Shows a table of all turns.

    Raises:
        UserError: The data have no folds or groups.
        KeyboardInterrupt: A training was interrupted.
    """
    found = {}
    for name, turn in turns(spec).items():
        folder = out / "cross" / "".join(c if c.isalnum() else "_" for c in name)
        mark = json.dumps(dataclasses.asdict(turn), sort_keys=True, default=str)
        metrics = _kept(folder, mark)
        if metrics is None:
            if not is_quiet():
                console.print(shown(name), highlight=False, markup=False)
            metrics = train(turn, folder)
            if metrics.interrupted:
                raise KeyboardInterrupt
            write_text(folder / "settings.json", mark)
        found[name] = metrics
    rows = {key: [getattr(m, key) for m in found.values()] for key in FIGURES}
    summary = Summary(
        spec.model.name,
        found,
        {key: float(np.mean(values)) for key, values in rows.items()},
        {key: float(np.std(values)) for key, values in rows.items()},
    )
    write_text(out / "cross_validation.json", json.dumps(summary.to_json(), indent=2) + "\n")
    _show(console, summary)
    return summary


def _kept(folder: Path, mark: str) -> Metrics | None:
    try:
        if (folder / "settings.json").read_text(encoding="utf-8") != mark:
            return None
        return Metrics.from_json(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _show(console: Console, summary: Summary) -> None:
    table = Table(title=text(f"{summary.model}: each turn tests what it did not train on"))
    columns = ("left out", "clips, int8", "clips, float", "windows, int8", "windows, float")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for name, metrics in summary.turns.items():
        table.add_row(text(name), *(f"{getattr(metrics, key):.1%}" for key in FIGURES))
    table.add_section()
    table.add_row("mean", *(f"{summary.mean[key]:.1%}" for key in FIGURES))
    console.print(table)

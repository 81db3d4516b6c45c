"""Reports the results of a sweep: a table, the best settings, an HTML page with plots."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from otolith.files import write_text
from otolith.report.page import STYLE, new_figure, png
from otolith.sweep.space import Range, Space, Value
from otolith.sweep.worker import LOST, NEEDS, OVER, REASON

UNITS = {"flash": "bytes of flash", "ram": "bytes of RAM", "latency_ms": "ms"}


def best_first(study: Any) -> list:
    """The trials that have a result, best first."""
    done = [t for t in study.get_trials(deepcopy=False) if t.value is not None]
    return sorted(done, key=lambda t: (-t.value, t.number))


def words(trial: Any) -> str:
    """Describes how a trial ended."""
    if trial.value is not None:
        return f"{trial.value:.1%}"
    excess = trial.user_attrs.get(OVER)
    if excess:
        return ", ".join(
            f"{value:,.{name == 'latency_ms':d}f} {UNITS[name]} too much"
            for name, value in excess.items()
        )
    usual = "taken over" if trial.user_attrs.get(LOST) else trial.state.name.lower()
    return trial.user_attrs.get(REASON, usual)


def settings(values: dict[str, Value]) -> str:
    """Formats values, by "section.key", as the lines of a spec."""
    sections: dict[str, list[str]] = {}
    for name, value in values.items():
        section, _, key = name.rpartition(".")
        text = f"{value:.6g}" if isinstance(value, float) else json.dumps(value)
        sections.setdefault(section, []).append(f"{key} = {text}")
    return "\n".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections.items())


def show(console: Console, study: Any, space: Space, most: int = 10) -> None:
    """Prints a table of the `most` best trials."""
    table = Table(title="best trials (validation accuracy)")
    for column in ("trial", "accuracy", *space.varied):
        table.add_column(column, justify="right")
    for trial in best_first(study)[:most]:
        values = [trial.params.get(name) for name in space.varied]
        cells = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in values]
        table.add_row(str(trial.number), words(trial), *cells)
    console.print(table)


def _history(trials: list) -> str:
    figure = new_figure(9, 3)
    axis = figure.subplots()
    done = [t for t in trials if t.value is not None]
    axis.plot([t.number for t in done], [t.value for t in done], "o")
    best, line = 0.0, []
    for trial in done:
        best = max(best, trial.value)
        line.append(best)
    axis.plot([t.number for t in done], line, drawstyle="steps-post")
    axis.set_xlabel("trial")
    axis.set_ylabel("validation accuracy")
    return png(figure)


def _by_setting(trials: list, space: Space) -> str:
    names = list(space.varied)
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(3 * columns, 2.6 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(names) :]:
        axis.axis("off")
    done = [t for t in trials if t.value is not None]
    for axis, name in zip(axes, names, strict=False):
        kind = space.varied[name]
        values = [t.params[name] for t in done if name in t.params]
        known = [t.value for t in done if name in t.params]
        axis.plot(values if isinstance(kind, Range) else [str(v) for v in values], known, "o")
        if isinstance(kind, Range) and kind.log:
            axis.set_xscale("log")
        axis.set_xlabel(name)
    return png(figure)


def write(out: Path, study: Any, space: Space) -> None:
    """Writes best.toml and report.html to a folder."""
    known = study.get_trials(deepcopy=False)
    trials = [
        t
        for t in known
        if t.state.is_finished() and (REASON in t.user_attrs or not t.user_attrs.get(LOST))
    ]
    ranked = best_first(study)
    if ranked:
        best = ranked[0]
        head = f"# trial {best.number}: validation accuracy {best.value:.4f}\n"
        write_text(out / "best.toml", head + settings(best.params))
    rows = "".join(
        f"<tr><td>{t.number}</td><td>{html.escape(words(t))}</td>"
        f"<td>{html.escape(json.dumps(t.params))}</td>"
        f"<td>{html.escape(json.dumps(t.user_attrs.get(NEEDS, {})))}</td></tr>"
        for t in trials
    )
    pictures = ""
    if ranked:
        pictures = (
            f'<img alt="accuracy by trial" src="{_history(trials)}">'
            f'<img alt="accuracy by setting" src="{_by_setting(trials, space)}">'
        )
    write_text(
        out / "report.html",
        f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(study.study_name)}: sweep</title>
<style>{STYLE}</style></head><body><h1>{html.escape(study.study_name)}</h1>
{pictures}
<table><tr><th>trial</th><th>result</th><th>settings</th><th>takes</th></tr>{rows}</table>
</body></html>
""",
    )

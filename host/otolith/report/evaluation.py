"""An evaluation as a section of report.html, or as a page of its own."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from otolith.report.page import STYLE, new_figure, png
from otolith.report.results import ClassCurve, ClipFigures, Hits, Promise, Rate, StreamFigures
from otolith.report.words import plain, seconds, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNK = "UNK"
ROWS = 12  # recordings drawn
RATES = (0.1, 0.5, 1, 2, 10)  # false accepts an hour that the table of a curve has
WRONG = 20  # clips listed


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """An HTML table; cells are text."""
    first = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    lines = [
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    ]
    return f"<table>{f'<tr>{first}</tr>' if head else ''}{''.join(lines)}</table>"


def _image(figure: Figure, what: str) -> str:
    return f'<img alt="{what}" src="{png(figure)}">'


def _color(number: int) -> tuple[float, float, float, float]:
    import matplotlib

    palette = matplotlib.colormaps["tab20" if number < 20 else "Set3"]
    return palette(number % 20 % palette.N)


def _confusion(result: ClipFigures) -> str:
    columns = [*result.labels, UNK]
    rows = columns if any(result.confusion[-1]) else result.labels
    table = np.array(result.confusion)[: len(rows)]
    size = 2.5 + 0.55 * len(rows)
    figure = new_figure(size + 2, size)
    axis = figure.subplots()
    axis.imshow(table / np.maximum(1, table.sum(1, keepdims=True)), cmap="Blues", vmin=0, vmax=1)
    axis.axvline(len(result.labels) - 0.5, color="k", linewidth=0.8)
    axis.set_xticks(range(len(columns)), _plain_text(columns), rotation=45, ha="right")
    axis.set_yticks(range(len(rows)), _plain_text(rows))
    axis.set_xlabel("heard (UNK: best score below its threshold)")
    axis.set_ylabel("played")
    for (row, column), count in np.ndenumerate(table):
        dark = count > 0.5 * table[row].sum()
        axis.text(column, row, str(count), ha="center", va="center", color="w" if dark else "k")
    return _image(figure, "confusion matrix with unknowns")


def _plain_text(names: Sequence[str]) -> list[str]:
    """Names as matplotlib shows them: $ would start a formula, a leading _ hides a legend line."""
    return [name.replace("$", r"\$").removeprefix("_") or "-" for name in names]


def _roc(result: ClipFigures) -> str:
    figure = new_figure(7, 5)
    axis = figure.subplots()
    names = _plain_text(result.labels)
    for c, (name, figures, curves) in enumerate(
        zip(names, result.classes, result.curves, strict=True)
    ):
        if len(curves.hits):
            label = f"{name} {plain(figures.roc_auc)}"
            axis.plot(curves.alarms, curves.hits, color=_color(c), label=label)
    axis.plot([0, 1], [0, 1], color="0.8", linewidth=0.8)
    axis.set_xlabel("false positives, share of the other sounds")
    axis.set_ylabel("recall")
    if len(axis.lines) > 1:
        axis.legend(title="area", fontsize=8, loc="lower right", ncols=1 + len(result.labels) // 13)
    return _image(figure, "ROC curves")


def _sweep(result: ClipFigures) -> str:
    figure = new_figure(9, 4)
    axis = figure.subplots()
    names = _plain_text(result.labels)
    for c, (name, figures, curves) in enumerate(
        zip(names, result.classes, result.curves, strict=True)
    ):
        if not len(curves.f1):
            continue
        color, best = _color(c), figures.picked
        axis.plot(curves.thresholds, curves.f1, color=color, label=name)
        if best.threshold is not None and best.f1 is not None:
            axis.plot(best.threshold, best.f1, "o", color=color)
        if figures.threshold:
            axis.axvline(figures.threshold, color=color, linestyle=":", linewidth=1)
    axis.set_xlabel("threshold (dots: best; dotted: the model's)")
    axis.set_ylabel("F1")
    figure.legend(fontsize=8, loc="outside right upper")
    return _image(figure, "F1 by threshold")


def _timeline(result: StreamFigures) -> str:
    shown = result.timelines[:ROWS]
    figure = new_figure(10, 1.2 + 2.0 * len(shown))
    colors = {label: _color(n) for n, label in enumerate(result.heard)}
    for axis, r in zip(figure.subplots(len(shown), squeeze=False).ravel(), shown, strict=True):
        times = np.arange(1, len(r.curve) + 1) * r.curve_ms / 1000
        for label in (label for label in result.heard if label in result.labels):  # not unknown
            axis.plot(times, r.curve[:, result.labels.index(label)], color=colors[label], lw=0.8)
        for stretch in r.stretches:
            axis.axvspan(
                stretch.start_ms / 1000,
                stretch.end_ms / 1000,
                color=colors[stretch.label],
                alpha=0.3,
                hatch=None if stretch.hit else "///",
            )
        for mark in r.marks:
            sign, color = ("x", "red") if mark.wrong else ("v", colors[mark.label])
            axis.plot(mark.t_ms / 1000, 1.06, sign, color=color, clip_on=False, markersize=7)
        axis.set_ylim(0, 1.12)
        axis.set_xlim(0, max(r.duration_ms / 1000, 0.001))
        axis.set_title(r.name.rpartition("/")[2].replace("$", r"\$"), fontsize=9, loc="left")
        axis.set_xlabel("s")
    for label, name in zip(result.heard, _plain_text(result.heard), strict=True):
        axis.plot([], [], color=colors[label], label=name)
    figure.legend(fontsize=8, loc="outside right upper")
    return _image(figure, "timeline of the recordings")


def _wrong(result: ClipFigures) -> str:
    """The worst clips, with a player where the sound is at hand."""
    if not result.wrong:
        return "<h3>Wrong clips</h3><p>None.</p>"
    rows = []
    for clip in result.wrong[:WRONG]:
        cells = (clip.name, clip.truth, clip.said, plain(clip.score, 2), plain(clip.truth_score, 2))
        line = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        sound = result.audio.get(clip.clip)
        player = ""
        if sound is not None:
            data = base64.b64encode(sound).decode()
            player = f'<audio controls preload="none" src="data:audio/flac;base64,{data}"></audio>'
        rows.append(f"<tr>{line}<td>{player}</td></tr>")
    heads = ("clip", "is", "heard as", "score", "its own", "listen")
    more = len(result.wrong) - WRONG
    return (
        "<h3>Wrong clips</h3><p>The worst first: those whose score is furthest above that of the "
        "right class.</p><table><tr>"
        + "".join(f"<th>{head}</th>" for head in heads)
        + f"</tr>{''.join(rows)}</table>"
        + (f"<p>{more:,} more are not listed.</p>" if more > 0 else "")
    )


def clip_section(s: ClipFigures) -> str:
    """Renders clips: figures, classes, wrong clips, confusion, ROC, thresholds."""
    low, high = s.accuracy_95
    least = s.baseline
    figures = [
        ("clips", f"{s.clips:,} ({s.windows:,} windows)"),
        ("accuracy, best score", f"{share(s.accuracy)} ({share(low)} to {share(high)})"),
        *([(f"always answering {least.label}", share(least.accuracy))] if least else []),
        ("accuracy with thresholds", share(s.accuracy_with_thresholds)),
        ("accuracy of single windows", share(s.window_accuracy)),
        ("below threshold", share(s.unknown)),
        ("mean F1, mean ROC-AUC", f"{plain(s.macro_f1)}, {plain(s.macro_roc_auc)}"),
    ]
    rows = [
        (
            c.label,
            c.clips,
            *(share(value) for value in (c.precision, c.recall)),
            *(plain(value) for value in (c.f1, c.roc_auc)),
            plain(c.threshold, 2) if c.threshold else "none",
            f"{plain(c.picked.threshold, 2)} (F1 {plain(c.picked.f1)})",
        )
        for c in s.classes
    ]
    head = ("class", "clips", "precision", "recall", "F1", "ROC-AUC", "threshold", "best threshold")
    return (
        "<h2>Clips</h2><p>On the project's C engine; in brackets the 95 % confidence interval.</p>"
        + _table((), figures)
        + "".join(f"<p>Warning: {html.escape(line)}</p>" for line in s.warnings)
        + _table(head, rows)
        + "<p>The best thresholds are picked on these very sounds: check them on others.</p>"
        + _wrong(s)
        + f"<h3>Confusion</h3>{_confusion(s)}<h3>ROC, each class against the rest</h3>"
        + f"{_roc(s)}<h3>Thresholds</h3>{_sweep(s)}"
    )


def _cells(label: str, c: Hits) -> tuple[object, ...]:
    return (
        *(label, c.labels, c.hits, c.misses, c.repeats, c.false_alarms),
        plain(c.false_alarms_per_hour, 2),
        plain(c.false_alarms_per_hour_at_most, 2),
        seconds(c.latency_ms.mean),
        seconds(c.latency_ms.p90),
    )


def stream_section(s: StreamFigures) -> str:
    """Renders long recordings: hits, misses, false alarms, latency, timeline."""
    rows = [_cells(c.label, c.hits) for c in s.classes] + [_cells("all", s.total)]
    head = ("class", "labels", "hits", "misses", "repeats", "false alarms", "an hour", "at most")
    more = len(s.timelines) - ROWS
    return (
        f"<h2>Recordings</h2><p>{s.recordings} recordings, {s.hours:.3f} hours, through the "
        f"chain the chip runs. An event may come {s.early_ms / 1000:g} s before its label's "
        f"start to {s.late_ms / 1000:g} s after its end. At most: false alarms an hour with "
        "95 % confidence.</p>"
        + _table((*head, "latency, mean", "p90"), rows)
        + "<p>Shaded: labels (hatched: missed). Curves: smoothed scores. Triangles: right events, "
        f"crosses: false alarms.{f' {more} more recordings are not drawn.' if more > 0 else ''}</p>"
        + _timeline(s)
        + curves_part(s.curves)
    )


def curves_part(curves: Sequence[ClassCurve]) -> str:
    """Renders misses against false accepts an hour; nothing where no class makes events."""
    if not curves:
        return ""
    hours = curves[0].hours
    rows = [
        (
            c.label,
            c.positives,
            *(at_most(c, rate) for rate in RATES),
        )
        for c in curves
    ]
    head = ("class", "positives", *(f"at {rate:g} an hour" for rate in RATES))
    return (
        f"<h3>Misses against false accepts</h3><p>Each class alone, on {hours:.2f} hours. The "
        "table has the lowest threshold that gives no more false accepts an hour, and the misses "
        "there. In the picture a dot marks the model's threshold, and bars the 95 % confidence "
        "interval of its rate.</p>" + _table(head, rows) + _curve(curves)
    )


def at_most(curve: ClassCurve, rate: float) -> str:
    """The lowest threshold with no more false accepts an hour, and its misses."""
    good = [p for p in curve.points if p.per_hour <= rate]
    if not good:
        return "-"
    point = good[-1]
    missed = f", {point.misses} of {curve.positives} missed" if curve.positives else ""
    return f"{point.threshold:.3f}{missed}"


def _curve(curves: Sequence[ClassCurve]) -> str:
    figure = new_figure(9, 4)
    axis = figure.subplots()
    for number, (c, name) in enumerate(
        zip(curves, _plain_text([c.label for c in curves]), strict=True)
    ):
        if not c.points:
            continue
        least = 0.5 / c.hours  # where none was counted: a logarithmic axis has no 0
        accepts = [max(least, p.per_hour) for p in c.points]
        height = [p.misses / c.positives if c.positives else p.threshold for p in c.points]
        axis.step(accepts, height, where="post", color=_color(number), label=name)
        above = [i for i, p in enumerate(c.points) if p.threshold >= c.threshold - 1e-4]
        at = above[-1] if above else 0
        point = c.points[at]
        error = [[max(0.0, accepts[at] - point.low)], [max(0.0, point.high - accepts[at])]]
        axis.errorbar(accepts[at], height[at], xerr=error, fmt="o", color=_color(number))
    axis.set_xscale("log")
    axis.set_xlabel("false accepts an hour")
    axis.set_ylabel("missed" if any(c.positives for c in curves) else "threshold")
    axis.legend(fontsize=8)
    return _image(figure, "misses against false accepts an hour")


def promise_section(p: Promise) -> str:
    """Renders thresholds that were chosen for a rate of false accepts."""
    rows = []
    for n, label in enumerate(p.labels):
        rate = p.after.false_accepts[n]
        rows.append(
            (
                label,
                f"{p.before.thresholds[n]:g}",
                f"{p.after.thresholds[n]:g}",
                f"{p.before.misses[n]} of {p.positives[n]}",
                f"{p.after.misses[n]} of {p.positives[n]}",
                p.before.false_accepts[n].count,
                rate_text(rate),
            )
        )
    misses = (str(sum(p.before.misses)), str(sum(p.after.misses)))
    every = ("all", "", "", *misses, p.before.total.count)
    rows.append((*every, rate_text(p.after.total)))
    head = ("class", "threshold before", "after", "missed before", "after", "false accepts before")
    held = (
        f"<p>Each part judged by thresholds chosen on the other parts: {rate_text(p.held_out)} an "
        "hour.</p>"
        if p.held_out
        else ""
    )
    return (
        f"<h2>False accepts</h2><p>Promised: {p.asked:g} an hour, all classes together. Thresholds "
        f"and smoothing ({p.before.smoothing} to {p.after.smoothing} hops) were chosen on "
        f"{p.hours:.2f} hours in {p.recordings} recordings that had no part in training. These "
        "figures are of the very sounds of the choice.</p>"
        + "".join(f"<p>Warning: {html.escape(line)}</p>" for line in p.warnings)
        + _table((*head, "after, an hour (95 %)"), rows)
        + held
        + curves_part(p.curves)
    )


def rate_text(rate: Rate) -> str:
    """A rate and its interval: "0.7 (0.1 to 2.4)"."""
    return f"{rate.per_hour:.2g} ({rate.low:.2g} to {rate.high:.2g})"


def evaluation_section(figures: ClipFigures | StreamFigures) -> str:
    """Renders an evaluation as HTML to put in a page; pictures and sounds are inside it."""
    if isinstance(figures, StreamFigures):
        return stream_section(figures)
    return clip_section(figures)


def evaluation_page(name: str, model_hash: str, sections: Sequence[str]) -> str:
    """Renders a page of its own.

    Args:
        name: The model's.
        model_hash: Of its .tflite.
        sections: HTML, as evaluation_section() gives it.
    """
    title = html.escape(name)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}: evaluation</title>
<style>{STYLE}</style></head><body>
<h1>{title}</h1><p>Evaluation of model {html.escape(model_hash)}</p>
{"".join(sections)}
</body></html>
"""

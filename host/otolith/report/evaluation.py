"""What an evaluation found, as a section of report.html or as a page of its own."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from otolith.evaluate import clips, metrics, stream
from otolith.evaluate.tables import plain, seconds, share
from otolith.report.page import STYLE, new_figure, png

UNK = "UNK"
ROWS = 12  # recordings drawn


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """An HTML table; cells are text."""
    first = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    lines = [
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    ]
    return f"<table>{f'<tr>{first}</tr>' if head else ''}{''.join(lines)}</table>"


def _image(figure, what: str) -> str:
    return f'<img alt="{what}" src="{png(figure)}">'


def _color(number: int):
    import matplotlib

    palette = matplotlib.colormaps["tab20" if number < 20 else "Set3"]
    return palette(number % 20 % palette.N)


def _confusion(result: clips.ClipScores) -> str:
    columns = [*result.labels, UNK]
    rows = columns if result.table[-1].any() else result.labels
    table = result.table[: len(rows)]
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
    """Names that matplotlib takes as they are: $ would start a formula, _ hides a legend line."""
    return [name.replace("$", r"\$").removeprefix("_") or "-" for name in names]


def _roc(result: clips.ClipScores) -> str:
    figure = new_figure(7, 5)
    axis = figure.subplots()
    for c, label in enumerate(_plain_text(result.labels)):
        positive = result.positive(c)
        auc = metrics.roc_auc(result.scores[:, c], positive)
        if np.isnan(auc):
            continue
        alarms, hits = metrics.roc_curve(result.scores[:, c], positive)
        axis.plot(alarms, hits, color=_color(c), label=f"{label} {auc:.3f}")
    axis.plot([0, 1], [0, 1], color="0.8", linewidth=0.8)
    axis.set_xlabel("false positives, share of the other sounds")
    axis.set_ylabel("recall")
    if len(axis.lines) > 1:
        axis.legend(title="area", fontsize=8, loc="lower right", ncols=1 + len(result.labels) // 13)
    return _image(figure, "ROC curves")


def _sweep(result: clips.ClipScores, picked: Sequence[float]) -> str:
    figure = new_figure(9, 4)
    axis = figure.subplots()
    for c, label in enumerate(_plain_text(result.labels)):
        if not result.positive(c).any():
            continue
        swept = result.sweep(c)
        color = _color(c)
        axis.plot(swept.thresholds, swept.f1, color=color, label=label)
        at = round(picked[c] * 100)
        axis.plot(picked[c], swept.f1[at], "o", color=color)
        if result.thresholds[c]:
            axis.axvline(result.thresholds[c], color=color, linestyle=":", linewidth=1)
    axis.set_xlabel("threshold (dots: best; dotted: the model's)")
    axis.set_ylabel("F1")
    figure.legend(fontsize=8, loc="outside right upper")
    return _image(figure, "F1 by threshold")


def _timeline(result: stream.StreamResult) -> str:
    shown = result.recordings[:ROWS]
    figure = new_figure(10, 1.2 + 2.0 * len(shown))
    colors = {label: _color(n) for n, label in enumerate(result.heard)}
    for axis, r in zip(figure.subplots(len(shown), squeeze=False).ravel(), shown, strict=True):
        times = np.arange(1, len(r.curve) + 1) * r.curve_ms / 1000
        for label in (label for label in result.heard if label in result.labels):  # not unknown
            axis.plot(times, r.curve[:, result.labels.index(label)], color=colors[label], lw=0.8)
        for span, hit in zip(r.spans, r.matched.hits, strict=True):
            axis.axvspan(
                span.start_ms / 1000,
                span.end_ms / 1000,
                color=colors[span.label],
                alpha=0.3,
                hatch=None if hit is not None else "///",
            )
        wrong = set(r.matched.false_alarms)
        for e, event in enumerate(r.events):
            mark, color = ("x", "red") if e in wrong else ("v", colors[event.label])
            axis.plot(event.t_ms / 1000, 1.06, mark, color=color, clip_on=False, markersize=7)
        axis.set_ylim(0, 1.12)
        axis.set_xlim(0, max(r.duration_ms / 1000, 0.001))
        axis.set_title(r.name.rpartition("/")[2].replace("$", r"\$"), fontsize=9, loc="left")
        axis.set_xlabel("s")
    for label, name in zip(result.heard, _plain_text(result.heard), strict=True):
        axis.plot([], [], color=colors[label], label=name)
    figure.legend(fontsize=8, loc="outside right upper")
    return _image(figure, "timeline of the recordings")


def clip_section(result: clips.ClipScores) -> str:
    """Clips: figures, classes, confusion, ROC, sweep."""
    s = clips.summary(result)
    low, high = s["accuracy_95"]
    figures = [
        ("clips", f"{s['clips']:,} ({s['windows']:,} windows)"),
        ("accuracy, best score", f"{share(s['accuracy'])} ({share(low)} to {share(high)})"),
        ("accuracy with thresholds", share(s["accuracy_with_thresholds"])),
        ("accuracy of single windows", share(s["window_accuracy"])),
        ("below threshold", share(s["unknown"])),
        ("mean F1, mean ROC-AUC", f"{plain(s['macro_f1'])}, {plain(s['macro_roc_auc'])}"),
    ]
    rows = []
    for c in s["classes"]:
        best = c["picked"]
        rows.append(
            (
                c["label"],
                c["clips"],
                *(share(c[key]) for key in ("precision", "recall")),
                *(plain(c[key]) for key in ("f1", "roc_auc")),
                plain(c["threshold"], 2) if c["threshold"] else "none",
                f"{plain(best['threshold'], 2)} (F1 {plain(best['f1'])})",
            )
        )
    head = ("class", "clips", "precision", "recall", "F1", "ROC-AUC", "threshold", "best threshold")
    return (
        "<h2>Clips</h2><p>On the project's C engine; in brackets the 95 % confidence interval.</p>"
        + _table((), figures)
        + _table(head, rows)
        + "<p>The best thresholds are picked on these very sounds: check them on others.</p>"
        + f"<h3>Confusion</h3>{_confusion(result)}<h3>ROC, each class against the rest</h3>"
        + f"{_roc(result)}<h3>Thresholds</h3>{_sweep(result, clips.picks(result))}"
    )


def stream_section(result: stream.StreamResult) -> str:
    """Long recordings: hits, misses, false alarms, latency, timeline."""
    s = stream.summary(result)
    rows = []
    for c in [*s["classes"], {"label": "all", **s}]:
        rows.append(
            (
                *(c[key] for key in ("label", "labels", "hits", "misses", "repeats")),
                c["false_alarms"],
                plain(c["false_alarms_per_hour"], 2),
                plain(c["false_alarms_per_hour_at_most"], 2),
                *(seconds(c["latency_ms"][key]) for key in ("mean", "p90")),
            )
        )
    head = ("class", "labels", "hits", "misses", "repeats", "false alarms", "an hour", "at most")
    more = len(result.recordings) - ROWS
    return (
        f"<h2>Recordings</h2><p>{s['recordings']} recordings, {s['hours']:.3f} hours, through the "
        f"chain the chip runs. An event may come {s['early_ms'] / 1000:g} s before its label's "
        f"start to {s['late_ms'] / 1000:g} s after its end. At most: false alarms an hour with "
        "95 % confidence.</p>"
        + _table((*head, "latency, mean", "p90"), rows)
        + "<p>Shaded: labels (hatched: missed). Curves: smoothed scores. Triangles: right events, "
        f"crosses: false alarms.{f' {more} more recordings are not drawn.' if more > 0 else ''}</p>"
        + _timeline(result)
    )


def evaluation_section(result: clips.ClipScores | stream.StreamResult) -> str:
    """HTML to stand in a page; pictures are inside it."""
    if isinstance(result, stream.StreamResult):
        return stream_section(result)
    return clip_section(result)


def evaluation_page(name: str, model_hash: str, sections: Sequence[str]) -> str:
    """A page of its own around sections."""
    title = html.escape(name)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}: evaluation</title>
<style>{STYLE}</style></head><body>
<h1>{title}</h1><p>Evaluation of model {html.escape(model_hash)}</p>
{"".join(sections)}
</body></html>
"""

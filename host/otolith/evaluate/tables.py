"""Evaluations on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from otolith.errors import shown
from otolith.report.evaluation import RATES, at_most
from otolith.report.results import ClassCurve, ClipFigures, Hits, Promise, StreamFigures
from otolith.report.words import plain, seconds, share

WORST = 20  # wrong clips listed


def text(name: str) -> str:
    """A name from a file, for a rich table: printable, and no markup."""
    return escape(shown(name))


def table(*heads: str) -> Table:
    """An empty table whose first column is text and whose others are numbers."""
    made = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False)
    for number, head in enumerate(heads):
        made.add_column(head, justify="right" if number else "left", no_wrap=not number)
    return made


def print_clips(console: Console, s: ClipFigures) -> None:
    """Shows a network judged on clips, and which clips it got wrong."""
    low, high = s.accuracy_95
    least = (
        f"; always answering {shown(s.baseline.label)}: {share(s.baseline.accuracy)}"
        if s.baseline
        else ""
    )
    console.print(
        f"accuracy {share(s.accuracy)} of {s.clips - s.of_no_class} clips (95 % confidence "
        f"{share(low)} to {share(high)}{least}), single windows {share(s.window_accuracy)}; with "
        f"thresholds {share(s.accuracy_with_thresholds)}, {share(s.unknown)} unknown; mean F1 "
        f"{plain(s.macro_f1)}, mean ROC-AUC {plain(s.macro_roc_auc)}",
        highlight=False,
        markup=False,
    )
    classes = table(
        "class", "clips", "precision", "recall", "F1", "AUC", "threshold", "best", "its F1"
    )
    for c in s.classes:
        classes.add_row(
            text(c.label),
            str(c.clips),
            *(share(value) for value in (c.precision, c.recall)),
            *(plain(value) for value in (c.f1, c.roc_auc)),
            plain(c.threshold, 2) if c.threshold else "none",
            plain(c.picked.threshold, 2),
            plain(c.picked.f1),
        )
    console.print(classes)
    numbers = [str(i + 1) for i in range(len(s.labels))]
    rows = [f"{n} {label}" for n, label in zip(numbers, s.labels, strict=True)]
    confusion = table("played / heard", *(n.rjust(3) for n in numbers), "UNK")
    for i, name in enumerate([*rows, "no class"][: len(rows) + bool(s.of_no_class)]):
        confusion.add_row(text(name), *(str(n or ".") for n in s.confusion[i]))
    console.print(confusion)
    _print_wrong(console, s)
    for line in s.warnings:
        console.print(f"Warning: {shown(line)}", highlight=False, soft_wrap=True, markup=False)


def _print_wrong(console: Console, s: ClipFigures) -> None:
    if not s.wrong:
        return
    shown = table("wrong clip", "is", "heard as", "score", "its own")
    for clip in s.wrong[:WORST]:
        # Folder and file: whole paths would squeeze the other columns. --json has them.
        names = ("/".join(Path(clip.name).parts[-2:]), clip.truth, clip.said)
        shown.add_row(*map(text, names), plain(clip.score, 2), plain(clip.truth_score, 2))
    console.print(shown)
    more = len(s.wrong) - WORST
    if more > 0:
        console.print(f"{more} more wrong clips: --json lists all", highlight=False)


def print_stream(console: Console, s: StreamFigures) -> None:
    """Shows a network judged on long recordings."""
    classes = table(
        "class", "labels", "hits", "misses", "repeats", "false", "an hour", "<=", "latency", "p90"
    )
    for label, c in [*((c.label, c.hits) for c in s.classes), ("all", s.total)]:
        classes.add_row(text(label), *_cells(c))
    console.print(classes)
    lines = [
        f"{s.hours:.3f} hours; <=: false alarms an hour, with 95 % confidence; an event counts "
        f"from {s.early_ms / 1000:g} s before its label's start to {s.late_ms / 1000:g} s "
        "after its end"
    ]
    for name, count in s.ignored_labels.items():
        lines.append(f"{count} labels {name!r} make no event and were ignored")
    for e in s.events:
        if e.verdict == "false alarm":
            at = f"{e.recording} at {e.t_ms / 1000:.1f} s"
            lines.append(f"false alarm: {at}: {e.label} {e.score:.2f}")
    for m in s.missed:
        lines.append(f"missed: {m.recording} at {m.start_ms / 1000:.1f} s: {m.label}")
    for line in lines:
        console.print(shown(line), highlight=False, soft_wrap=True, markup=False)
    print_curves(console, s.curves)


def print_curves(console: Console, curves: Sequence[ClassCurve]) -> None:
    """Shows the lowest threshold of each class at some rates of false accepts, and its misses."""
    if not curves:
        return
    found = table("at most, an hour", *(f"{rate:g}" for rate in RATES))
    for curve in curves:
        found.add_row(text(curve.label), *(at_most(curve, rate) for rate in RATES))
    console.print(found)


def print_promise(console: Console, p: Promise) -> None:
    """Shows settings of the decision layer before and after a choice."""
    found = table("class", "threshold", "new", "missed", "new", "false", "new", "an hour", "95 %")
    for n, label in enumerate(p.labels):
        was, now = p.before.false_accepts[n], p.after.false_accepts[n]
        found.add_row(
            text(label),
            f"{p.before.thresholds[n]:g}",
            f"{p.after.thresholds[n]:g}",
            *(f"{m}/{p.positives[n]}" for m in (p.before.misses[n], p.after.misses[n])),
            *(str(r.count) for r in (was, now)),
            f"{now.per_hour:.2f}",
            f"{now.low:.2f} to {now.high:.2f}",
        )
    was, now = p.before.total, p.after.total
    counts = [sum(m) for m in (p.before.misses, p.after.misses)]
    found.add_row(
        "all",
        "",
        "",
        *(f"{m}/{sum(p.positives)}" for m in counts),
        *(str(r.count) for r in (was, now)),
        f"{now.per_hour:.2f}",
        f"{now.low:.2f} to {now.high:.2f}",
    )
    console.print(found)
    lines = [
        f"{p.hours:.2f} hours in {p.recordings} recordings, on which these thresholds were chosen; "
        f"smoothing {p.before.smoothing} to {p.after.smoothing} hops"
    ]
    if p.held_out:
        r = p.held_out
        lines.append(
            f"each part judged by thresholds chosen on the other parts: {r.count} false accepts, "
            f"{r.per_hour:.2f} an hour ({r.low:.2f} to {r.high:.2f})"
        )
    lines += [f"Warning: {line}" for line in p.warnings]
    for line in lines:
        console.print(shown(line), highlight=False, soft_wrap=True, markup=False)


def _cells(c: Hits) -> list[str]:
    return [
        *(str(count) for count in (c.labels, c.hits, c.misses, c.repeats, c.false_alarms)),
        plain(c.false_alarms_per_hour, 2),
        plain(c.false_alarms_per_hour_at_most, 2),
        seconds(c.latency_ms.mean),
        seconds(c.latency_ms.p90),
    ]

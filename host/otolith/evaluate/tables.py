"""Evaluations on the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


def share(value: float | None) -> str:
    """97.5%, or a dash."""
    return "-" if value is None else f"{value:.1%}"


def plain(value: float | None, digits: int = 3) -> str:
    """0.975, or a dash."""
    return "-" if value is None else f"{value:.{digits}f}"


def seconds(value: float | None) -> str:
    """1.25 s of a value in ms, or a dash."""
    return "-" if value is None else f"{value / 1000:.2f} s"


def table(*heads: str) -> Table:
    """A table whose first column is text and the others are numbers."""
    made = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False)
    for number, head in enumerate(heads):
        made.add_column(head, justify="right" if number else "left", no_wrap=not number)
    return made


def print_clips(console: Console, s: dict) -> None:
    """What clips.summary gave."""
    low, high = s["accuracy_95"]
    console.print(
        f"accuracy {share(s['accuracy'])} of {s['clips'] - s['of_no_class']} clips (95 % "
        f"confidence {share(low)} to {share(high)}), single windows "
        f"{share(s['window_accuracy'])}; with thresholds {share(s['accuracy_with_thresholds'])}, "
        f"{share(s['unknown'])} unknown; mean F1 {plain(s['macro_f1'])}, mean ROC-AUC "
        f"{plain(s['macro_roc_auc'])}",
        highlight=False,
    )
    classes = table(
        "class", "clips", "precision", "recall", "F1", "AUC", "threshold", "best", "its F1"
    )
    for c in s["classes"]:
        classes.add_row(
            c["label"],
            str(c["clips"]),
            *(share(c[key]) for key in ("precision", "recall")),
            *(plain(c[key]) for key in ("f1", "roc_auc")),
            plain(c["threshold"], 2) if c["threshold"] else "none",
            plain(c["picked"]["threshold"], 2),
            plain(c["picked"]["f1"]),
        )
    console.print(classes)
    numbers = [str(i + 1) for i in range(len(s["labels"]))]
    rows = [f"{n} {label}" for n, label in zip(numbers, s["labels"], strict=True)]
    confusion = table("played / heard", *(n.rjust(3) for n in numbers), "UNK")
    for i, name in enumerate([*rows, "no class"][: len(rows) + bool(s["of_no_class"])]):
        confusion.add_row(name, *(str(n or ".") for n in s["confusion"][i]))
    console.print(confusion)


def print_stream(console: Console, s: dict) -> None:
    """What stream.summary gave."""
    classes = table(
        "class", "labels", "hits", "misses", "repeats", "false", "an hour", "<=", "latency", "p90"
    )
    for c in [*s["classes"], {"label": "all", **s}]:
        rates = (c["false_alarms_per_hour"], c["false_alarms_per_hour_at_most"])
        classes.add_row(
            c["label"],
            *(str(c[key]) for key in ("labels", "hits", "misses", "repeats", "false_alarms")),
            *(plain(rate, 2) for rate in rates),
            *(seconds(c["latency_ms"][key]) for key in ("mean", "p90")),
        )
    console.print(classes)
    lines = [
        f"{s['hours']:.3f} hours; <=: false alarms an hour, with 95 % confidence; an event counts "
        f"from {s['early_ms'] / 1000:g} s before its label's start to {s['late_ms'] / 1000:g} s "
        "after its end"
    ]
    for name, count in s["ignored_labels"].items():
        lines.append(f"{count} labels {name!r} make no event and were ignored")
    for e in s["events"]:
        if e["verdict"] == "false alarm":
            at = f"{e['recording']} at {e['t_ms'] / 1000:.1f} s"
            lines.append(f"false alarm: {at}: {e['label']} {e['score']:.2f}")
    for m in s["missed"]:
        lines.append(f"missed: {m['recording']} at {m['start_ms'] / 1000:.1f} s: {m['label']}")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)

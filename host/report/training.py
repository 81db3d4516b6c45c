"""report.html: one file that shows what training did."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from host.report.page import STYLE, new_figure, png
from host.spec import Spec


def _curves(history: dict) -> str:
    figure = new_figure(9, 3)
    for axis, key in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        epochs = np.arange(1, len(history[key]) + 1)
        axis.plot(epochs, history[key], label="training")
        axis.plot(epochs, history[f"val_{key}"], label="validation")
        axis.set_xlabel("epoch")
        axis.set_ylabel(key)
        axis.legend()
    return png(figure)


def _confusion(table: np.ndarray, classes: Sequence[str]) -> str:
    size = 2.5 + 0.55 * len(classes)
    figure = new_figure(size + 1, size)
    axis = figure.subplots()
    axis.imshow(table / np.maximum(1, table.sum(1, keepdims=True)), cmap="Blues", vmin=0, vmax=1)
    axis.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axis.set_yticks(range(len(classes)), classes)
    axis.set_xlabel("heard")
    axis.set_ylabel("played")
    for (row, column), count in np.ndenumerate(table):
        dark = count > 0.5 * table[row].sum()
        axis.text(column, row, str(count), ha="center", va="center", color="w" if dark else "k")
    return png(figure)


def _spectrograms(examples: Sequence[np.ndarray], spec: Spec) -> str:
    columns = min(5, len(examples))
    rows = -(-len(examples) // columns)
    figure = new_figure(2.6 * columns + 0.5, 2.6 * rows)
    seconds = spec.features.samples / spec.features.sample_rate
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(examples) :]:
        axis.axis("off")
    for axis, values, label in zip(axes, examples, spec.model.classes, strict=False):
        axis.imshow(
            values.T,
            origin="lower",
            aspect="auto",
            cmap="magma",
            extent=(0, seconds, 0, spec.features.sample_rate / 2000),
        )
        axis.set_title(label)
        axis.set_xlabel("s")
        axis.set_ylabel("kHz")
    return png(figure)


def training_report(spec: Spec, metrics: dict, examples: Sequence[np.ndarray]) -> str:
    """The whole page; pictures are inside it. examples: int16 features, one window a class."""
    table = np.array(metrics["confusion"])
    rows = [
        ("test accuracy, int8 on the project's C engine", f"{metrics['int8_accuracy']:.2%}"),
        ("test accuracy before quantisation", f"{metrics['float_accuracy']:.2%}"),
        ("test accuracy by clip", f"{metrics['clip_accuracy']:.2%}"),
        ("parameters", f"{metrics['parameters']:,}"),
        ("multiply-accumulates", f"{metrics['macs']:,}"),
        ("weights", f"{metrics['weights_bytes']:,} bytes"),
        ("arena", f"{metrics['arena_bytes']:,} bytes"),
        ("windows (train, validate, test)", ", ".join(map(str, metrics["windows"].values()))),
        ("model hash", metrics["hash"]),
    ]
    per_class = [
        (
            html.escape(label),
            f"{table[i, i] / max(1, table[:, i].sum()):.1%}",
            f"{table[i, i] / max(1, table[i].sum()):.1%}",
            str(table[i].sum()),
        )
        for i, label in enumerate(spec.model.classes)
    ]
    figures = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in rows)
    classes = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in per_class
    )
    name, description = html.escape(spec.model.name), html.escape(spec.model.description)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}: training report</title>
<style>{STYLE}</style></head><body>
<h1>{name}</h1><p>{description}</p>
<table>{figures}</table>
<h2>Classes (test windows)</h2>
<table><tr><th>class</th><th>precision</th><th>recall</th><th>windows</th></tr>{classes}</table>
<h2>Confusion</h2><img alt="confusion matrix" src="{_confusion(table, spec.model.classes)}">
<h2>Training</h2><img alt="training curves" src="{_curves(metrics["history"])}">
<h2>What the network sees</h2>
<img alt="a spectrogram of each class" src="{_spectrograms(examples, spec)}">
</body></html>
"""

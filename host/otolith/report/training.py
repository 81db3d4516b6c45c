"""report.html: one file that shows what a training did."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from otolith.report.evaluation import evaluation_section, promise_section
from otolith.report.page import STYLE, new_figure, png
from otolith.report.results import Example, Rests, Training


def _curves(history: dict[str, list[float]]) -> str:
    figure = new_figure(9, 3)
    for axis, key in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        epochs = np.arange(1, len(history[key]) + 1)
        axis.plot(epochs, history[key], label="training")
        axis.plot(epochs, history[f"val_{key}"], label="validation")
        axis.set_xlabel("epoch")
        axis.set_ylabel(key)
        axis.legend()
    return png(figure)


def _spectrograms(found: Training) -> str:
    examples: Sequence[Example] = found.examples
    columns = min(5, len(examples))
    rows = -(-len(examples) // columns)
    figure = new_figure(2.6 * columns + 0.5, 2.6 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(examples) :]:
        axis.axis("off")
    for axis, example in zip(axes, examples, strict=False):
        bands = example.values.shape[1]
        axis.imshow(
            example.values.T,
            origin="lower",
            aspect="auto",
            cmap="magma",
            extent=(0, found.window_s, 0, found.top_khz or bands),
        )
        axis.set_title(example.label)
        axis.set_xlabel("s")
        axis.set_ylabel("kHz" if found.top_khz else "band")
    return png(figure)


def _rests(rests: Sequence[Rests]) -> str:
    """A table of what each class was learned from."""
    if not rests:
        return ""
    names = ("class", "clips", "minutes", "speakers", "sources", "microphones")
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = []
    for one in rests:
        cells = [one.label, one.clips or "", f"{one.minutes:,.1f}"]
        cells += [count or "not known" for count in (one.speakers, one.sources, one.devices)]
        if not one.clips:
            cells[3:] = ["", "", ""]
        rows.append("".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<h2>What each class rests on</h2><table><tr>{head}</tr>{body}</table>"


def training_report(found: Training) -> str:
    """Renders the whole page; pictures and sounds are inside it."""
    metrics = found.metrics
    rows = [
        ("test accuracy, int8 on the project's C engine", f"{metrics.int8_accuracy:.2%}"),
        (f"always answering {metrics.baseline.label}", f"{metrics.baseline.accuracy:.2%}"),
        ("best epoch", f"{metrics.best_epoch} of {len(metrics.history['loss'])}"),
        ("quantisation", metrics.quantisation),
        ("test accuracy before quantisation", f"{metrics.float_accuracy:.2%}"),
        ("test accuracy by clip", f"{metrics.clip_accuracy:.2%}"),
        ("parameters", f"{metrics.parameters:,}"),
        ("multiply-accumulates", f"{metrics.macs:,}"),
        ("weights", f"{metrics.weights_bytes:,} bytes"),
        ("arena", f"{metrics.arena_bytes:,} bytes"),
        ("windows (train, validate, test)", ", ".join(map(str, metrics.windows.values()))),
        ("model hash", metrics.hash),
    ]
    said = [f"Warning: {line}" for line in metrics.warnings]
    if metrics.stopped:
        said.append(f"Training ended early: {metrics.stopped}")
    if metrics.data_wait is not None:
        said.append(f"{metrics.data_wait:.1%} of the training time was spent waiting for data")
    notes = "".join(f"<p>{html.escape(line)}</p>" for line in said)
    figures = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(value)}</td></tr>"
        for name, value in rows
    )
    name, description = html.escape(found.name), html.escape(found.description)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}: training report</title>
<style>{STYLE}</style></head><body>
<h1>{name}</h1><p>{description}</p>
<table>{figures}</table>
{notes}
{_rests(found.rests)}
{evaluation_section(found.clips)}
{promise_section(metrics.promise) if metrics.promise else ""}
<h2>Training</h2><img alt="training curves" src="{_curves(metrics.history)}">
<h2>What the network sees</h2>
<img alt="a spectrogram of each class" src="{_spectrograms(found)}">
</body></html>
"""

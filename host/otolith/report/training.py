"""report.html: one file that shows what training did."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from otolith.evaluate.clips import ClipScores
from otolith.report.evaluation import evaluation_section
from otolith.report.page import STYLE, new_figure, png
from otolith.settings.spec import Spec


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


def _spectrograms(examples: Sequence[np.ndarray], spec: Spec) -> str:
    columns = min(5, len(examples))
    rows = -(-len(examples) // columns)
    figure = new_figure(2.6 * columns + 0.5, 2.6 * rows)
    seconds = spec.features.samples / spec.features.sample_rate
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    linear = spec.features.kind == "spectrogram"  # bands as wide as each other, from 0
    for axis in axes[len(examples) :]:
        axis.axis("off")
    for axis, values, label in zip(axes, examples, spec.model.classes, strict=False):
        axis.imshow(
            values.T,
            origin="lower",
            aspect="auto",
            cmap="magma",
            extent=(
                *(0, seconds, 0),
                spec.features.sample_rate / 2000 if linear else spec.features.bands,
            ),
        )
        axis.set_title(label)
        axis.set_xlabel("s")
        axis.set_ylabel("kHz" if linear else "band")
    return png(figure)


def training_report(
    spec: Spec, metrics: dict, examples: Sequence[np.ndarray], judged: ClipScores
) -> str:
    """The whole page; pictures are inside it. examples: int16 features, one window a class.
    judged: the int8 network on the test clips."""
    rows = [
        ("test accuracy, int8 on the project's C engine", f"{metrics['int8_accuracy']:.2%}"),
        ("best epoch", f"{metrics['best_epoch']} of {len(metrics['history']['loss'])}"),
        ("quantisation", metrics["quantisation"]),
        ("test accuracy before quantisation", f"{metrics['float_accuracy']:.2%}"),
        ("test accuracy by clip", f"{metrics['clip_accuracy']:.2%}"),
        ("parameters", f"{metrics['parameters']:,}"),
        ("multiply-accumulates", f"{metrics['macs']:,}"),
        ("weights", f"{metrics['weights_bytes']:,} bytes"),
        ("arena", f"{metrics['arena_bytes']:,} bytes"),
        ("windows (train, validate, test)", ", ".join(map(str, metrics["windows"].values()))),
        ("model hash", metrics["hash"]),
    ]
    said = [*metrics["warnings"], *([metrics["stopped"]] if metrics["stopped"] else [])]
    if "data_wait" in metrics:
        said.append(f"{metrics['data_wait']:.1%} of the training time was spent waiting for data")
    notes = "".join(f"<p>{html.escape(line)}</p>" for line in said)
    figures = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in rows)
    name, description = html.escape(spec.model.name), html.escape(spec.model.description)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}: training report</title>
<style>{STYLE}</style></head><body>
<h1>{name}</h1><p>{description}</p>
<table>{figures}</table>
{notes}
{evaluation_section(judged)}
<h2>Training</h2><img alt="training curves" src="{_curves(metrics["history"])}">
<h2>What the network sees</h2>
<img alt="a spectrogram of each class" src="{_spectrograms(examples, spec)}">
</body></html>
"""

"""Stage 5 of training: the files of a trained model, all of them or none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from otolith.files import replacing
from otolith.report.results import Example, Training
from otolith.report.training import training_report
from otolith.train.basis import basis
from otolith.train.fit import Fitted
from otolith.train.judge import Judged
from otolith.train.prepare import Prepared
from otolith.train.weights import weights_file, write_weights


def save(prepared: Prepared, fitted: Fitted, tflite: bytes, judged: Judged, out: Path) -> None:
    """Writes <name>.tflite, its trained weights, metrics.json and report.html.

    Args:
        prepared: The data; the report shows an example of each class.
        fitted: The network whose weights other trainings may take over.
        tflite: The quantised network.
        judged: Its figures.
        out: Folder of the files. Nothing in it changes unless all of them can be written.

    Raises:
        UserError: A file can't be written.
    """
    name, metrics = prepared.spec.model.name, judged.metrics
    html = training_report(_training(prepared, judged))
    with (
        replacing(out / f"{name}.tflite") as model_file,
        replacing(weights_file(out, name)) as weights,
        replacing(out / "metrics.json") as metrics_file,
        replacing(out / "report.html") as report_file,
    ):
        model_file.write_bytes(tflite)
        write_weights(weights, fitted.trained, fitted.blueprint)
        metrics_file.write_text(json.dumps(metrics.to_json(), indent=2) + "\n", encoding="utf-8")
        report_file.write_text(html, encoding="utf-8")


def _training(prepared: Prepared, judged: Judged) -> Training:
    spec, test = prepared.spec, prepared.test
    features = spec.features
    first = [int(np.flatnonzero(test.labels == c)[0]) for c in range(len(spec.model.classes))]
    return Training(
        name=spec.model.name,
        description=spec.model.description,
        metrics=judged.metrics,
        clips=judged.clips,
        examples=[
            Example(label, test.values[i])
            for label, i in zip(spec.model.classes, first, strict=True)
        ],
        window_s=features.samples / features.sample_rate,
        top_khz=features.sample_rate / 2000 if features.kind == "spectrogram" else None,
        rests=basis(prepared),
    )

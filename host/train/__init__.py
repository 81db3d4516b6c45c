"""Spec -> trained, quantised, evaluated .tflite, with metrics and a report."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from host.augment.pipeline import Augmenter
from host.compile.engine import HostModel
from host.compile.metadata import write_metadata
from host.data.windows import OTHERS, SETS, Windows, load_windows
from host.errors import UserError
from host.evaluate.clips import of_windows
from host.features import SCALE, quantize, quantizer
from host.files import replacing
from host.report.training import training_report
from host.spec import Spec
from host.train.architectures import fused
from host.train.convert import silence
from host.train.course import Course, both, per_class
from host.train.examples import Examples, Maker, Variants
from host.train.fitting import picked
from host.train.transfer import weights_file

_BACKGROUNDS = 500  # windows that [augment.background] draws from
_LOST_POINTS = 1.0  # of accuracy, to int8: worth a warning


@contextmanager
def _quiet_tensorflow(seed: int) -> Iterator[Any]:
    """tf_keras, seeded and deterministic, without its chatter."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    try:
        with silence():
            import tensorflow as tf
            import tf_keras
    except ImportError as error:
        raise UserError("training needs TensorFlow: run `make setup`") from error
    tf.get_logger().setLevel("ERROR")
    tf_keras.backend.clear_session()  # names count from one again: same seed, same bytes
    tf_keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    yield tf_keras


def _confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    table = np.zeros((classes, classes), int)
    np.add.at(table, (labels, predicted), 1)
    return table


def train(
    spec: Spec,
    out: Path,
    console: Console | None = None,
    architecture: Any = None,
) -> dict:
    """Train `spec`; writes <name>.tflite, <name>.keras, metrics.json and report.html to `out` and
    returns the metrics. Nothing is written unless everything succeeded."""
    from host.train.architectures import find

    console = console or Console()
    started = time.monotonic()
    settings = spec.metadata()["features"]
    build = architecture or (None if spec.train.base else find(spec.model.architecture))
    classes = spec.model.classes
    columns = (TextColumn("{task.description:<24}"), BarColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, TextColumn("{task.fields[note]}"), console=console) as bars,
        contextlib.ExitStack() as stack,
    ):
        tasks: dict[str, Any] = {}

        def progress(name: str, share: float, note: str = "") -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=1.0, note="")
            bars.update(tasks[name], completed=share, note=note)

        windows = load_windows(spec, progress)
        for name in SETS:
            for number, label in enumerate(classes):
                if not (windows[name].labels == number).any():
                    raise UserError(f"[data]: the {name} set has no sound of class {label}")
        maker = Maker(settings)
        stack.callback(maker.close)
        sets = {}
        for done, name in enumerate(SETS):
            share = (done, len(SETS))
            sets[name] = maker.make(
                windows[name],
                progress=lambda part, share=share: progress(
                    "features", (share[0] + part) / share[1]
                ),
            )
        kept = picked(sets["train"].labels, spec.train)
        variants = None
        if spec.augment.sections:
            augmenter = _augmenter(spec, windows["train"])
            choose = functools.partial(picked, settings=spec.train)
            variants = Variants(maker, windows["train"], augmenter, spec, choose)
            stack.callback(variants.close)
        counts = {name: len(windows[name].labels) for name in SETS}
        counts["train"] = len(kept)
        windows.clear()  # the sounds' memory is needed

        with _quiet_tensorflow(spec.train.seed) as keras:
            scale = np.float32(SCALE[spec.features.compress])
            learned = sets["train"]
            train_set = Examples(learned.values[kept], learned.labels[kept], learned.clips[kept])
            del learned, sets["train"]
            real = {
                name: (s.values * scale)[..., None]
                for name, s in {**sets, "train": train_set}.items()
                if name != "train" or variants is None
            }
            picks = per_class(train_set.labels, spec.quantize.samples, spec.train.seed)
            typical = (train_set.values[picks] * scale)[..., None]
            labels = train_set.labels
            train_set.values = train_set.values[:0]  # not looked at again, and large
            course = Course(keras, spec, real, labels, sets["validate"].labels, variants, progress)
            model = course.transferred() if spec.train.base else course.built(build)
            if build is not None:
                model = fused(model, build)
            float_scores = both(model.predict(real["test"], verbose=0, batch_size=256))
            raw = course.quantised(model, typical)
            tflite = write_metadata(raw, spec.metadata())

        scores, report = _evaluate(tflite, spec, sets["test"], progress)
    test = sets["test"]
    predicted = scores.argmax(1)
    metrics = {
        "model": spec.model.name,
        "hash": report["hash"],
        "parameters": int(model.count_params()),
        "macs": report["macs"],
        "weights_bytes": report["weights"],
        "arena_bytes": report["arena"],
        "windows": {name: counts[name] for name in SETS},
        "float_accuracy": float((float_scores.argmax(1) == test.labels).mean()),
        "int8_accuracy": float((predicted == test.labels).mean()),
        "clip_accuracy": _clip_accuracy(scores, test),
        "confusion": _confusion(test.labels, predicted, len(classes)).tolist(),
        "history": course.history,
        "best_epoch": course.best_epoch,
        "stopped": course.stopped,
        "quantisation": spec.quantize.mode,
        "seconds": round(time.monotonic() - started, 1),
    }
    if variants is not None:
        metrics["data_wait"] = course.data_wait()
    metrics["warnings"] = _warnings(metrics)
    examples = [int(np.flatnonzero(test.labels == c)[0]) for c in range(len(classes))]
    thresholds = np.array([spec.detect.thresholds.get(label, 0.0) for label in classes])
    judged = of_windows(classes, thresholds, scores, test.labels, test.clips)
    html = training_report(spec, metrics, [test.values[i] for i in examples], judged)
    with (  # all or none
        replacing(out / f"{spec.model.name}.tflite") as model_file,
        replacing(weights_file(out, spec.model.name)) as keras_file,
        replacing(out / "metrics.json") as metrics_file,
        replacing(out / "report.html") as report_file,
    ):
        model_file.write_bytes(tflite)
        with silence():
            course.trained.save(keras_file, save_format="keras")
        metrics_file.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
        report_file.write_text(html, encoding="utf-8")
    for line in metrics["warnings"]:
        console.print(f"Warning: {line}", highlight=False, soft_wrap=True)
    console.print(
        f"{spec.model.name}: {metrics['parameters']:,} parameters, {metrics['macs']:,} MACs; test "
        f"accuracy {metrics['int8_accuracy']:.1%} int8 ({metrics['float_accuracy']:.1%} float), "
        f"by clip {metrics['clip_accuracy']:.1%}; {metrics['seconds']:.0f} s; report: "
        f"{out / 'report.html'}",
        highlight=False,
        soft_wrap=True,
    )
    return metrics


def _augmenter(spec: Spec, windows: Windows) -> Augmenter:
    """Backgrounds are the training windows of classes that never make an event."""
    classes = spec.model.classes
    quiet = [i for i, label in enumerate(classes) if label not in spec.detect.thresholds]
    backgrounds = windows.pcm[np.isin(windows.labels, quiet)][:_BACKGROUNDS]
    unknown = OTHERS if OTHERS in classes else None
    return Augmenter(spec.augment.sections, classes, list(backgrounds), unknown)


def _warnings(metrics: dict) -> list[str]:
    found = []
    lost = 100 * (metrics["float_accuracy"] - metrics["int8_accuracy"])
    if lost > _LOST_POINTS:
        better = '[quantize] mode = "qat"' if metrics["quantisation"] == "ptq" else "more epochs"
        found.append(
            f"int8 costs {lost:.1f} points of accuracy: try {better}, more [quantize] samples, or "
            "a wider network"
        )
    return found


def _evaluate(tflite: bytes, spec: Spec, test: Examples, progress) -> tuple[np.ndarray, dict]:
    """Real scores of the int8 network on the project's own engine, and its report."""
    engine = HostModel(tflite)
    report = engine.compiled.report
    source, result = report["inputs"][0], report["outputs"][0]
    q = quantizer(spec.features.compress, source["scale"], source["zero_point"])
    rows = []
    for number, values in enumerate(test.values):
        rows.append(engine.invoke(quantize(values, q)).ravel())
        if number % 50 == 0:
            progress("evaluating int8", number / len(test.values))
    progress("evaluating int8", 1.0)
    raw = np.array(rows, np.int32)
    return both((raw - result["zero_point"]) * result["scale"]), report


def _clip_accuracy(scores: np.ndarray, test: Examples) -> float:
    """Accuracy by clip: the mean score of its windows decides."""
    right = []
    for clip in np.unique(test.clips):
        mine = test.clips == clip
        right.append(scores[mine].mean(0).argmax() == test.labels[mine][0])
    return float(np.mean(right))

"""Spec -> trained, quantised, evaluated .tflite, with metrics and a report."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from host.compile.engine import HostModel
from host.compile.metadata import write_metadata
from host.data.windows import SETS, Windows, load_windows
from host.errors import UserError
from host.features import SCALE, extract, quantize, quantizer
from host.files import replacing
from host.report.training import training_report
from host.spec import Spec
from host.train.convert import silence, to_int8


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


@dataclass
class _Set:
    values: np.ndarray  # int16 (count, frames, bands), after compression
    labels: np.ndarray
    clips: np.ndarray


def _features(windows: Windows, settings: dict) -> _Set:
    values = np.empty((len(windows.pcm), settings["frames"], settings["bands"]), np.int16)
    for row, pcm in zip(values, windows.pcm, strict=True):
        row[:] = extract(pcm, settings)
    return _Set(values, windows.labels, windows.clips)


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
    """Train `spec`; writes <name>.tflite, metrics.json and report.html to `out` and returns the
    metrics. Nothing is written unless everything succeeded."""
    from host.train.architectures import find

    console = console or Console()
    started = time.monotonic()
    settings = spec.metadata()["features"]
    build = architecture or find(spec.model.architecture)
    classes = len(spec.model.classes)
    columns = (TextColumn("{task.description:<24}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[note]}"), console=console) as bars:
        tasks: dict[str, Any] = {}

        def progress(name: str, share: float, note: str = "") -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=1.0, note="")
            bars.update(tasks[name], completed=share, note=note)

        windows = load_windows(spec, progress)
        sets: dict[str, _Set] = {}
        for done, name in enumerate(SETS):
            sets[name] = _features(windows.pop(name), settings)  # the sounds' memory is needed
            progress("features", (done + 1) / len(SETS))
        for name in SETS:
            for number, label in enumerate(spec.model.classes):
                if not (sets[name].labels == number).any():
                    raise UserError(f"[data]: the {name} set has no sound of class {label}")

        with _quiet_tensorflow(spec.train.seed) as keras:
            scale = np.float32(SCALE[spec.features.compress])
            real = {name: (s.values * scale)[..., None] for name, s in sets.items()}
            sets["train"].values = real["train"][:0]  # not looked at again, and large
            model = _build(build, spec, keras)
            history = _fit(keras, model, spec, sets, real, progress)
            picks = _per_class(sets["train"].labels, spec.quantize.samples, spec.train.seed)
            progress("quantising", 0.1)
            tflite = write_metadata(to_int8(model, real["train"][picks]), spec.metadata())
            progress("quantising", 1.0)
            float_scores = model.predict(real["test"], verbose=0, batch_size=256)

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
        "windows": {name: len(s.labels) for name, s in sets.items()},
        "float_accuracy": float((float_scores.argmax(1) == test.labels).mean()),
        "int8_accuracy": float((predicted == test.labels).mean()),
        "clip_accuracy": _clip_accuracy(scores, test),
        "confusion": _confusion(test.labels, predicted, classes).tolist(),
        "history": history,
        "seconds": round(time.monotonic() - started, 1),
    }
    examples = [int(np.flatnonzero(test.labels == c)[0]) for c in range(classes)]
    html = training_report(spec, metrics, [test.values[i] for i in examples])
    with (  # all three or none
        replacing(out / f"{spec.model.name}.tflite") as model_file,
        replacing(out / "metrics.json") as metrics_file,
        replacing(out / "report.html") as report_file,
    ):
        model_file.write_bytes(tflite)
        metrics_file.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
        report_file.write_text(html, encoding="utf-8")
    console.print(
        f"{spec.model.name}: {metrics['parameters']:,} parameters, {metrics['macs']:,} MACs; test "
        f"accuracy {metrics['int8_accuracy']:.1%} int8 ({metrics['float_accuracy']:.1%} float), "
        f"by clip {metrics['clip_accuracy']:.1%}; {metrics['seconds']:.0f} s; report: "
        f"{out / 'report.html'}",
        highlight=False,
        soft_wrap=True,
    )
    return metrics


def _build(build: Callable, spec: Spec, keras) -> Any:
    """The network; what a network of the user's own does wrong is said in one line."""
    frames, bands, classes = spec.features.frames, spec.features.bands, len(spec.model.classes)
    where = f"architecture {spec.model.architecture!r}"
    try:
        model = build(frames, bands, classes, spec.train.dropout)
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"{where}: no network for {frames} x {bands} values: {line}") from error
    if not isinstance(model, keras.Model):
        raise UserError(f"{where}: gave {type(model).__name__}, not a tf_keras Model")
    if model.output_shape != (model.output_shape[0], classes):
        raise UserError(f"{where}: gives {model.output_shape[1:]}, not {classes} scores")
    return model


def _fit(keras, model, spec: Spec, sets: dict, real: dict, progress) -> dict:
    """Train; the epoch with the best validation loss is kept. Returns the curves."""

    class Bars(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
            logs = logs or {}
            if not np.isfinite(logs.get("loss", 0)):
                raise UserError(
                    f"training diverged in epoch {epoch + 1}: lower [train] learning_rate"
                )
            note = f"accuracy {logs['accuracy']:.3f}, validation {logs['val_accuracy']:.3f}"
            progress("training", (epoch + 1) / spec.train.epochs, note)

    rate = keras.optimizers.schedules.CosineDecay(
        spec.train.learning_rate,
        spec.train.epochs * -(-len(sets["train"].labels) // spec.train.batch),
    )
    model.compile(
        keras.optimizers.Adam(rate),
        keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    counts = np.bincount(sets["train"].labels, minlength=len(spec.model.classes))
    best = _KeepBest()
    fitted = model.fit(
        real["train"],
        sets["train"].labels,
        epochs=spec.train.epochs,
        batch_size=spec.train.batch,
        validation_data=(real["validate"], sets["validate"].labels),
        class_weight={i: counts.mean() / c for i, c in enumerate(counts)},
        verbose=0,
        callbacks=[Bars(), best.callback(keras)],
    )
    if best.weights is not None:
        model.set_weights(best.weights)
    keys = ("loss", "accuracy", "val_loss", "val_accuracy")
    return {key: [round(float(v), 5) for v in fitted.history[key]] for key in keys}


class _KeepBest:
    """Weights of the epoch with the lowest validation loss, in memory."""

    def __init__(self) -> None:
        self.loss = np.inf
        self.weights: list | None = None

    def callback(self, keras):
        keeper = self

        class Keep(keras.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
                if logs and logs["val_loss"] < keeper.loss:
                    keeper.loss, keeper.weights = logs["val_loss"], self.model.get_weights()

        return Keep()


def _per_class(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """About `count` indices, as many of each class as there are."""
    rng = np.random.default_rng(seed)
    groups = [rng.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels)]
    each = -(-count // len(groups))
    return np.concatenate([group[:each] for group in groups])


def _evaluate(tflite: bytes, spec: Spec, test: _Set, progress) -> tuple[np.ndarray, dict]:
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
    return (raw - result["zero_point"]) * result["scale"], report


def _clip_accuracy(scores: np.ndarray, test: _Set) -> float:
    """Accuracy by clip: the mean score of its windows decides."""
    right = []
    for clip in np.unique(test.clips):
        mine = test.clips == clip
        right.append(scores[mine].mean(0).argmax() == test.labels[mine][0])
    return float(np.mean(right))

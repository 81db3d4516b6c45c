"""Spec -> trained, quantised, evaluated .tflite, with metrics and a report."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from otolith.augment.pipeline import Augmenter
from otolith.compile.metadata import write_metadata
from otolith.data.synthetic import origin
from otolith.data.windows import OTHERS, SETS, Windows, count_training, load_windows
from otolith.device.boards import named
from otolith.errors import UserError
from otolith.evaluate.clips import of_windows
from otolith.features import step
from otolith.files import replacing
from otolith.report.training import training_report
from otolith.settings.spec import Spec
from otolith.summarize.realtime import estimate
from otolith.train import feasible, judge
from otolith.train.architectures import find, fused
from otolith.train.checkpoint import Checkpoint
from otolith.train.convert import silence
from otolith.train.examples import Examples, Maker, Same, Variants
from otolith.train.fit import Course, both, per_class
from otolith.train.learning import picked
from otolith.train.session import quiet_tensorflow
from otolith.train.transfer import weights_file

_BACKGROUNDS = 500  # windows that [augment.background] draws from
_DRY_CLIPS = 20  # of a class, in each set
_DRY_SECONDS = 60.0  # of fitting


@dataclass(frozen=True)
class How:
    """board: what the network must fit. resume: go on where a training was stopped. dry: a slice
    of the data and a minute at most, to prove the spec; nothing is written."""

    board: str = "pico"
    resume: bool = False
    dry: bool = False


@contextmanager
def _bars(console: Console) -> Iterator[Callable[..., None]]:
    """Progress bars: call with what is done, its share and a note."""
    columns = (TextColumn("{task.description:<24}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[note]}"), console=console) as bars:
        tasks: dict[str, Any] = {}

        def progress(name: str, share: float, note: str = "") -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=1.0, note="")
            bars.update(tasks[name], completed=share, note=note)

        yield progress


def _features(
    spec: Spec, maker: Maker, windows: dict[str, Windows], progress: Callable[..., None]
) -> dict[str, Examples]:
    for name in SETS:
        for number, label in enumerate(spec.model.classes):
            if not (windows[name].labels == number).any():
                raise UserError(f"[data]: the {name} set has no sound of class {label}")
    sets = {}
    for done, name in enumerate(SETS):
        sets[name] = maker.make(
            windows[name],
            progress=lambda part, done=done: progress("features", (done + part) / len(SETS)),
        )
    return sets


def train(
    spec: Spec,
    out: Path,
    console: Console | None = None,
    architecture: Callable | None = None,
    how: How = How(),
) -> dict:
    """Train `spec`; writes <name>.tflite, <name>.keras, metrics.json and report.html to `out` and
    returns the metrics. Nothing of these is written unless everything succeeded; checkpoint.npz
    is where training stands, while it runs and after Ctrl-C."""
    console = console or Console()
    started = time.monotonic()
    classes = spec.model.classes
    build = architecture or (None if spec.train.base else find(spec.model.architecture))
    checkpoint = Checkpoint(None if how.dry else out / "checkpoint.npz", spec)
    state = checkpoint.load() if how.resume else None
    with _bars(console) as progress, contextlib.ExitStack() as stack:
        progress("checking the network", 0.1)
        compiled = feasible.check(spec, how.board, architecture)
        progress("checking the network", 1.0)
        expected = estimate(compiled, spec.metadata(), named(how.board))
        if expected:
            console.print(expected.line(), markup=False, highlight=False, soft_wrap=True)
        windows = load_windows(spec, progress, _DRY_CLIPS if how.dry else None)
        maker = Maker(spec.metadata()["features"])
        stack.callback(maker.close)
        sets = _features(spec, maker, windows, progress)
        kept = picked(sets["train"].labels, spec.train)
        variants = None
        if spec.augment.sections:
            augmenter = _augmenter(spec, windows["train"])
            choose = functools.partial(picked, settings=spec.train)
            first = state.epoch if state is not None else 0
            variants = Variants(maker, windows["train"], augmenter, spec, choose, first)
            stack.callback(variants.close)
        counts = {name: len(windows[name].labels) for name in SETS}
        counts["train"] = len(kept)
        windows.clear()  # the sounds' memory is needed

        with quiet_tensorflow(spec.train.seed) as keras:
            scale = np.float32(step(vars(spec.features)))
            learned = sets["train"]
            train_set = Examples(learned.values[kept], learned.labels[kept], learned.clips[kept])
            del learned, sets["train"]
            changing = variants
            if variants is None and spec.train.mixup:
                changing = Same(dataclasses.replace(train_set))
            real = {
                name: (s.values * scale)[..., None]
                for name, s in {**sets, "train": train_set}.items()
                if name != "train" or changing is None
            }
            picks = per_class(train_set.labels, spec.quantize.samples, spec.train.seed)
            typical = (train_set.values[picks] * scale)[..., None]
            labels = train_set.labels
            train_set.values = train_set.values[:0]  # not looked at again, and large
            course = Course(
                keras,
                spec,
                real,
                labels,
                sets["validate"].labels,
                changing,
                progress,
                checkpoint,
                state,
                _DRY_SECONDS if how.dry else np.inf,
            )
            model = course.transferred() if spec.train.base else course.built(build)
            if build is not None:
                model = fused(model, build)
            float_scores = both(model.predict(real["test"], verbose=0, batch_size=256))
            raw = course.quantised(model, typical)
            tflite = write_metadata(raw, {**spec.metadata(), "data": origin(spec)})

        test = sets["test"]
        scores, report = judge.int8_scores(tflite, spec, test, progress)
    predicted = scores.argmax(1)
    metrics = {
        "model": spec.model.name,
        "hash": report["hash"],
        "data": origin(spec),
        "parameters": int(model.count_params()),
        "macs": report["macs"],
        "weights_bytes": report["weights"],
        "arena_bytes": report["arena"],
        "windows": {name: counts[name] for name in SETS},
        "validation_accuracy": round(course.best_accuracy, 5),
        "float_accuracy": float((float_scores.argmax(1) == test.labels).mean()),
        "int8_accuracy": float((predicted == test.labels).mean()),
        "clip_accuracy": judge.clip_accuracy(scores, test),
        "float_clip_accuracy": judge.clip_accuracy(float_scores, test),
        "confusion": judge.confusion(test.labels, predicted, len(classes)).tolist(),
        "history": course.history,
        "best_epoch": course.best_epoch,
        "stopped": course.stopped,
        "quantisation": spec.quantize.mode,
        "seconds": round(time.monotonic() - started, 1),
    }
    if variants is not None:
        metrics["data_wait"] = course.data_wait()
    metrics["warnings"] = judge.warnings(metrics)
    examples = [int(np.flatnonzero(test.labels == c)[0]) for c in range(len(classes))]
    thresholds = np.array([spec.detect.thresholds.get(label, 0.0) for label in classes])
    judged = of_windows(classes, thresholds, scores, test.labels, test.clips)
    html = training_report(spec, metrics, [test.values[i] for i in examples], judged)
    if how.dry:
        _say_dry(console, spec, metrics, course)
        return metrics
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
    if not course.interrupted:
        checkpoint.remove()
    _say(console, metrics, out, course.interrupted)
    return metrics


def _say(console: Console, metrics: dict, out: Path, interrupted: bool) -> None:
    lines = [f"Warning: {line}" for line in metrics["warnings"]]
    lines.append(
        f"{metrics['model']}: {metrics['parameters']:,} parameters, {metrics['macs']:,} MACs; on "
        f"{metrics['data']}: test accuracy {metrics['int8_accuracy']:.1%} int8 "
        f"({metrics['float_accuracy']:.1%} float), by clip {metrics['clip_accuracy']:.1%}; "
        f"{metrics['seconds']:.0f} s; report: {out / 'report.html'}"
    )
    if interrupted:
        lines.append(f"{metrics['stopped']}; the best one is kept; --resume goes on")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _say_dry(console: Console, spec: Spec, metrics: dict, course: Course) -> None:
    """What a slice tells: that all of it works, and about how long the whole will take."""
    each = course.seconds / max(1, course.epochs) / max(1, metrics["windows"]["train"])
    epochs = spec.train.epochs + (spec.train.head_epochs if spec.train.base else 0)
    minutes = each * count_training(spec) * epochs / 60
    console.print(
        f"{spec.model.name}: the spec works: {metrics['parameters']:,} parameters, "
        f"{metrics['weights_bytes']:,} bytes of weights, arena {metrics['arena_bytes']:,}; "
        f"{metrics['windows']['train']} windows gave {metrics['int8_accuracy']:.0%}; all "
        f"{epochs} epochs of {count_training(spec):,} would take {max(1, round(minutes))} min or "
        "less; nothing was written",
        highlight=False,
        soft_wrap=True,
    )


def _augmenter(spec: Spec, windows: Windows) -> Augmenter:
    """Backgrounds are the training windows of classes that never make an event."""
    classes = spec.model.classes
    quiet = [i for i, label in enumerate(classes) if label not in spec.detect.thresholds]
    backgrounds = windows.pcm[np.isin(windows.labels, quiet)][:_BACKGROUNDS]
    unknown = OTHERS if OTHERS in classes else None
    return Augmenter(spec.augment.sections, classes, list(backgrounds), unknown)

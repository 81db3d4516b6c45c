"""The stages of a training, one after another."""

from __future__ import annotations

import dataclasses
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from otolith.data.windows import count_training
from otolith.device.boards import named
from otolith.errors import shown
from otolith.progress import is_quiet
from otolith.report.results import Metrics
from otolith.settings.spec import Spec
from otolith.summarize.realtime import estimate
from otolith.train import feasible, promise
from otolith.train.architectures import Architecture
from otolith.train.checkpoint import Checkpoint
from otolith.train.fit import Fitted, fit, last_weights
from otolith.train.fit_takes import EVERY, MINED_UPDATES, updates_of
from otolith.train.judge import Judged, judge
from otolith.train.learning import length
from otolith.train.lock import training
from otolith.train.prepare import prepare
from otolith.train.progress import bars
from otolith.train.quantise import quantise
from otolith.train.save import save
from otolith.train.takes import resolved

_DRY_CLIPS = 20  # of a class, in each set
_DRY_SECONDS = 60.0  # of fitting


@dataclass(frozen=True)
class How:
    """How to train.

    board: The network must fit it. resume: Continue where an earlier training stopped, or
    from the weights it ended with, with what the dataset has now. dry: Prove
    the spec with a slice of the data, in a minute at most, and write nothing. code: Folder that an
    architecture of the user's own may be loaded from, which runs it; None refuses it. scheduler:
    Address of a Dask scheduler that computes features and mines; None for this computer.
    """

    board: str = "pico"
    resume: bool = False
    dry: bool = False
    code: Path | None = None
    scheduler: str | None = None


def train(
    spec: Spec,
    out: Path,
    console: Console | None = None,
    architecture: Architecture | None = None,
    how: How = How(),
) -> Metrics:
    """Runs all stages of a training and says how it went.

    Args:
        spec: The model's settings.
        out: Folder of the results. They are written if everything succeeds, else nothing changes;
            checkpoint.npz, which --resume reads, is there while training runs and after Ctrl-C.
        console: Where progress and results are shown; None for standard output.
        architecture: Makes the network, instead of the one the spec names.
        how: Board, resume, dry run.

    Raises:
        UserError: The spec, its sounds, the network or the folder are of no use, or another
            training uses the folder.
    """
    console = console or Console()
    with nullcontext() if how.dry else training(out):
        return _train(spec, out, console, architecture, how)


def _train(
    spec: Spec, out: Path, console: Console, architecture: Architecture | None, how: How
) -> Metrics:
    """The stages of `train`, while its folder is held."""
    started = time.monotonic()
    if not spec.data.synth:
        count_training(spec)  # missing takes are told at once, before TensorFlow is loaded
    streams = promise.streams_of(spec)
    spec = resolved(spec)
    checkpoint = Checkpoint(None if how.dry else out / "checkpoint.npz", spec)
    start = last_weights(spec, out) if how.resume and not checkpoint.exists else None
    state = checkpoint.load() if how.resume and start is None else None
    with bars(console) as progress:
        progress("checking the network", 0.1)
        schedule = feasible.check(spec, how.board, architecture, how.code)
        progress("checking the network", 1.0)
        expected = estimate(schedule.analysis, named(how.board))
        if expected and not is_quiet():
            console.print(expected.line(), markup=False, highlight=False, soft_wrap=True)
        first = state.epoch if state is not None else 0
        clips = _DRY_CLIPS if how.dry else None
        with prepare(spec, progress, clips, first, how.scheduler) as prepared:
            seconds = _DRY_SECONDS if how.dry else np.inf
            fitted = fit(
                prepared,
                progress,
                architecture,
                checkpoint,
                state,
                seconds,
                how.code,
                start,
                how.scheduler,
            )
            tflite = quantise(prepared, fitted, progress)
            kept = None if how.dry else promise.keep(spec, tflite, streams, progress)
            if kept is not None:
                tflite = kept.data
                prepared = dataclasses.replace(prepared, spec=kept.spec)
            judged = judge(prepared, fitted, tflite, progress)
    metrics = dataclasses.replace(judged.metrics, seconds=round(time.monotonic() - started, 1))
    if kept is not None:
        warned = [*metrics.warnings, *kept.warnings]
        metrics = dataclasses.replace(metrics, promise=kept.promise, warnings=warned)
    if how.dry:
        _say_dry(console, spec, metrics, fitted)
        return metrics
    save(prepared, fitted, tflite, Judged(metrics, judged.clips), out)
    if not fitted.interrupted:
        checkpoint.remove()
    _say(console, metrics, out)
    return metrics


def _say(console: Console, metrics: Metrics, out: Path) -> None:
    lines = [f"Warning: {line}" for line in metrics.warnings]
    least = metrics.baseline
    lines.append(
        f"{metrics.model}: {metrics.parameters:,} parameters, {metrics.macs:,} MACs; on "
        f"{metrics.data}: test accuracy {metrics.int8_accuracy:.1%} int8 "
        f"({metrics.float_accuracy:.1%} float), by clip {metrics.clip_accuracy:.1%}; always "
        f"answering {least.label}: {least.accuracy:.1%}; {metrics.seconds:.0f} s; report: "
        f"{out / 'report.html'}"
    )
    if metrics.promise is not None:
        lines.append(promise.line(metrics.promise))
    if metrics.stopped:
        kept = f"the best epoch, {metrics.best_epoch}, is kept"
        more = "; --resume continues" if metrics.interrupted else ""
        lines.append(f"Training ended early: {metrics.stopped}; {kept}{more}")
    for line in lines:
        console.print(shown(line), highlight=False, markup=False, soft_wrap=True)


def _say_dry_takes(console: Console, spec: Spec, metrics: Metrics, fitted: Fitted) -> None:
    """As `_say_dry`, where a training is so many batches and rounds of mining."""
    batches = updates_of(spec) * (1 + MINED_UPDATES * spec.train.mine)
    minutes = fitted.seconds / max(1, fitted.epochs * EVERY) * batches / 60
    console.print(
        f"{spec.model.name}: the spec works: {metrics.parameters:,} parameters, "
        f"{metrics.weights_bytes:,} bytes of weights, arena {metrics.arena_bytes:,}; "
        f"{fitted.epochs * EVERY} batches gave {metrics.int8_accuracy:.0%}; all {batches:.0f} "
        f"and mining would take about {max(1, round(1.5 * minutes))} min; nothing was written",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _say_dry(console: Console, spec: Spec, metrics: Metrics, fitted: Fitted) -> None:
    """Says that the spec works, and about how long the whole training will take."""
    if spec.train.method == "takes":
        _say_dry_takes(console, spec, metrics, fitted)
        return
    each = fitted.seconds / max(1, fitted.epochs) / max(1, metrics.windows["train"])
    count = count_training(spec)
    epochs = length(spec.train, count).epochs
    epochs += spec.train.head_epochs if spec.train.has_base else 0
    minutes = each * count * epochs / 60
    console.print(
        f"{spec.model.name}: the spec works: {metrics.parameters:,} parameters, "
        f"{metrics.weights_bytes:,} bytes of weights, arena {metrics.arena_bytes:,}; "
        f"{metrics.windows['train']} windows gave {metrics.int8_accuracy:.0%}; all "
        f"{epochs} epochs of {count:,} would take {max(1, round(minutes))} min or "
        "less; nothing was written",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )

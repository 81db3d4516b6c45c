"""`host sweep`."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from otolith.errors import UserError, short
from otolith.progress import is_quiet
from otolith.settings.spec import Spec, parse, spec_file
from otolith.sweep import limits as network
from otolith.sweep import results
from otolith.sweep.keep import folder_of, kept, tidy
from otolith.sweep.limits import check_board
from otolith.sweep.space import Space, load_space
from otolith.sweep.storage import open_storage, shown
from otolith.sweep.worker import GRACE, WHERE, Worker, count_finished

PATH = click.Path(path_type=Path)


def join(url: str, name: str, space: Space, seed: int, epochs: int | None = None) -> Any:
    """Opens a study in a storage and creates it if it does not exist.

    Args:
        url: The storage, see `open_storage`.
        name: Name of the study.
        space: What the sweep varies.
        seed: Seed of the sampler.
        epochs: Epochs of each trial. None: the spec's.

    Returns:
        The Optuna study.

    Raises:
        UserError: The study was created with other settings, so its trials are not comparable.
    """
    import optuna

    from otolith.sweep.sampler import TrialSeeded

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = open_storage(url)
    varied = {name: repr(kind) for name, kind in space.varied.items()}
    text = json.dumps([space.raw, varied, space.limits, space.board, epochs])
    mark = hashlib.sha256(text.encode()).hexdigest()[:16]
    study = optuna.create_study(
        study_name=name, storage=storage, direction="maximize", load_if_exists=True
    )
    theirs = study.user_attrs.get("settings")
    if theirs is None:
        study.set_user_attr("settings", mark)
    elif theirs != mark:
        raise UserError(
            f"{shown(url)}: the sweep {name!r} there has another spec, space, limits or epochs: "
            "use the same files and options, or another --name"
        )
    study.sampler = TrialSeeded(seed)
    return study


def _trainer(out: Path, epochs: int | None, board: str, code: Path | None) -> Any:
    """Makes a function that trains a trial in a folder below `out`. keep.py cleans up."""
    from otolith.train import How, train

    def run(spec: Spec, number: int) -> float:
        if epochs is not None:
            spec = dataclasses.replace(spec, train=dataclasses.replace(spec.train, epochs=epochs))
        nowhere = Console(file=io.StringIO())
        metrics = train(spec, folder_of(out, number), nowhere, how=How(board=board, code=code))
        if metrics.interrupted:
            raise KeyboardInterrupt
        return metrics.validation_accuracy

    return run


def _where(out: Path, best: Any) -> str:
    """Says where the network of the best trial is, which may be on another machine."""
    if kept(out) == best.number:
        return f"network: {out / 'best'}"
    return f"network: with the worker that trained it, {best.user_attrs.get(WHERE)}"


@click.command()
@click.argument("model", type=PATH)
@click.option("--space", type=PATH, help="What to vary; default: sweep.toml beside the spec.")
@click.option(
    "--trials", type=click.IntRange(1, 100_000), help="Trials of all workers; default: 20."
)
@click.option(
    "--epochs", type=click.IntRange(1, 10_000), help="Epochs of each trial; default: the spec's."
)
@click.option("--storage", help="URL that workers share; default: sqlite in MODEL's out/sweep.")
@click.option("--name", help="Name of the sweep; default: the model's.")
@click.option("--flash", type=click.IntRange(1), help="Limit: bytes of weights and tables.")
@click.option("--ram", type=click.IntRange(1), help="Limit: bytes of arena and feature window.")
@click.option("--latency-ms", type=click.FloatRange(0, min_open=True), help="Limit: one inference.")
@click.option("--board", help="Board for --latency-ms; default: pico.")
@click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), help="Start no trial after this time."
)
@click.option(
    "--grace",
    type=click.FloatRange(0.5),
    default=GRACE,
    show_default=True,
    help="Seconds until a silent worker's trial is taken over.",
)
@click.option("--allow-code", is_flag=True, help="As `host train --allow-code`.")
@click.option("--json", "as_json", is_flag=True, help="Print the best trial as JSON.")
def sweep(
    model: Path,
    space: Path | None,
    trials: int | None,
    epochs: int | None,
    storage: str | None,
    name: str | None,
    flash: int | None,
    ram: int | None,
    latency_ms: float | None,
    board: str | None,
    minutes: float | None,
    grace: float,
    allow_code: bool,
    as_json: bool,
) -> None:
    """Search for the settings of MODEL with the best validation accuracy, within board limits.

    Start the same command again, here or on any machine that reaches the storage, to add workers.
    --trials counts the trials of all workers that have a result or exceed a limit. You may kill a
    worker at any time. Another worker takes over its trial after --grace seconds. The limits apply
    to the network alone and are checked before training. Latency is measured on a virtual board,
    once for all networks of the same shapes. Without a sweep.toml, the search varies learning
    rate, dropout and batch.

    \b
    Examples:
        host sweep models/fire_alarm --trials 30 --ram 40000
        host sweep models/fire_alarm --storage postgresql://me@lab/sweeps
        host sweep models/fire_alarm --storage journal:////mnt/share/fire_alarm.log
    """
    file = spec_file(model)
    beside = file.parent / "sweep.toml"
    found = load_space(file, space or (beside if beside.exists() else None))
    given = {"flash": flash, "ram": ram, "latency_ms": latency_ms}
    found.limits.update({k: v for k, v in given.items() if v is not None})
    found = dataclasses.replace(found, board=board or found.board)
    check_board(found.board, "latency_ms" in found.limits, "--board")
    trials = trials or found.search.get("trials", 20)
    epochs = epochs or found.search.get("epochs")
    spec = parse(found.raw, str(file))
    home = out = file.parent / "out" / "sweep"
    if name is not None:
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,39}", name):
            raise UserError(f"--name {short(name)}: letters, digits, . _ - only, up to 40")
        out = home.with_name(f"sweep-{name}")
    url = storage or f"sqlite:///{home / 'sweep.db'}"
    console = Console(stderr=as_json)
    seed = found.search.get("seed", spec.train.seed)
    study = join(url, name or spec.model.name, found, seed, epochs)
    tidy(out, study)

    def told(trial: Any) -> None:
        tidy(out, study)
        done = f"{count_finished(study)} of {trials}"
        if not is_quiet():
            console.print(f"trial {trial.number} ({done}): {results.words(trial)}", highlight=False)

    usual = "" if space or beside.exists() else f" (default space: there is no {beside})"
    if not is_quiet():
        console.print(
            f"{spec.model.name}: {', '.join(found.varied)}{usual}; trials in {shown(url)}",
            highlight=False,
            soft_wrap=True,
        )
    code = file.parent if allow_code else None
    trainer = _trainer(out, epochs, found.board, code)
    needs = functools.partial(network.needs, code=code)
    worker = Worker(study, found, trials, needs, trainer, told, grace)
    from optuna.exceptions import StorageInternalError

    failed: UserError | None = None
    try:
        worker.run(60 * minutes if minutes else float("inf"))
    except KeyboardInterrupt:
        console.print("Stopped. Run the same command to continue.")
    except UserError as error:
        failed = error
    except (OSError, StorageInternalError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"{line}: fix this, then run the same command to continue") from error
    tidy(out, study)
    try:
        results.write(out, study, found)
    except OSError as error:
        console.print(f"Warning: no report in {out}: {error.strerror}", highlight=False)
    if failed is not None:
        raise failed
    ranked = results.best_first(study)
    if not ranked:
        reasons = {results.words(t) for t in study.get_trials(deepcopy=False)}
        raise UserError(f"no trial has a result: {'; '.join(sorted(reasons)) or 'none started'}")
    if as_json:
        best = ranked[0]
        about = {"trial": best.number, "validation_accuracy": best.value, "settings": best.params}
        click.echo(json.dumps({**about, "finished": count_finished(study)}))
        return
    results.show(console, study, found)
    console.print(results.settings(ranked[0].params), highlight=False, markup=False)
    console.print(f"{out / 'best.toml'}, {out / 'report.html'}; {_where(out, ranked[0])}")

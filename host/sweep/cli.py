"""`host sweep`."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from host.errors import UserError
from host.spec import Spec, parse, spec_file
from host.sweep import limits as network
from host.sweep import results
from host.sweep.space import LIMITS, Space, load_space
from host.sweep.storage import open_storage, shown
from host.sweep.worker import GRACE, Worker, count_finished

PATH = click.Path(path_type=Path)


def join(url: str, name: str, space: Space, seed: int) -> Any:
    """The study `name` in a storage, made if it is not there. UserError if it is of other settings:
    their trials can't be compared."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = open_storage(url)
    text = json.dumps([space.raw, {n: repr(k) for n, k in space.varied.items()}, space.limits])
    mark = hashlib.sha256(text.encode()).hexdigest()[:16]
    study = optuna.create_study(
        study_name=name, storage=storage, direction="maximize", load_if_exists=True
    )
    theirs = study.user_attrs.get("settings")
    if theirs is None:
        study.set_user_attr("settings", mark)
    elif theirs != mark:
        raise UserError(
            f"{shown(url)}: the sweep {name!r} there is of another spec or space: "
            "take the same files, or another --name"
        )
    # Each that joins draws otherwise; one alone draws the same again.
    study.sampler = optuna.samplers.TPESampler(
        seed=seed + len(study.get_trials(deepcopy=False)),
        n_startup_trials=5,
    )
    return study


def _trainer(out: Path, study: Any, epochs: int | None) -> Any:
    """Trains a trial; the best network so far stays in `out`/best."""
    from host.train import train

    def run(spec: Spec, number: int) -> float:
        import dataclasses

        if epochs is not None:
            spec = dataclasses.replace(spec, train=dataclasses.replace(spec.train, epochs=epochs))
        folder = out / f"trial_{number}"
        try:
            metrics = train(spec, folder, Console(file=io.StringIO()))
            if metrics["stopped"].startswith("interrupted"):
                raise KeyboardInterrupt
            value = metrics["validation_accuracy"]
            ranked = results.best_first(study)
            if not ranked or value > ranked[0].value:
                shutil.rmtree(out / "best", ignore_errors=True)
                folder.rename(out / "best")
            return value
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    return run


@click.command()
@click.argument("model", type=PATH)
@click.option("--space", type=PATH, help="What varies; default: MODEL's sweep.toml, if it has one.")
@click.option("--trials", type=click.IntRange(1, 100_000), default=20, show_default=True)
@click.option("--epochs", type=click.IntRange(1, 10_000), help="Of a trial, instead of the spec's.")
@click.option("--storage", help="Where workers meet; default: sqlite in MODEL's out/sweep.")
@click.option("--name", help="Of the sweep; default: the model's.")
@click.option("--flash", type=click.IntRange(1), help="Limit: bytes of weights and tables.")
@click.option("--ram", type=click.IntRange(1), help="Limit: bytes of arena and feature window.")
@click.option("--latency-ms", type=click.FloatRange(0, min_open=True), help="Limit: an inference.")
@click.option("--board", help="Whose latency is limited.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="No new trial after it.")
@click.option("--grace", type=click.FloatRange(0.5), default=GRACE, show_default=True, help="s.")
@click.option("--json", "as_json", is_flag=True, help="Print the best trial as JSON.")
def sweep(
    model: Path,
    space: Path | None,
    trials: int,
    epochs: int | None,
    storage: str | None,
    name: str | None,
    flash: int | None,
    ram: int | None,
    latency_ms: float | None,
    board: str | None,
    minutes: float | None,
    grace: float,
    as_json: bool,
) -> None:
    """Search MODEL's settings for the best validation accuracy, under limits of a board.

    The same command, started again here or on any machine that reaches the storage, joins in;
    --trials is their number over all workers. A worker may be killed at any time: after --grace
    seconds its trial is taken over. Without a sweep.toml, learning rate, dropout and batch vary.

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
    assert set(found.limits) <= set(LIMITS)
    if board is not None:
        found = Space(found.raw, found.where, found.varied, found.limits, board)
    spec = parse(found.raw, str(file))
    out = file.parent / "out" / "sweep"
    url = storage or f"sqlite:///{out / 'sweep.db'}"
    console = Console(stderr=as_json)
    study = join(url, name or spec.model.name, found, spec.train.seed)

    def told(trial: Any) -> None:
        done = f"{count_finished(study)} of {trials}"
        console.print(f"trial {trial.number} ({done}): {results.words(trial)}", highlight=False)

    console.print(
        f"{spec.model.name}: {', '.join(found.varied)}; trials in {shown(url)}",
        highlight=False,
        soft_wrap=True,
    )
    trainer = _trainer(out, study, epochs)
    worker = Worker(study, found, trials, network.needs, trainer, told, grace)
    try:
        worker.run(60 * minutes if minutes else float("inf"))
    except KeyboardInterrupt:
        console.print("stopped: the same command goes on")
    ranked = results.best_first(study)
    with contextlib.suppress(OSError):
        results.write(out, study, found)
    if not ranked:
        reasons = {results.words(t) for t in study.get_trials(deepcopy=False)}
        raise UserError(f"no trial has a result: {'; '.join(sorted(reasons)) or 'none was begun'}")
    if as_json:
        best = ranked[0]
        about = {"trial": best.number, "validation_accuracy": best.value, "settings": best.params}
        click.echo(json.dumps({**about, "finished": count_finished(study)}))
        return
    results.show(console, study, found)
    console.print(results.settings(ranked[0].params), highlight=False, markup=False)
    console.print(f"{out / 'best.toml'}, {out / 'report.html'}; network: {out / 'best'}")

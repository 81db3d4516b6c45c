"""`host bench engines`: compares the compiled engine with TensorFlow Lite Micro."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from otolith.bench.cores import CORES, Core
from otolith.bench.measure import Cost, measure, record, recorded, recorded_alone, shared_or_given
from otolith.bench.timing.engine import words
from otolith.bench.timing.flash import CHIPS
from otolith.errors import UserError
from otolith.firmware import tflm
from otolith.paths import test_models

# Goals of the compiled engine: shares of the other engine's counts; bytes and start are absolute.
TARGETS = {"m0plus": (1 / 5, 1 / 3), "m4f": (1 / 2, 1 / 1.4), "m33": (1 / 2, 1 / 1.4)}
CODE_OF, CODE_BYTES = "kws_ref", 12_000
ARENA_SHARE = 0.75
START = 1000

HEAD = (
    f"{'network':<18}{'engine':<13}{'count':>13}{'a MAC':>7}{'ratio':>7}"
    f"{'flash':>9}{'weights':>9}{'arena':>8}{'RAM':>8}{'start':>11}"
)


def _number(value: int | None, width: int) -> str:
    return f"{'-' if value is None else f'{value:,}':>{width}}"


def line(name: str, cost: Cost, macs: int, other: Cost | None) -> str:
    """A row of the table. other: what the ratio refers to."""
    engine = cost.engine + ("*" if cost.recorded else "")
    each = f"{cost.count / macs:.1f}" if macs else ""
    ratio = f"{cost.count / other.count:.3f}" if other else ""
    return (
        f"{name:<18}{engine:<13}{cost.count:>13,}{each:>7}{ratio:>7}{cost.flash:>9,}"
        f"{_number(cost.weights, 9)}{cost.arena:>8,}{_number(cost.ram, 8)}{_number(cost.start, 11)}"
    )


def _speed(core: Core, ratios: dict[str, float], of: str) -> list[tuple[str, float, float]]:
    """Goals of speed and what is reached. of: names the other engine."""
    mean_share, worst_share = TARGETS[core.name]
    worst = max(ratios, key=ratios.__getitem__)
    return [
        (f"mean share of {of}", mean_share, float(np.exp(np.mean(np.log(list(ratios.values())))))),
        (f"worst of them ({worst})", worst_share, ratios[worst]),
    ]


def reached(core: Core, pairs: dict[str, tuple[Cost, Cost]]) -> list[dict]:
    """The goals of the compiled engine and what it reaches. Means are geometric."""
    alone = {name: recorded_alone(name, core) for name in pairs}
    ratios = {name: pairs[name][0].count / count for name, count in alone.items() if count}
    found: list[tuple[str, float, float]] = []
    if ratios:
        found += _speed(core, ratios, "TFLM alone, recorded")
    ratios = {name: ours.count / theirs.count for name, (ours, theirs) in pairs.items()}
    found += _speed(core, ratios, "the tflm engine")
    arenas = {name: ours.arena / theirs.arena for name, (ours, theirs) in pairs.items()}
    largest = max(arenas, key=arenas.__getitem__)
    found += [
        (f"worst arena ({largest})", ARENA_SHARE, arenas[largest]),
        ("slowest start", START, max(ours.start or 0 for ours, _ in pairs.values())),
    ]
    if CODE_OF in pairs:
        found.append((f"code and tables, {CODE_OF}", CODE_BYTES, pairs[CODE_OF][0].flash))
    return [
        {"what": what, "target": target, "reached": got, "met": got <= target}
        for what, target, got in found
    ]


def _plain(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def print_core(core: Core, rows: Sequence[tuple[str, int, Cost | None, Cost | None]]) -> None:
    """Prints the table and the goals of a core."""
    click.echo(f"\n{core.name} ({core.board}): {core.unit}; bytes")
    click.echo(HEAD)
    for name, macs, ours, theirs in rows:
        if ours:
            click.echo(line(name, ours, macs, theirs))
        if theirs:
            click.echo(line(name, theirs, macs, None))
    for name, macs, ours, _ in rows:
        if ours and ours.cycles:
            click.echo(f"  {name} {words(CHIPS[core.chip], ours.cycles, ours.waits, macs)}")
    pairs = {name: (a, b) for name, _, a, b in rows if a and b}
    for target in reached(core, pairs) if pairs else []:
        met = "met" if target["met"] else "missed"
        click.echo(
            f"  {target['what']:<36} target {_plain(target['target']):>7}   reached "
            f"{_plain(target['reached']):>9}   {met}"
        )


@click.group()
def bench() -> None:
    """Measure what runs on the chip, in emulated cycles or instructions.

    \b
    Example:
        host bench engines
    """


def other_engine(
    path: Path, core: Core, ideal_flash: bool = False
) -> tuple[Cost | None, str | None]:
    """The cost of TensorFlow Lite Micro: measured, or recorded and why it is not measured."""
    reason = tflm.missing(core.environment("tflm"))
    if reason is None:
        return measure(path, core, "tflm", ideal_flash), None
    return recorded(path.stem, core), reason


def compare(name: str, core: Core, ours: Cost, theirs: Cost | None) -> None:
    """Raises UserError if the outputs of both engines differ."""
    if theirs and not theirs.recorded and ours.outputs != theirs.outputs:
        raise UserError(f"{name} on {core.name}: the engines' outputs differ: that is a bug")


def beside_bakenn(models: list[Path], core: Core) -> list[tuple[str, int, list[str], list[Cost]]]:
    """Measures the part of each network that bakenn accepts.

    Returns:
        Name, multiply-accumulate operations, removed operations and costs, of the compiled engine
        first.
    """
    from otolith.bench.bakenn import acceptable, measure_bakenn
    from otolith.compile import analyse_model, read_file

    found = []
    for path in models:
        data, gone = acceptable(read_file(path))
        with tempfile.TemporaryDirectory() as folder:
            part = Path(folder) / path.name
            part.write_bytes(data)
            ours = measure(part, core)
            kinds = (False,) if core.name == "m0plus" else (False, True)
            others = [measure_bakenn(part, core, kind) for kind in kinds]
        for other in others:
            if other.outputs != ours.outputs:
                raise UserError(f"{path.stem} on {core.name}: bakenn's outputs differ")
        found.append((path.stem, analyse_model(data, path.stem).macs, gone, [ours, *others]))
    return found


def print_bakenn(core: Core, rows: list[tuple[str, int, list[str], list[Cost]]]) -> None:
    """Prints the table of beside_bakenn()."""
    click.echo(f"\n{core.name}: bakenn, as it takes the networks: without {_left_out(rows)}")
    click.echo(HEAD)
    for name, macs, _, (ours, *others) in rows:
        best = min(others, key=lambda cost: cost.count)
        click.echo(line(name, ours, macs, best))
        for cost in others:
            click.echo(line(name, cost, macs, None))


def _left_out(rows: list[tuple[str, int, list[str], list[Cost]]]) -> str:
    return "; ".join(f"{', '.join(gone) or 'nothing'} ({name})" for name, _, gone, _ in rows)


@bench.command()
@click.argument("models", nargs=-1, type=click.Path(path_type=Path))
@click.option("--core", "names", type=click.Choice(list(CORES)), multiple=True, help="Default: all")
@click.option("--compiled", "alone", is_flag=True, help="Don't build the tflm engine.")
@click.option("--keep", "keep", is_flag=True, help="Write what TFLM measured to the record.")
@click.option("--ideal-flash", is_flag=True, help="M0+: flash answers at once.")
@click.option("--bakenn", is_flag=True, help="Also PyPI's bakenn, on what it takes of MODELS.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def engines(
    models: tuple[Path, ...],
    names: tuple[str, ...],
    alone: bool,
    keep: bool,
    ideal_flash: bool,
    bakenn: bool,
    as_json: bool,
) -> None:
    """Compare the compiled engine with TensorFlow Lite Micro and CMSIS-NN on each core.

    Both run one inference of MODELS (default: the shared test networks) on the same input, built
    with the same flags. Their outputs must be equal.

    count: cycles or instructions of an inference. start: those of nn_init(). flash: the engine's
    code and tables without weights (TensorFlow Lite Micro: without the model file). RAM: arena and
    all other variables of the engine.

    \b
    Example:
        host bench engines kws_ref.tflite --core m4f --compiled
    """
    from otolith.bench.bakenn import installed
    from otolith.compile import analyse_model, read_file

    if bakenn and (reason := installed()):
        raise UserError(reason)
    found = []
    reasons: dict[str, None] = {}
    for core in (CORES[name] for name in names or CORES):
        rows = []
        for path in shared_or_given(models, test_models()):
            macs = analyse_model(read_file(path), path.stem).macs
            ours = measure(path, core, ideal_flash=ideal_flash)
            if alone:
                theirs, reason = recorded(path.stem, core), "--compiled"
            else:
                theirs, reason = other_engine(path, core, ideal_flash)
            reasons |= {reason: None} if reason else {}
            compare(path.stem, core, ours, theirs)
            if keep and theirs and not theirs.recorded:
                record({(path.stem, core.name): theirs})
            rows.append((path.stem, macs, ours, theirs))
        if as_json:
            pairs = {name: (a, b) for name, _, a, b in rows if b}
            found.append(
                {
                    "core": core.name,
                    "unit": core.unit,
                    "networks": [
                        {"name": name, "macs": macs, "engines": [_json(c) for c in costs if c]}
                        for name, macs, *costs in rows
                    ],
                    "targets": reached(core, pairs) if pairs else [],
                }
            )
        else:
            print_core(core, rows)
        if bakenn:
            others = beside_bakenn(shared_or_given(models, test_models()), core)
            if as_json:
                found[-1]["bakenn"] = [
                    {"name": n, "left_out": gone, "engines": [_json(c) for c in costs]}
                    for n, _, gone, costs in others
                ]
            else:
                print_bakenn(core, others)
    if as_json:
        click.echo(json.dumps(found))
        return
    for reason in reasons:
        click.echo(f"\n* recorded in bench/results/tflm_baseline.json, not measured now: {reason}")
    if reasons and not ideal_flash:
        click.echo("the record's M0+ counts have no waits for flash: compare with --ideal-flash")
    if not reasons:
        click.echo("\nboth engines gave the same outputs for all inputs")


def _json(cost: Cost) -> dict:
    return {key: value for key, value in vars(cost).items() if key != "outputs"}

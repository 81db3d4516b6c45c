"""`host run`: runs a network on this computer or on a virtual board."""

from __future__ import annotations

import io
import json
from pathlib import Path

import click
import numpy as np

from otolith.compile import read_file, schedule_model
from otolith.compile.engine import HostModel, as_in_file, to_int8
from otolith.errors import UserError
from otolith.evaluate.models import trained
from otolith.files import write_bytes


def load_input(path: Path) -> np.ndarray:
    """Reads a .npy file without unpickling. Raises UserError if it can't be read."""
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise UserError(f"{path}: not a .npy array: {reason}") from error


def run_on_board(
    model: Path, value: np.ndarray, board: str, ideal_flash: bool = False
) -> tuple[np.ndarray, dict]:
    """Runs a network once on a virtual board; returns its output and what was measured."""
    from otolith.bench.cores import CORES, PICO2, run
    from otolith.bench.timing import CHIPS
    from otolith.bench.timing.engine import layer_times
    from otolith.firmware.build import build
    from otolith.firmware.size import by_part, total

    core = next(core for core in (*CORES.values(), PICO2) if core.board == board)
    schedule = schedule_model(read_file(model), model.stem)
    network = schedule.network
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise UserError(f"{model}: the bench app runs networks with one input and one output")
    edge, out = network.inputs[0], network.outputs[0]
    q = to_int8(value, edge)
    firmware = build(core.environment(), model)
    ran = run(core, firmware, network.digest, [q.tobytes()], ideal_flash)
    answer = np.frombuffer(ran.outputs[0], np.int8).reshape(out.shape)
    answer = as_in_file(answer, out, network.edge_type(0))
    parts = by_part(firmware.map)
    modelled = {}
    if core.chip:
        times = layer_times(firmware, board, CHIPS[core.chip], [q.tobytes()])
        cycles, waits = sum(t.cycles for t in times), sum(t.waits for t in times)
        modelled = {"chip": core.chip, "modelled_cycles": cycles, "flash_waits": waits}
    timed = {"ms": round(ran.count / ran.clock_hz * 1000, 3)} if core.unit == "cycles" else {}
    return answer, {
        core.unit: ran.count,
        **timed,
        **modelled,
        "arena": ran.arena,
        "macs": schedule.macs,
        "flash": {name: use.flash for name, use in parts.items()} | {"total": total(parts).flash},
        "ram": {name: use.ram for name, use in parts.items()} | {"total": total(parts).ram},
    }


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--input", "source", type=click.Path(path_type=Path), required=True, help="Input: .npy."
)
@click.option(
    "--output", "target", type=click.Path(path_type=Path), required=True, help="Output: .npy."
)
@click.option(
    "--board",
    type=click.Choice(["host", "pico", "pico2", "mps2_an386", "mps2_an505"]),
    default="host",
    show_default=True,
    help="Where to run it; host is this computer.",
)
@click.option("--ideal-flash", is_flag=True, help="Pico: flash answers at once.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def run(
    model: Path, source: Path, target: Path, board: str, ideal_flash: bool, as_json: bool
) -> None:
    """Run MODEL (an int8 .tflite or its folder) once, on this computer or on a virtual board.

    \b
    Example:
        host run kws.tflite --input x.npy --output y.npy --board pico
    """
    from otolith.bench.timing import CHIPS
    from otolith.bench.timing.engine import words

    value = load_input(source)
    model = trained(model).tflite
    try:
        if board == "host":
            engine = HostModel(read_file(model))
            out = engine.invoke(value)
            schedule = engine.compiled.schedule
            figures = {key: getattr(schedule, key) for key in ("arena", "weights", "macs")}
        else:
            out, figures = run_on_board(model, value, board, ideal_flash)
    except UserError as error:
        if error.message.startswith(str(model)):
            raise
        raise UserError(f"{model}: {error.message}") from error
    buffer = io.BytesIO()
    np.save(buffer, out)
    write_bytes(target, buffer.getvalue())
    if as_json:
        click.echo(json.dumps({"board": board, "output": str(target), **figures}))
        return
    click.echo(f"output {list(out.shape)} {out.dtype} -> {target}")
    if board != "host":
        unit = "cycles" if "cycles" in figures else "instructions"
        notes = [f"{figures['ms']} ms at 125 MHz"] if "ms" in figures else []
        notes += [f"{figures[unit] / figures['macs']:.1f} a MAC"] if figures["macs"] else []
        click.echo(f"{figures[unit]:,} {unit} ({', '.join(notes)})")
        if "chip" in figures:
            cycles, waits = figures["modelled_cycles"], figures["flash_waits"]
            click.echo(words(CHIPS[figures["chip"]], cycles, waits, figures["macs"]))
        click.echo(f"{'part':<16}{'flash':>10}{'RAM':>10}   bytes")
        for name, flash in figures["flash"].items():
            click.echo(f"{name:<16}{flash:>10,}{figures['ram'][name]:>10,}")
    click.echo(f"arena {figures['arena']:,} bytes, {figures['macs']:,} MACs")

"""Measures what an engine costs for a network on a core."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from otolith.bench.cores import Core, fixed_inputs, run
from otolith.bench.size import engine_bytes
from otolith.bench.timing.engine import layer_times, split
from otolith.bench.timing.flash import CHIPS
from otolith.errors import UserError
from otolith.files import write_text
from otolith.firmware.build import build
from otolith.paths import ROOT

BASELINE = ROOT / "bench" / "results" / "tflm_baseline.json"


@dataclass(frozen=True)
class Cost:
    """The cost of a network. What was not measured is None.

    Attributes:
        engine: Name of the engine.
        count: One inference, in the core's unit.
        start: nn_init(), in the core's unit.
        flash: Bytes of code and tables without weights (TFLM: without the model file).
        weights: Bytes of weights.
        arena: Bytes of activations and working memory.
        ram: Bytes of all variables. The compiled engine's input buffer counts only in apps that
            fill it.
        stack: Bytes of stack of the whole app.
        layers: Each layer, in the core's unit.
        outputs: Outputs of fixed_inputs().
        cycles: Modelled cycles of an inference, where instructions are counted.
        waits: Those of them that wait for flash.
        recorded: Whether the figures come from BASELINE.
    """

    engine: str
    count: int
    start: int | None
    flash: int
    weights: int | None
    arena: int
    ram: int | None
    stack: int | None = None
    layers: tuple[int, ...] = ()
    outputs: tuple[bytes, ...] = ()
    cycles: int | None = None
    waits: int = 0
    recorded: bool = False


def measure(path: Path, core: Core, engine: str = "compiled", ideal_flash: bool = False) -> Cost:
    """Builds the bench app around a network and runs it.

    No rows are kept for a next hop, so that both engines compute the same.

    Args:
        path: The .tflite.
        core: The core.
        engine: "compiled" or "tflm".
        ideal_flash: Flash answers at once.
    """
    firmware = build(core.environment(engine), path, keep_rows=False)
    report = json.loads((firmware.folder / "model" / "report.json").read_text())
    shapes = [edge["shape"] for edge in report["inputs"]]
    inputs = fixed_inputs(shapes)
    ran = run(core, firmware, report["hash"], inputs, ideal_flash)
    flash, ram = engine_bytes(firmware, core.board)
    weights = report["weights"]
    times = []
    if core.chip and engine == "compiled":
        times = layer_times(firmware, core.board, CHIPS[core.chip], split(inputs[0], shapes))
    return Cost(
        engine=engine,
        count=ran.count,
        start=ran.start,
        flash=flash - weights,
        weights=weights,
        arena=ran.arena,
        ram=ram,
        stack=ran.stack,
        layers=ran.layers,
        outputs=ran.outputs,
        cycles=sum(time.cycles for time in times) if times else None,
        waits=sum(time.waits for time in times),
    )


RECORDED = ("count", "start", "flash", "weights", "arena", "ram")


def recorded(name: str, core: Core) -> Cost | None:
    """TensorFlow Lite Micro's figures for a shared network in BASELINE."""
    found = json.loads(BASELINE.read_text())["networks"].get(name, {}).get(core.name)
    return found and Cost(engine="tflm", **found, recorded=True)


def recorded_alone(name: str, core: Core) -> int | None:
    """TensorFlow Lite Micro's count in BASELINE for a shared network in a program of its own."""
    return json.loads(BASELINE.read_text())["alone"].get(name, {}).get(core.name)


def record(costs: dict[tuple[str, str], Cost]) -> None:
    """Writes TensorFlow Lite Micro's measured figures into BASELINE. costs: by network and core."""
    told = json.loads(BASELINE.read_text())
    for (name, core), cost in costs.items():
        told["networks"].setdefault(name, {})[core] = {k: getattr(cost, k) for k in RECORDED}
    write_text(BASELINE, json.dumps(told, indent=2) + "\n")


def shared_or_given(models: tuple[Path, ...], folder: Path) -> list[Path]:
    """The networks to measure: the named ones, else the shared ones."""
    if models:
        return list(models)
    found = sorted(folder.glob("*.tflite"))
    if not found:
        raise UserError(f"no networks in {folder}: name a .tflite, or set OTOLITH_MODELS")
    return found

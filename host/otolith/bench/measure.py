"""What an engine costs for a network on a core."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from otolith.bench.cores import Core, fixed_inputs, run
from otolith.bench.size import engine_bytes
from otolith.errors import UserError
from otolith.files import write_text
from otolith.firmware.build import build
from otolith.paths import ROOT

BASELINE = ROOT / "bench" / "results" / "tflm_baseline.json"


@dataclass(frozen=True)
class Cost:
    """`count` and `start` (nn_init) in the core's unit, None where nobody measured them; bytes of
    everything else. `flash`: the engine's code and tables without weights (of TFLM: without the
    model file); `arena`: activations and scratch; `ram`: all the engine's variables (the
    compiled engine's input buffer only counts in apps that fill it)."""

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
    recorded: bool = False  # read from BASELINE, not measured now


def measure(path: Path, core: Core, engine: str = "compiled") -> Cost:
    """Build the bench app around the network of `path`, run it once on the fixed input. One whole
    pass is what both engines do, so nothing is kept for a next hop."""
    firmware = build(core.environment(engine), path, keep_rows=False)
    report = json.loads((firmware.folder / "model" / "report.json").read_text())
    inputs = fixed_inputs([edge["shape"] for edge in report["inputs"]])
    ran = run(core, firmware, report["hash"], inputs)
    flash, ram = engine_bytes(firmware, core.board)
    weights = report["weights"]
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
    )


RECORDED = ("count", "start", "flash", "weights", "arena", "ram")


def recorded(name: str, core: Core) -> Cost | None:
    """TensorFlow Lite Micro's figures for a shared network as BASELINE has them."""
    found = json.loads(BASELINE.read_text())["networks"].get(name, {}).get(core.name)
    return found and Cost(engine="tflm", **found, recorded=True)


def recorded_alone(name: str, core: Core) -> int | None:
    """TensorFlow Lite Micro's count for a shared network in a program of its own, as recorded."""
    return json.loads(BASELINE.read_text())["alone"].get(name, {}).get(core.name)


def record(costs: dict[tuple[str, str], Cost]) -> None:
    """Put measured figures of TensorFlow Lite Micro, by network and core, into BASELINE."""
    told = json.loads(BASELINE.read_text())
    for (name, core), cost in costs.items():
        told["networks"].setdefault(name, {})[core] = {k: getattr(cost, k) for k in RECORDED}
    write_text(BASELINE, json.dumps(told, indent=2) + "\n")


def shared_or_given(models: tuple[Path, ...], folder: Path) -> list[Path]:
    """The networks to measure: those named, else the shared ones."""
    if models:
        return list(models)
    found = sorted(folder.glob("*.tflite"))
    if not found:
        raise UserError(f"no networks in {folder}: name a .tflite, or set OTOLITH_MODELS")
    return found

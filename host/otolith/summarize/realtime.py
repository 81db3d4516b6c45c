"""Does a model keep up? Cycles of microphone, front end and network in a hop, before any build.

What a family of chips needs for a tap, a row, an output is measured (`python bench/costs.py`) and
stands in costs/<family>.json; families without such a file are not judged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from otolith.compile import Compiled, compile_graph
from otolith.compile.cores import OPTIMIZE, PORTABLE, choose_kernels
from otolith.compile.graph import Graph, Step
from otolith.compile.metadata import read_metadata
from otolith.device.boards import Board, named

COSTS = Path(__file__).parent / "costs"
ANY = "any"  # the operation whose costs stand for one that was not measured


def _taps(size: int, out: int, kernel: int, stride: int, pad: int, dilation: int) -> int:
    """Taps along one axis that lie inside the input, over all outputs."""
    return sum(
        0 <= place * stride - pad + tap * dilation < size
        for place in range(out)
        for tap in range(kernel)
    )


def work(step: Step, graph: Graph) -> dict[str, int]:
    """What an operation does: macs (or taps) really done, products with those of padding, rows of
    taps, lines and pixels of the output, pixels that see more than one tap, heights (rows of taps)
    and dilations of all channels, outputs, inputs."""
    made, given = graph.tensors[step.output].count, graph.tensors[step.inputs[0]].count
    if step.rows:
        made, given = round(made * step.rows.part), round(given * step.rows.shares[0][1])
    found = {"outputs": made, "inputs": given, "calls": 1}
    w = step.settings.get("window")
    if w is None:
        return {**found, "macs": step.macs}
    axes = [
        _taps(
            *(w[f"{name}_{axis}"] for name in ("in", "out", "kernel", "stride", "pad", "dilation"))
        )
        for axis in ("h", "w")
    ]
    pixels = w["batches"] * w["out_h"] * w["out_w"]
    depth = w["in_c"] if step.operation == "CONV_2D" else 1
    return {
        **found,
        "macs": w["batches"] * axes[0] * axes[1] * depth * w["out_c"],
        "products": w["batches"]
        * (w["out_h"] * w["out_w"] * w["out_c"])
        * (w["kernel_h"] * w["kernel_w"] * depth),
        "rows": w["batches"] * axes[0] * w["out_w"] * w["out_c"],
        "heights": w["batches"] * w["out_c"] * w["kernel_h"],
        "dilations": w["batches"] * w["out_c"] * w["dilation_h"],
        "lines": w["batches"] * w["out_h"],
        "pixels": pixels,
        "wide": pixels if w["kernel_h"] * w["kernel_w"] > 1 else 0,
    }


def steps_of(compiled: Compiled) -> list[Step]:
    """The kernel calls of a full pass, in order."""
    return [step for step in compiled.steps if isinstance(step, Step)]


def steps_of_hop(compiled: Compiled) -> list[Step]:
    """The kernel calls when the window has slid by a hop."""
    program = compiled.stream.slide if compiled.stream else compiled.steps
    return [step for step in program if isinstance(step, Step)]


def frame_work(features: dict) -> dict[str, float]:
    """What a frame of a front end does."""
    size = 1 << (features["window"] - 1).bit_length()
    return {
        "butterflies": size / 2 * (size.bit_length() - 1),
        "window": features["window"],
        "bands": features["bands"],
    }


def _cost(prices: dict[str, float], units: dict) -> float:
    return sum(price * units.get(name, 0) for name, price in prices.items())


@dataclass(frozen=True)
class Estimate:
    """Milliseconds of a hop on a board."""

    name: str
    board: str
    microphone_ms: float
    features_ms: float
    network_ms: float
    hop_ms: float

    @property
    def total_ms(self) -> float:
        """All that a hop costs."""
        return self.microphone_ms + self.features_ms + self.network_ms

    @property
    def keeps_up(self) -> bool:
        """Whether it is done before the next hop is there."""
        return self.total_ms <= self.hop_ms

    def line(self) -> str:
        """What it means, and if it does not keep up, by how much and what helps."""
        share = self.total_ms / self.hop_ms
        text = (
            f"{self.name} on {self.board}: about {self.total_ms:.1f} ms of {self.hop_ms:g} ms a hop"
        )
        parts = (
            f"microphone {self.microphone_ms:.1f}, front end {self.features_ms:.1f}, network "
            f"{self.network_ms:.1f}"
        )
        if self.keeps_up:
            return f"{text} ({share:.0%}: {parts})"
        return (
            f"{text}: will not keep up ({share - 1:.0%} over: {parts}): raise [deploy] hop_frames "
            "or take a smaller [model] architecture"
        )

    def figures(self) -> dict:
        """For --json."""
        return {
            "microphone_ms": round(self.microphone_ms, 3),
            "features_ms": round(self.features_ms, 3),
            "network_ms": round(self.network_ms, 3),
            "hop_ms": self.hop_ms,
            "keeps_up": self.keeps_up,
        }


def priced(steps: list[Step], graph: Graph, core: str) -> list[str]:
    """What each step is listed as in a file of costs: the core's own kernel, else the operation."""
    kernels = choose_kernels(graph, steps, core, OPTIMIZE[0])
    return [
        step.operation if kernel.kernel == step.kernel else kernel.kernel
        for step, kernel in zip(steps, kernels, strict=True)
        if isinstance(kernel, Step)
    ]


def network_cycles(compiled: Compiled, costs: dict) -> float:
    """Cycles of one inference, each window a hop behind the one before."""
    prices = costs["operations"]
    steps = steps_of_hop(compiled)
    names = priced(steps, compiled.graph, costs.get("core", PORTABLE))
    total = 0.0
    for step, name in zip(steps, names, strict=True):
        price = prices.get(name) or prices.get(step.operation, prices[ANY])
        total += _cost(price, work(step, compiled.graph))
    return total


def costs_of(family: str) -> dict | None:
    """What was measured on a family of chips."""
    file = COSTS / f"{family}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def estimate(compiled: Compiled, metadata: dict | None, board: Board) -> Estimate | None:
    """What a hop costs on a board; None if its chip was not measured, or nothing listens."""
    costs = costs_of(board.family)
    if costs is None or metadata is None or not board.clock_hz:
        return None
    features, hop_frames = metadata["features"], metadata["deploy"]["hop_frames"]
    samples = hop_frames * features["hop"]
    milli = 1000 / board.clock_hz
    values = features["frames"] * features["bands"]
    prepare = costs["window"].get(features["compress"], 0) * values
    return Estimate(
        compiled.report["name"],
        board.id,
        samples * costs["microphone"] * milli,
        hop_frames * _cost(costs["features"][features["kind"]], frame_work(features)) * milli,
        (prepare + network_cycles(compiled, costs)) * milli,
        1000 * samples / features["sample_rate"],
    )


def of_file(data: bytes, name: str, board: str, hop: int | None = None) -> Estimate | None:
    """As estimate(), of a .tflite file and a board's id; hop: compile_graph's. UserError."""
    return estimate(compile_graph(data, name, hop=hop), read_metadata(data), named(board))

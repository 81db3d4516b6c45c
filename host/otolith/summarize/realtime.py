"""Estimates, before anything is built, whether a model keeps up with the microphone.

It adds up the cost of microphone, front end and network in a hop. `python bench/costs.py` measures
what a product, a row or an output costs. costs/<chip family>.json is in cycles. For cores that are
only emulated here, costs/<kernels>.json is in instructions, with the range of cycles that an
instruction takes. Boards without such a file get no estimate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otolith.compile import Analysis, analyse_model
from otolith.compile.cores import CORE_OF_CPU, OPTIMIZE, PORTABLE, choose_kernels
from otolith.compile.graph import Code, Graph, Step
from otolith.compile.packing import Value, by_products, room_on
from otolith.compile.schedule import constant_bytes, packed_for_size
from otolith.device.boards import Board, load_boards, named
from otolith.settings.features import FrontEnd

COSTS = Path(__file__).parent / "costs"
CACHE = 16 << 10  # bytes of the RP2040's cache of flash, in two ways
AT_ONCE = 16 / 48  # what a word costs that the serial interface reads with others
ANY = "any"  # its costs are used for operations that were not measured


def _taps(size: int, out: int, kernel: int, stride: int, pad: int, dilation: int) -> int:
    """Number of taps along one axis that lie inside the input, for all outputs together."""
    return sum(
        0 <= place * stride - pad + tap * dilation < size
        for place in range(out)
        for tap in range(kernel)
    )


def lost(size: int) -> float:
    """Share of constants, read in their order again and again, that the cache never keeps.

    A set of the cache that has to hold three lines in its two ways keeps none.
    """
    return min(1.0, 3 * max(0, size - CACHE) / size) if size else 0.0


def fetches(kernel: Step, graph: Graph, first: float = 1.0, part: float = 1.0) -> int:
    """Words of constants that an inference fetches through the RP2040's cache.

    Weights that are code are not among them: they run from RAM.

    Args:
        kernel: Reads its constants as often as _passes() says.
        graph: The network.
        first: Share of them that the cache does not have from the last inference.
        part: Of its rows that are computed. All wait alike for the first piece by DMA.
    """
    size = constant_bytes(graph, [[kernel]], code=False)
    words = kernel.settings.get("fetch", {}).get("words", 0)
    if words:  # the kernel waits for the first piece; the others come while it computes
        return round(words * AT_ONCE)
    return round(size / 4 * (first + lost(size) * (_passes(kernel) - 1)) * part)


def _passes(kernel: Step) -> int:
    """How often a kernel reads its constants in an inference."""
    s = kernel.settings
    if "group_words" in s and s["group_words"] == s["stream_words"]:  # nn_m0_conv_2d
        return s["batches"] * s["out_h"] * s["out_w"]
    w = s.get("window")
    if kernel.operation == "CONV_2D" and w is not None:  # the portable kernel
        return w["batches"] * w["out_h"] * w["out_w"]
    return 1


def _packed(kernel: Step) -> tuple[float, float]:
    """Words of packed weights that a kernel of the M0+ goes through, and those that it takes in
    pieces.
    """
    s = kernel.settings
    pixels = s.get("batches", 1) * s.get("out_h", 1) * s.get("out_w", 1)
    if "taps" in s and isinstance(s["taps"], Code):  # code for two pixels
        pairs = s["batches"] * s["out_h"] * -(-s["out_w"] // 2)
        return s["taps"].bytes / 2 * pairs, 0
    if "stream_words" in s:
        packed = s["stream_words"] * pixels
        whole = s.get("group_words", s["stream_words"]) == s["stream_words"]
        return packed, 0 if whole else packed
    if kernel.kernel == "nn_m0_fully_connected":
        return s["weights"].values.size * pixels, 0
    return 0, 0


def work(
    step: Step, graph: Graph, kernel: Step | None = None, first: float = 1.0
) -> dict[str, int]:
    """How much an operation does, in units that have a price (bench/costs.py).

    Args:
        step: The operation, on its portable kernel.
        graph: The network.
        kernel: The step on the kernel that runs it. Only with it are there "fetches".
        first: Share of its constants that each inference has to fetch again.

    Returns:
        By unit: "macs" products inside the input, "products" with those of padding, "filled" if
        neighbouring values are filled up to four, "rows" of taps, "lines" and "pixels" of the
        output, "wide" pixels that see more than one tap, "patch" values that the pixels see,
        "channels", "planes" (lines of all channels), "heights" (rows of taps) and "dilations" over
        all channels, "outputs", "inputs", "calls", "fetches" (words of constants from flash),
        "packed" (words of weights that the core goes through, padding of its packing included) and
        "grouped" (those of them that come in pieces).
    """
    made, given = graph.tensors[step.output].count, graph.tensors[step.inputs[0]].count
    if step.rows:
        made, given = round(made * step.rows.part), round(given * step.rows.shares[0][1])
    found = {"outputs": made, "inputs": given, "calls": 1}
    if kernel is not None:
        part = step.rows.part if step.rows else 1
        found["fetches"] = fetches(kernel, graph, first, part)
        found["packed"], found["grouped"] = map(round, _packed(kernel))
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
    # A group of channels packs the input again (nn_m0_conv_2d).
    together = kernel.settings.get("group_channels", w["out_c"]) if kernel is not None else None
    groups = -(-w["out_c"] // together) if together else 1
    found["inputs"] *= groups
    depth = w["in_c"] if step.operation == "CONV_2D" else 1
    parts = 1 if w["dilation_w"] == 1 else w["kernel_w"]  # of a row, each of neighbouring values
    blocks = w["kernel_h"] * parts * -(-w["kernel_w"] * depth // parts // 4)
    return {
        **found,
        "macs": w["batches"] * axes[0] * axes[1] * depth * w["out_c"],
        "products": w["batches"]
        * (w["out_h"] * w["out_w"] * w["out_c"])
        * (w["kernel_h"] * w["kernel_w"] * depth),
        "rows": w["batches"] * axes[0] * w["out_w"] * w["out_c"],
        "heights": w["batches"] * w["out_c"] * w["kernel_h"],
        "dilations": w["batches"] * w["out_c"] * w["dilation_h"],
        "lines": w["batches"] * w["out_h"] * groups,
        "pixels": pixels,
        "patch": pixels * w["kernel_h"] * w["kernel_w"] * depth,
        "planes": w["batches"] * w["out_h"] * w["out_c"],
        "channels": w["batches"] * w["out_c"],
        "filled": pixels * 4 * blocks * w["out_c"],
        "wide": pixels * groups if w["kernel_h"] * w["kernel_w"] > 1 else 0,
    }


def frame_work(front_end: FrontEnd) -> dict[str, float]:
    """How much a front end does for one frame, by unit."""
    size = 1 << (front_end.window - 1).bit_length()
    return {
        "butterflies": size / 2 * (size.bit_length() - 1),
        "window": front_end.window,
        "bands": front_end.bands,
    }


def _cost(prices: dict[str, float], units: Mapping[str, float]) -> float:
    return sum(price * units.get(name, 0) for name, price in prices.items())


@dataclass(frozen=True)
class Estimate:
    """What a hop of a model costs on a board, and how long a hop lasts.

    Attributes:
        name: The model.
        board: Id of the board.
        microphone_ms, features_ms, network_ms: The parts, in milliseconds. On a counted core they
            are for one cycle an instruction.
        hop_ms: Milliseconds from one inference to the next.
        cycles: Fewest and most cycles an instruction takes. None if cycles were measured.
        core: The core whose instructions were counted.
        error: How far such estimates were from measured networks, nine of ten; 0: not known.
    """

    name: str
    board: str
    microphone_ms: float
    features_ms: float
    network_ms: float
    hop_ms: float
    cycles: tuple[float, float] | None = None
    core: str = ""
    error: float = 0.0

    @property
    def total_ms(self) -> float:
        """The cost of a hop. On a counted core: with the most cycles an instruction."""
        return self.range_ms[1]

    @property
    def range_ms(self) -> tuple[float, float]:
        """The least and the most that a hop may cost."""
        total = self.microphone_ms + self.features_ms + self.network_ms
        low, high = self.cycles or (1.0, 1.0)
        return low * total, high * total

    @property
    def keeps_up(self) -> bool | None:
        """Whether a hop is computed before the next one ends. None if the range does not tell."""
        low, high = self.range_ms
        return True if high <= self.hop_ms else False if low > self.hop_ms else None

    def line(self) -> str:
        """The result in one line; if the model may not keep up, with what to change."""
        low, high = self.range_ms
        share = high / self.hop_ms
        if self.cycles:
            much, shares = f"{low:.1f} to {high:.1f}", f"{low / self.hop_ms:.0%} to {share:.0%}"
            over = f"{low / self.hop_ms - 1:.0%} to {share - 1:.0%} over"
        else:
            much, shares, over = f"{high:.1f}", f"{share:.0%}", f"{share - 1:.0%} over"
        text = f"{self.name} on {self.board}: about {much} ms of {self.hop_ms:g} ms a hop"
        parts = ", ".join(
            f"{name} {self._part(ms)}"
            for name, ms in (
                ("microphone", self.microphone_ms),
                ("front end", self.features_ms),
                ("network", self.network_ms),
            )
        )
        advice = ": raise [deploy] hop_frames or take a smaller [model] architecture"
        if self.keeps_up:
            verdict = ": keeps up" if self.cycles else ""
            return f"{text}{verdict} ({shares}: {parts}){self._basis()}"
        if self.keeps_up is None:
            return f"{text}: may not keep up ({shares}: {parts}){self._basis()}{advice}"
        return f"{text}: will not keep up ({over}: {parts}){self._basis()}{advice}"

    def _part(self, ms: float) -> str:
        if self.cycles is None:
            return f"{ms:.1f}"
        return f"{self.cycles[0] * ms:.1f} to {self.cycles[1] * ms:.1f}"

    def _basis(self) -> str:
        """What the figures rest on: the error bar, or for counted cores their instructions."""
        if self.cycles is None:
            return f"; +-{self.error:.0%} for the network, flash included" if self.error else ""
        return (
            f"; instructions of a {self.core} at {self.cycles[0]:g} to {self.cycles[1]:g} cycles, "
            "flash wait states not included"
        )

    def figures(self) -> dict[str, Any]:
        """The figures that --json prints. The parts are for one cycle an instruction."""
        found: dict[str, Any] = {
            "microphone_ms": round(self.microphone_ms, 3),
            "features_ms": round(self.features_ms, 3),
            "network_ms": round(self.network_ms, 3),
            "hop_ms": self.hop_ms,
            "keeps_up": self.keeps_up,
        }
        if self.error:
            found["error_bar"] = self.error
        if self.cycles:
            found["range_ms"] = [round(ms, 3) for ms in self.range_ms]
            found["cycles_an_instruction"] = list(self.cycles)
            found["core"] = self.core
        return found


def priced(
    steps: list[Step],
    graph: Graph,
    core: str,
    optimize: str = OPTIMIZE[0],
    plain: frozenset[int] = frozenset(),
) -> list[tuple[str, Step]]:
    """Each step's name in a file of costs and the step on the kernel that runs it.

    The name is the core's own kernel, else the operation.
    """
    kernels = choose_kernels(graph, steps, core, optimize, plain)
    return [
        (step.operation if kernel.kernel == step.kernel else kernel.kernel, kernel)
        for step, kernel in zip(steps, kernels, strict=True)
        if isinstance(kernel, Step)
    ]


def step_cycles(
    step: Step,
    name: str,
    kernel: Step,
    graph: Graph,
    costs: dict[str, Any],
    first: float = 1.0,
) -> float:
    """Cycles, or instructions, of a kernel call.

    Args:
        step: The operation, on its portable kernel.
        name, kernel: As priced() returns them.
        graph: The network.
        costs: As costs_of() returns them.
        first: Share of its constants that each inference has to fetch again.
    """
    prices = costs["operations"]
    price = prices.get(name) or prices.get(name.removesuffix("_small").removesuffix("_wide"))
    done = work(step, graph, kernel, first)
    return _cost(price or prices.get(step.operation, prices[ANY]), done)


def network_cycles(
    analysis: Analysis,
    costs: dict[str, Any],
    optimize: str = OPTIMIZE[0],
    plain: frozenset[int] = frozenset(),
    cold: bool = False,
) -> float:
    """Cycles, or instructions, of one inference in a window that has moved by a hop.

    Args:
        analysis: The network.
        costs: Of a chip family or a core, as costs_of() returns them.
        optimize: How its weights are packed.
        plain: Outputs of the layers that are packed for size in any case.
        cold: The whole window, and no constant is in the cache yet: what `host profile` measures.
    """
    graph, steps = analysis.network.graph, analysis.calls if cold else analysis.hop_calls
    chosen = priced(steps, graph, costs.get("core", PORTABLE), optimize, plain)
    kept = constant_bytes(graph, [[kernel for _, kernel in chosen]], code=False)
    first = 1.0 if cold else lost(kept)
    return sum(
        step_cycles(step, name, kernel, graph, costs, first)
        for step, (name, kernel) in zip(steps, chosen, strict=True)
    )


def cycles_saved(graph: Graph, costs: dict[str, Any]) -> Value:
    """The function that tells what a layer's faster packing saves (compile.packing)."""

    def saved(step: Step, fast: Step, small: Step) -> float:
        names = (step.operation if k.kernel == step.kernel else k.kernel for k in (fast, small))
        quick, slow = (
            step_cycles(step, name, kernel, graph, costs)
            for name, kernel in zip(names, (fast, small), strict=True)
        )
        return slow - quick

    return saved


def packing(analysis: Analysis, board: Board, optimize: str = OPTIMIZE[0]) -> frozenset[int]:
    """Outputs of the layers that a board's build packs for size, though others are not."""
    if optimize != OPTIMIZE[0]:
        return frozenset()
    core = CORE_OF_CPU.get(board.cpu, PORTABLE)
    costs = costs_of(board.family) or costs_of(core)
    value = cycles_saved(analysis.network.graph, costs) if costs else by_products
    return packed_for_size(analysis, core, room_on(board.flash), value)


def costs_of(name: str) -> dict[str, Any] | None:
    """What was measured on a chip family, or on the cores of some kernels; None if nothing was."""
    file = COSTS / f"{name}.json"
    if not file.exists():
        return None
    costs: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return costs


def estimate(analysis: Analysis, board: Board, optimize: str = OPTIMIZE[0]) -> Estimate | None:
    """What a hop of a model costs on a board.

    Args:
        analysis: The network.
        board: The board.
        optimize: How its weights are packed, as far as its flash has room.

    Returns:
        None if neither the board's chip family nor its core was measured, if its front end was not,
        or if the model has no metadata.
    """
    metadata = analysis.network.metadata
    costs = costs_of(board.family) or costs_of(CORE_OF_CPU.get(board.cpu, PORTABLE))
    if costs is None or metadata is None or not board.clock_hz:
        return None
    features, hop_frames = metadata.features, metadata.deploy.hop_frames
    if features.kind not in costs["features"]:
        return None
    plain = packing(analysis, board, optimize)
    milli = 1000 / board.clock_hz
    values = features.frames * features.bands
    prepare = costs["window"].get(features.compress, 0) * values
    counted = costs.get("cycles_an_instruction")
    return Estimate(
        analysis.network.name,
        board.id,
        # A board without a microphone hears what is injected.
        metadata.hop * costs["microphone"].get(board.family, 0) * milli,
        hop_frames * _frame_cycles(features, costs) * milli,
        (prepare + network_cycles(analysis, costs, optimize, plain)) * milli,
        metadata.hop_ms,
        (counted[0], counted[1]) if counted else None,
        board.cpu.replace("cortex-m", "Cortex-M"),
        0.0 if counted else costs.get("error_bar", 0.0),
    )


@dataclass(frozen=True)
class FrameCost:
    """What a front end costs on a board.

    Attributes:
        ms: The least and the most milliseconds of one frame. Equal where cycles were measured.
        frame_ms: Milliseconds from a frame to the next.
        window_bytes: RAM of the sliding window.
    """

    ms: tuple[float, float]
    frame_ms: float
    window_bytes: int


def frame_cost(front_end: FrontEnd, board: Board) -> FrameCost | None:
    """What one frame of a front end costs on a board, before there is any network.

    Returns:
        None if neither the board's chip family nor its core was measured, or the front end was not.
    """
    costs = costs_of(board.family) or costs_of(CORE_OF_CPU.get(board.cpu, PORTABLE))
    if costs is None or not board.clock_hz or front_end.kind not in costs["features"]:
        return None
    cycles = _frame_cycles(front_end, costs)
    low, high = costs.get("cycles_an_instruction") or (1.0, 1.0)
    milli = 1000 / board.clock_hz
    return FrameCost(
        (low * cycles * milli, high * cycles * milli), front_end.hop_ms, front_end.window_bytes
    )


def _frame_cycles(front_end: FrontEnd, costs: dict[str, Any]) -> float:
    return _cost(costs["features"][front_end.kind], frame_work(front_end))


def not_measured(analysis: Analysis, board: Board) -> str:
    """Says that there is no estimate for a board, and where instructions can be counted."""
    name, metadata = analysis.network.name, analysis.network.metadata
    text = f"{name} on {board.id}: not known whether it keeps up"
    costs = costs_of(board.family) or costs_of(CORE_OF_CPU.get(board.cpu, PORTABLE))
    if costs and metadata and metadata.features.kind not in costs["features"]:
        return (
            f"{text}: front end {metadata.features.kind} was not measured: `python bench/costs.py`"
        )
    text += ": no cycles of it were measured"
    emulated = next((b for b in load_boards() if b.qemu and b.cpu == board.cpu), None)
    if emulated is None:
        return text
    return f"{text}; `host profile MODEL --board {emulated.id}` counts instructions of its core"


def of_file(data: bytes, name: str, board: str, hop: int | None = None) -> Estimate | None:
    """estimate() of a .tflite file in memory and a board's id. hop: as for compile_graph()."""
    return estimate(analyse_model(data, name, hop), named(board))

"""Random layers in the shapes of published networks, measured on each core in QEMU.

    python bench/layers.py            # 300 layers
    python bench/layers.py 60         # fewer

Draws layers over the shapes that the networks of MLPerf Tiny, MLTK, ST's model zoo and
microWakeWord have, with other channel counts, strides and dilations between theirs. Each is run
twice on random inputs, in instructions (-icount). Outputs of all cores are compared with each
other. Prints the distribution of instructions a MAC (elements where there is no product) by kind
and size, how many layers take more than three times the median of their kind and size, and the
worst ten. Deterministic, up to a hundred instructions.
"""

import statistics
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from otolith.compile import compile_graph
from otolith.compile.cores import CORE_OF_CPU
from otolith.paths import ROOT

sys.path.insert(0, str(ROOT / "tests"))

from support.core_models import convolution, dense, depthwise
from support.qemu_cores import M0PLUS
from support.qemu_networks import run
from support.random_models import SAME, VALID, Net

COUNT, TOGETHER = 300, 20  # layers; in one program
LARGE = 50_000  # MACs or elements, from where on a layer is large
MACHINES = {
    "m0plus": (M0PLUS, CORE_OF_CPU["cortex-m0plus"]),
    "m4f": ("mps2-an386", CORE_OF_CPU["cortex-m4"]),
    "m33": ("mps2-an505", CORE_OF_CPU["cortex-m33"]),
}


@dataclass(frozen=True)
class Layer:
    """A layer: its kind, its shape in words, the network."""

    kind: str
    shape: str
    net: Net


def drawn(number: int) -> Layer:
    """Layer `number`. The kinds take turns."""
    rng = np.random.default_rng([21, number])

    def between(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    def net(*shape: int) -> Net:
        return Net(rng, (1, *shape))

    def padding() -> int:
        return (SAME, VALID)[between(0, 1)]

    kind = KINDS[number % len(KINDS)]
    strides = (between(1, 2), between(1, 2))
    if kind == "conv 1x1":
        n = net(between(5, 50), between(1, 25), between(8, 72))
        convolution(n, (1, 1), between(8, 96), (1, 1) if between(0, 3) else (2, 2))
    elif kind == "conv 3x3":
        n = net(between(4, 24), between(4, 20), between(3, 40))
        dilations = (2, 2) if between(0, 4) == 0 else (1, 1)
        same = (1, 1) if dilations == (2, 2) else strides
        convolution(n, (3, 3), between(4, 40), same, SAME, dilations)
    elif kind == "conv, one channel":
        n = net(between(24, 64), between(20, 50), 1)
        taps = ((10, 4), (10, 8), (8, 8), (7, 7), (5, 5))[between(0, 4)]
        convolution(n, taps, between(4, 24), (2, 2), padding())
    elif kind == "conv kx1":
        n = net(between(10, 60), 1, between(16, 64))
        convolution(n, (between(2, 9), 1), between(8, 48), (between(1, 2), 1), padding())
    elif kind == "depthwise 3x3":
        n = net(between(4, 25), between(4, 25), between(8, 72))
        depthwise(n, (3, 3), 1, strides, padding())
    elif kind == "depthwise kx1":
        n = net(between(10, 60), 1, between(16, 64))
        depthwise(n, (between(5, 9), 1), 1, (between(1, 2), 1), padding())
    elif kind == "dense":
        n = net(between(8, 640))
        dense(n, between(2, 128))
    elif kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        n = net(between(6, 32), between(6, 25), between(4, 64))
        taps = between(2, 5)
        n_, h, w, c = n.shape
        options = {"filterHeight": taps, "filterWidth": taps, "strideH": taps, "strideW": taps}
        size = (n_, (h - taps) // taps + 1, (w - taps) // taps + 1, c)
        n.grow(kind, [n.x], size, n.s, n.z, padding=VALID, **options)
    elif kind == "MEAN":
        n = net(between(4, 25), between(2, 20), between(8, 72))
        axes = n.b.tensor([2], None, 0, "int32", np.array([1, 2]))
        n.grow("MEAN", [n.x, axes], (1, n.shape[3]), n.s, n.z, keepDims=False)
    else:
        n = net(between(4, 25), between(4, 20), between(4, 64))
        other = n.b.tensor(list(n.shape), n.s, n.z)
        n.inputs.append(other)
        scale = n.s * 1.5 if kind == "ADD" else n.s * n.s * 120
        n.grow(kind, [n.x, other], n.shape, float(np.float32(scale)))
    return Layer(kind, f"{number}: {kind} -> {'x'.join(map(str, n.shape[1:]))}", n)


KINDS = (
    "conv 1x1",
    "conv 3x3",
    "conv, one channel",
    "conv kx1",
    "depthwise 3x3",
    "depthwise kx1",
    "dense",
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
    "MEAN",
    "ADD",
    "MUL",
)


def measured(layers: list[Layer], core: str, folder: Path) -> tuple[list[float], list[int], list]:
    """Instructions a MAC or element, that number, and the outputs, of each layer."""
    machine, kernels = MACHINES[core]
    rng = np.random.default_rng(5)
    compiled = [compile_graph(x.net.build(), f"m{i}", kernels) for i, x in enumerate(layers)]
    inputs = []
    for one in compiled:
        shapes = [tensor.shape for tensor in one.schedule.network.inputs]
        inputs.append(
            [[rng.integers(-128, 128, s).astype(np.int8) for s in shapes] for _ in range(2)]
        )
    outputs, counts = run(machine, compiled, inputs, folder)
    work = []
    for one in compiled:
        network = one.schedule.network
        elements = max(network.inputs[0].count, network.outputs[0].count)
        work.append(one.schedule.macs or elements)
    return [c / w for c, w in zip(counts, work, strict=True)], work, outputs


def main() -> None:
    """Prints the distributions and the worst layers of each core."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    layers = [drawn(number) for number in range(count)]
    found: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for start in range(0, count, TOGETHER):
        some = layers[start : start + TOGETHER]
        same: list = []
        for core in MACHINES:
            with tempfile.TemporaryDirectory() as folder:
                each, work, outputs = measured(some, core, Path(folder))
            found[core] += zip(each, work, strict=True)
            same.append(outputs)
        for other in same[1:]:
            for a, b in zip(same[0], other, strict=True):
                assert all(np.array_equal(x[0], y[0]) for x, y in zip(a, b, strict=True))
        print(f"{min(start + TOGETHER, count)} of {count}", file=sys.stderr, flush=True)
    for core, results in found.items():
        report(core, layers, results)


def report(core: str, layers: list[Layer], results: list[tuple[float, int]]) -> None:
    """Prints what one core needs."""
    classes = defaultdict(list)
    for layer, (each, work) in zip(layers, results, strict=True):
        classes[layer.kind, "large" if work >= LARGE else "small"].append(each)
    print(f"\n{core}: instructions a MAC, or an element")
    head = f"{'layers':>7}{'least':>8}{'median':>8}{'most':>8}{'most/median':>13}"
    print(f"{'kind':<20}{'size':<7}{head}")
    for (kind, size), values in sorted(classes.items()):
        middle = statistics.median(values)
        print(
            f"{kind:<20}{size:<7}{len(values):>7}{min(values):>8.2f}{middle:>8.2f}"
            f"{max(values):>8.2f}{max(values) / middle:>13.1f}"
        )
    ratios = []
    for layer, (each, work) in zip(layers, results, strict=True):
        size = "large" if work >= LARGE else "small"
        ratio = each / statistics.median(classes[layer.kind, size])
        ratios.append((ratio, each, work, layer.shape))
    over = sum(ratio > 3 for ratio, *_ in ratios)
    print(f"{over} of {len(ratios)} take more than three times their median. The worst ten:")
    for ratio, each, work, shape in sorted(ratios, reverse=True)[:10]:
        print(f"  {ratio:5.1f} times, {each:7.2f} each of {work:,}: {shape}")


if __name__ == "__main__":
    main()

"""Random layers in the shapes of published networks, measured on each core.

    python bench/layers.py              # 300 layers
    python bench/layers.py 60           # fewer
    python bench/layers.py 300 240      # stops after about 240 seconds

What was measured is kept in build/layers, by the network and the sources of compiler and kernels.
Run it again to go on where it stopped. The report comes when all layers are there.

Draws layers over the shapes that the networks of MLPerf Tiny, MLTK, ST's model zoo and
microWakeWord have, with other channel counts, strides and dilations between theirs. Each is run
twice on random inputs, on Unicorn's models of the cores. Cycles are those of Arm's manual for the
M0+ and of otolith.bench.timing for M4F and M33, with flash that answers at once. Outputs of all
cores are compared with each other. Prints the distribution of cycles a MAC (elements where there is
no product) by kind and size, how many layers take more than three times the median of their kind
and size, and the worst ten. Deterministic.
"""

import hashlib
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from otolith.bench.shares import disassemble, weigh
from otolith.bench.timing import CHIPS, Walk
from otolith.bench.timing.decode import decode
from otolith.compile import compile_graph
from otolith.compile.cores import CORE_OF_CPU
from otolith.files import write_text
from otolith.paths import LIB, ROOT
from otolith.virtual.cortex.program import FREE, Edges, Program

sys.path.insert(0, str(ROOT / "tests"))

from support.core_models import convolution, dense, depthwise
from support.qemu_cores import M0PLUS
from support.qemu_cores import MACHINES as ALL_MACHINES
from support.qemu_networks import build
from support.random_models import SAME, VALID, Net

COUNT, TOGETHER = 300, 20  # layers; in one program
KEPT = ROOT / "build" / "layers"
ROUNDS = 2
CPUS = {"m0plus": "cortex-m0plus", "m4f": "cortex-m4", "m33": "cortex-m33"}
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


@dataclass(frozen=True)
class Measured:
    """A layer on a core.

    Attributes:
        cycles: Cycles of the second inference.
        work: MACs, or elements where there are none.
        outputs: A hash of the outputs.
    """

    cycles: int
    work: int
    outputs: str


@cache
def sources(kernels: str) -> bytes:
    """A hash of the compiler and of the kernels that a core has."""
    digest = hashlib.sha256()
    files = [*(ROOT / "host" / "otolith" / "compile").rglob("*.py")]
    files += (LIB / "nn" / "src").rglob("*.[ch]")
    others = {"dsp", "m0plus"} - {kernels}
    for file in sorted(files):
        is_other = others & set(file.parts) and (file.suffix != ".py" or kernels == "m0plus")
        if not is_other:
            digest.update(file.read_bytes())
    return digest.digest()


def kept(model: bytes, core: str) -> Path:
    """Where the result of a network on a core is kept."""
    digest = hashlib.sha256(core.encode() + sources(MACHINES[core][1]) + model)
    return KEPT / f"{digest.hexdigest()[:32]}.json"


def measure(models: list[bytes], core: str) -> None:
    """Measures networks and keeps the results."""
    machine, kernels = MACHINES[core]
    compiled = [compile_graph(model, f"m{i}", kernels) for i, model in enumerate(models)]
    with tempfile.TemporaryDirectory() as folder:
        start = ALL_MACHINES[machine][1][0] + (4 << 20)  # behind the code
        image = build(machine, compiled, [[[np.zeros(1, np.int8)]]], Path(folder), start)
        program, cycles = Program(image, CPUS[core]), counter(image, core)
        edges = program.trace()
        for number, (model, one) in enumerate(zip(models, compiled, strict=True)):
            rng = np.random.default_rng(list(hashlib.sha256(model).digest()))
            network, digest, spent = one.schedule.network, hashlib.sha256(), 0.0
            assert program.call(f"nn_init__{number}") == 0
            for _ in range(ROUNDS):
                at = FREE[0]
                for place, tensor in enumerate(network.inputs):
                    data = rng.integers(-128, 128, tensor.shape).astype(np.int8)
                    program.uc.mem_write(at, data.tobytes())
                    program.call(f"nn_set_input__{number}", place, at)
                    at += -(-data.size // 16) * 16
                edges.clear()
                assert program.call(f"nn_invoke__{number}") == 0
                spent = cycles(edges)
                for place, tensor in enumerate(network.outputs):
                    where = program.call(f"nn_output__{number}", place)
                    digest.update(program.uc.mem_read(where, tensor.count))
            elements = max(network.inputs[0].count, network.outputs[0].count)
            work = one.schedule.macs or elements
            found = {"cycles": round(spent), "work": work, "outputs": digest.hexdigest()}
            write_text(kept(model, core), json.dumps(found) + "\n")


def counter(image: Path, core: str) -> Callable[[Edges], float]:
    """What turns the blocks that ran into cycles."""
    if core == "m0plus":
        code = disassemble(image)
        return lambda edges: sum(weigh(edges, code, cycles=True).values())
    walk = Walk(decode(image), next(c.table for c in CHIPS.values() if c.table.name == CPUS[core]))
    return lambda edges: walk.cycles(edges)[1]


def main() -> None:
    """Prints the distributions and the worst layers of each core."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    end = time.monotonic() + (float(sys.argv[2]) if len(sys.argv) > 2 else float("inf"))
    KEPT.mkdir(parents=True, exist_ok=True)
    layers = [drawn(number) for number in range(count)]
    models = [layer.net.build() for layer in layers]
    for core in MACHINES:
        left = [model for model in models if not kept(model, core).exists()]
        while left and time.monotonic() < end:
            measure(left[:TOGETHER], core)
            left = left[TOGETHER:]
            print(f"{core}: {count - len(left)} of {count}", file=sys.stderr, flush=True)
        if left:
            sys.exit("stopped; run it again to go on")
    found = {
        core: [Measured(**json.loads(kept(model, core).read_text())) for model in models]
        for core in MACHINES
    }
    for results in zip(*found.values(), strict=True):
        assert len({result.outputs for result in results}) == 1
    for core, measured in found.items():
        report(core, layers, [(m.cycles / m.work, m.work) for m in measured])


def report(core: str, layers: list[Layer], results: list[tuple[float, int]]) -> None:
    """Prints what one core needs."""
    classes = defaultdict(list)
    for layer, (each, work) in zip(layers, results, strict=True):
        classes[layer.kind, "large" if work >= LARGE else "small"].append(each)
    print(f"\n{core}: cycles a MAC, or an element")
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

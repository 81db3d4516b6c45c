"""How far estimates are from the virtual Pico's cycles, flash included, for networks not fitted.

    python bench/estimates.py           # 20 networks
    python bench/estimates.py 5         # fewer

Draws networks in the shapes that sounds have: a convolution over the window, then 1x1, 3x3, k x 1
and depthwise convolutions, pools, and dense layers at the end, of random widths. Estimates are
those of `host train --dry-run`, `host compile --board pico` and `host summarize`, packing included,
for the first inference after a start, as it is measured: no constant is in the cache of flash yet.
Prints each error, their distribution, and the error bar that these commands print. Deterministic.
Measured cycles are kept in build/estimates.json until a kernel or a network changes, so a run that
was stopped goes on where it was.
"""

import hashlib
import json
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

from otolith.compile import Schedule, schedule_model
from otolith.compile.packing import room_on
from otolith.device.boards import named
from otolith.files import write_bytes, write_text
from otolith.firmware.build import build
from otolith.paths import ROOT
from otolith.summarize.profile import profile_firmware
from otolith.summarize.realtime import costs_of, network_cycles, priced, step_cycles

sys.path.insert(0, str(ROOT / "tests"))

from support.core_models import convolution, dense, depthwise
from support.random_models import SAME, VALID, Net, pool

COUNT = 20
BOARD = "pico"
MEASURED = ROOT / "build" / "estimates.json"
SOURCES = ("lib/nn", "lib/board", "firmware/bench", "platform", "boards/pico.json")
COMPILER = ("compile", "virtual/rp2040")  # of host/otolith


def network(number: int) -> bytes:
    """Network `number`."""
    rng = np.random.default_rng([22, number])

    def between(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    along_time = number % 4 == 3  # bands are channels, as in TENet
    if along_time:
        net = Net(rng, (1, between(30, 98), 1, between(16, 40)))
        convolution(net, (3, 1), between(12, 40), (1, 1), SAME)
    else:
        net = Net(rng, (1, between(24, 62), between(10, 40), 1))
        taps = (between(3, 10), between(3, 8))
        convolution(net, taps, between(8, 24), (2, 2), (SAME, VALID)[between(0, 1)])
    for _ in range(between(1, 4)):
        width = between(8, 64)
        kind = between(0, 3)
        height, columns = net.shape[1:3]
        stride = (1, 1) if min(height, columns) < 6 or between(0, 2) else (2, 2)
        if along_time:
            convolution(net, (1, 1), width)
            depthwise(net, (between(3, 9), 1), 1, (between(1, 2), 1), SAME)
        elif kind == 0:
            convolution(net, (3, 3), width, stride, SAME)
        elif kind == 1 and min(height, columns) > 3:
            pool("MAX_POOL_2D")(net)
        else:
            depthwise(net, (3, 3), 1, stride, SAME)
            convolution(net, (1, 1), width)
    inputs = int(np.prod(net.shape[1:]))
    if inputs > 2000:
        axes = net.b.tensor([2], None, 0, "int32", np.array([1, 2]))
        net.grow("MEAN", [net.x, axes], (1, net.shape[3]), net.s, net.z, keepDims=False)
    if between(0, 1):
        dense(net, between(16, 96))
    dense(net, between(2, 12))
    return net.build()


def sources() -> str:
    """A digest of what the cycles of a network depend on."""
    found = hashlib.sha256()
    folders = [ROOT / name for name in SOURCES]
    folders += [ROOT / "host" / "otolith" / name for name in COMPILER]
    for folder in folders:
        for file in [folder] if folder.is_file() else sorted(folder.rglob("*")):
            if file.suffix in (".c", ".h", ".py", ".mjs", ".json", ".ini", ".ld"):
                found.update(file.read_bytes())
    return found.hexdigest()


def measured_cycles(data: bytes, file: Path, schedule: Schedule, built_from: str) -> list[int]:
    """Cycles of a network on the virtual board, then of its layers.

    From an earlier run if nothing has changed.
    """
    known = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else {}
    key = hashlib.sha256(built_from.encode() + data).hexdigest()
    if key not in known:
        write_bytes(file, data)
        found = profile_firmware(build(f"{BOARD}-bench", file), schedule, BOARD)
        known[key] = [found.cycles, *(layer.cycles for layer in found.layers)]
        write_text(MEASURED, json.dumps(known))
    return [int(cycles) for cycles in known[key]]


def layer_errors(
    schedule: Schedule, costs: dict, layers: list[int]
) -> list[tuple[str, int, float]]:
    """Kernel, measured and estimated cycles of each layer."""
    graph, steps = schedule.graph, schedule.analysis.calls
    chosen = priced(steps, graph, costs["core"], plain=schedule.plain)
    return [
        (name, cycles, step_cycles(step, name, kernel, graph, costs))
        for step, (name, kernel), cycles in zip(steps, chosen, layers, strict=True)
    ]


def main() -> None:
    """Prints a row for each network and the distribution of errors."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    costs, board = costs_of("rp2040"), named(BOARD)
    assert costs
    errors, built_from = [], sources()
    found: list[tuple[str, int, float]] = []
    print(f"{'network':<9}{'layers':>7}{'MACs':>12}{'measured':>13}{'estimated':>13}{'error':>8}")
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "network.tflite"
        for number in range(count):
            data = network(number)
            room = room_on(board.flash)
            schedule = schedule_model(data, "network", "m0plus", room=room)
            measured, *layers = measured_cycles(data, file, schedule, built_from)
            found += layer_errors(schedule, costs, layers)
            guess = network_cycles(schedule.analysis, costs, plain=schedule.plain, cold=True)
            errors.append(guess / measured - 1)
            print(
                f"{number:<9}{len(schedule.calls):>7}{schedule.macs:>12,}{measured:>13,}"
                f"{guess:>13,.0f}{errors[-1]:>+8.1%}",
                flush=True,
            )
    print(f"\n{'kernel':<28}{'layers':>7}{'of cycles':>10}{'error':>8}{'worst':>8}")
    whole = sum(cycles for _, cycles, _ in found)
    for name in sorted({name for name, _, _ in found}):
        some = [(cycles, guess) for kernel, cycles, guess in found if kernel == name]
        took, guessed = (sum(column) for column in zip(*some, strict=True))
        worst = max((guess / max(1, cycles) - 1 for cycles, guess in some), key=abs)
        print(
            f"{name:<28}{len(some):>7}{took / whole:>10.1%}"
            f"{guessed / took - 1:>+8.1%}{worst:>+8.0%}"
        )
    sizes = sorted(map(abs, errors))
    within = sum(size <= 0.05 for size in sizes)
    print(
        f"\nerrors: mean {statistics.mean(sizes):.1%}, median {statistics.median(sizes):.1%}, "
        f"9 of 10 below {sizes[int(0.9 * (len(sizes) - 1))]:.1%}, largest {sizes[-1]:.1%}; "
        f"{within} of {count} within 5%"
    )
    bar = costs.get("error_bar")
    print(f"error bar that estimates print: {f'{bar:.0%}' if bar else 'none'}")


if __name__ == "__main__":
    main()

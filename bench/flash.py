"""What flash costs on the virtual Pico: the shared networks with and without its model.

    python bench/flash.py [MODEL.tflite ...]

Cycles are deterministic: those of the second inference. "waits" are cycles in which the CPU waited
for flash, over the whole run of three inferences and their transport. The last column is the
emulator's CPU time with the model of flash against without, the median of pairs that ran in turn.
It depends on this computer.
"""

import resource
import statistics
import sys
from pathlib import Path

from otolith.bench.cores import CORES, fixed_inputs
from otolith.bench.measure import shared_or_given
from otolith.compile import read_file, schedule_model
from otolith.device import Client, VirtualTransport
from otolith.firmware.build import build
from otolith.paths import test_models
from otolith.virtual.rp2040 import VirtualPico

PAIRS = 3


def run(image: Path, inputs: list[bytes], ideal: bool) -> tuple[int, int, int, float]:
    """Cycles of the second inference, waits and cycles of the run, CPU seconds of the emulator."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with VirtualPico(image, ideal_flash=ideal) as board:
        client = Client(VirtualTransport(board))
        client.hello(timeout_ms=5000)
        ran = [client.run_network(x, timeout_ms=60_000) for x in inputs]
        waited, cycles = board.flash_cycles, board.cycles
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return ran[1].message.cycles, waited, cycles, spent


def main() -> None:
    """Prints a row for each network."""
    print(f"{'network':<20}{'ideal':>12}{'with flash':>12}{'more':>8}{'waits':>12}{'CPU time':>10}")
    for path in shared_or_given(tuple(Path(x) for x in sys.argv[1:]), test_models()):
        firmware = build(CORES["m0plus"].environment(), path, keep_rows=False)
        network = schedule_model(read_file(path), path.stem).network
        inputs = fixed_inputs([tensor.shape for tensor in network.inputs])
        pairs = [
            (run(firmware.uf2, inputs, True), run(firmware.uf2, inputs, False))
            for _ in range(PAIRS)
        ]
        (ideal, *_), (real, waited, _, _) = pairs[0]
        ratio = statistics.median(b[3] / a[3] for a, b in pairs)
        print(
            f"{path.stem:<20}{ideal:>12,}{real:>12,}{real / ideal - 1:>8.1%}{waited:>12,}"
            f"{ratio:>10.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()

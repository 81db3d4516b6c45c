"""RAM of networks: the arena that the compiler plans, and the least that any plan could take.

    python bench/memory.py >> bench/results/memory.txt      # see that file

ST's MiniResNet-1 in ESC-10's shape (64 x 50 x 1 log-mel values, 10 classes), for which ST states
59.9 kB on an STM32U5, and the committed models. The least is the largest sum of tensors and working
memory that exist at one time. Deterministic.
"""

import sys

from otolith.compile import schedule_model
from otolith.compile.cores import CORES
from otolith.compile.plan import ALIGNMENT, Plan
from otolith.evaluate.models import find
from otolith.paths import MODELS, ROOT

sys.path.insert(0, str(ROOT / "tests"))

from support.padded_models import miniresnet


def least(plan: Plan) -> int:
    """Bytes that exist at one time, at most."""
    times = range(max((block.last for block in plan.blocks), default=0) + 1)

    def size(time: int) -> int:
        alive = (block.size for block in plan.blocks if block.first <= time <= block.last)
        return sum(-(-size // ALIGNMENT) * ALIGNMENT for size in alive)

    return max(map(size, times))


def main() -> None:
    """Prints a row for each network and core."""
    networks = {"MiniResNet-1": miniresnet().build()}
    for folder in sorted(MODELS.iterdir()):
        if (folder / f"{folder.name}.tflite").exists():
            networks[folder.name] = find(folder).tflite.read_bytes()
    print(f"{'network':<16}{'core':<10}{'arena':>9}{'of them a pass':>16}{'the least':>11}")
    for name, data in networks.items():
        for core in CORES:
            schedule = schedule_model(data, name, core)
            full = schedule.full.plan
            print(f"{name:<16}{core:<10}{schedule.arena:>9,}{full.arena:>16,}{least(full):>11,}")


if __name__ == "__main__":
    main()

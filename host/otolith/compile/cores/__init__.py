"""The registry of cores: a folder each, with a file for each operation, and one line here.

The KERNELS of a core map a portable kernel to a function that chooses a faster kernel of that core
and packs the weights for it. Results stay equal bit for bit. Steps without such a function keep the
portable kernel. The C is in lib/nn/src/cores/<core>/. It compiles for this computer too, so tests
run it here.
"""

from collections.abc import Callable
from dataclasses import replace

from otolith.compile.cores import dsp, m0plus
from otolith.compile.graph import Alias, Copy, Graph, Program, Slide, Step
from otolith.errors import UserError

PORTABLE = "portable"
OPTIMIZE = ("speed", "size")  # with "speed", packed weights may be larger than the file's

Choose = Callable[[Step, Graph, str], Step]
CORES: dict[str, dict[str, Choose]] = {
    PORTABLE: {},
    "dsp": dsp.KERNELS,
    "m0plus": m0plus.KERNELS,
}
CORE_OF_CPU = {
    "cortex-m0plus": "m0plus",
    "cortex-m4": "dsp",
    "cortex-m33": "dsp",
}


def core_named(name: str) -> str:
    """Finds a core.

    Args:
        name: The core's own name, or a processor's as for -mcpu.

    Returns:
        A key of CORES; PORTABLE for processors without kernels of their own.

    Raises:
        UserError: There is no such core.
    """
    if name in CORES:
        return name
    if name.startswith("cortex-"):
        return CORE_OF_CPU.get(name, PORTABLE)
    raise UserError(f"core {name!r} is not known: {', '.join(CORES)}, or a processor's name")


def optimize_for(flash: int, file: int) -> str:
    """Whether to optimize for "speed" or "size" on a board.

    Args:
        flash: The board's flash in bytes.
        file: The size of the model file in bytes.

    Returns:
        "speed" if weights of twice the file's size take at most half of the flash, else "size".
    """
    return "speed" if 4 * file <= flash else "size"


def choose_kernels(graph: Graph, steps: Program, core: str, optimize: str) -> Program:
    """Replaces portable kernels by those of a core.

    Args:
        graph: The network.
        steps: Its steps, on portable kernels.
        core: A key of CORES.
        optimize: "speed" or "size".
    """
    kernels = CORES[core]
    found: list[Step | Alias | Copy | Slide] = []
    for step in steps:
        if isinstance(step, Step) and step.kernel in kernels:
            other = kernels[step.kernel](step, graph, optimize)
            # A part of the rows written over an input could overwrite rows that are read later.
            found.append(replace(other, in_place=step.in_place) if step.rows else other)
        else:
            found.append(step)
    return found

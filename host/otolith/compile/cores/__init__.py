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


def choose_kernels(
    graph: Graph,
    steps: Program,
    core: str,
    optimize: str,
    plain: frozenset[int] = frozenset(),
) -> Program:
    """Replaces portable kernels by those of a core.

    Args:
        graph: The network.
        steps: Its steps, on portable kernels.
        core: A key of CORES.
        optimize: "speed" or "size".
        plain: Outputs of the steps that are packed for size in any case.
    """
    kernels = CORES[core]
    found: list[Step | Alias | Copy | Slide] = []
    for step in steps:
        if isinstance(step, Step) and step.kernel in kernels:
            how = OPTIMIZE[1] if step.output in plain else optimize
            other = kernels[step.kernel](step, graph, how)
            # A part of the rows written over an input could overwrite rows that are read later.
            found.append(replace(other, in_place=step.in_place) if step.rows else other)
        else:
            found.append(step)
    return found

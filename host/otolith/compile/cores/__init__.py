"""Kernels for one kind of core: a file each, one line here.

A core's KERNELS maps the portable kernel of a step to a function that may put a faster one in its
place, with weights packed as that one wants them; results stay equal bit for bit. What no function
takes runs on the portable kernel. The C is in lib/nn/src/cores/<core>/, and compiles for this
computer too, so that tests run it there.
"""

from collections.abc import Callable
from dataclasses import replace

from otolith.compile.cores import dsp, m0plus
from otolith.compile.graph import Alias, Copy, Graph, Program, Step
from otolith.errors import UserError

PORTABLE = "portable"
OPTIMIZE = ("speed", "size")  # may packed weights be larger than the file's?

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
    """A core by its own name or a processor's (-mcpu); processors nobody tuned for: portable."""
    if name in CORES:
        return name
    if name.startswith("cortex-"):
        return CORE_OF_CPU.get(name, PORTABLE)
    raise UserError(f"core {name!r} is not known: {', '.join(CORES)}, or a processor's name")


def optimize_for(flash: int, file: int) -> str:
    """What suits a board: "speed" where weights of twice the model file's size would take at most
    half of its flash. Both in bytes."""
    return "speed" if 4 * file <= flash else "size"


def choose_kernels(graph: Graph, steps: Program, core: str, optimize: str) -> Program:
    """The steps with `core`'s kernels where it has some."""
    kernels = CORES[core]
    found: list[Step | Alias | Copy] = []
    for step in steps:
        if isinstance(step, Step) and step.kernel in kernels:
            other = kernels[step.kernel](step, graph, optimize)
            # Some rows over an input would meet rows that are read later.
            found.append(replace(other, in_place=step.in_place) if step.rows else other)
        else:
            found.append(step)
    return found

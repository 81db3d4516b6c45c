"""Cortex-M4 and M33 with the DSP extension: two 16-bit products an instruction (SMLAD)."""

from collections.abc import Callable

from host.compile.graph import Graph, Step

KERNELS: dict[str, Callable[[Step, Graph, str], Step]] = {}

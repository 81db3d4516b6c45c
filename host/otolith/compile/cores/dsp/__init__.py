"""Cortex-M4 and M33 with the DSP extension: two 16-bit products an instruction (SMLAD)."""

from __future__ import annotations

from collections.abc import Callable

from otolith.compile.cores.dsp import (
    add,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    mean,
    mul,
    pool_2d,
)
from otolith.compile.graph import Graph, Step

KERNELS: dict[str, Callable[[Step, Graph, str], Step]] = {
    "nn_add": add.choose,
    "nn_average_pool_2d": pool_2d.choose,
    "nn_conv_2d": conv_2d.choose,
    "nn_depthwise_conv_2d": depthwise_conv_2d.choose,
    "nn_fully_connected": fully_connected.choose,
    "nn_max_pool_2d": pool_2d.choose,
    "nn_mean": mean.choose,
    "nn_mul": mul.choose,
    "nn_sub": add.choose,
}

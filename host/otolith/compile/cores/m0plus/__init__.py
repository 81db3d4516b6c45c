"""Cortex-M0+: no SIMD, one multiply 32x32 -> 32 bits, eight low registers."""

from collections.abc import Callable

from otolith.compile.cores.m0plus import (
    conv_2d,
    depthwise_conv_2d,
    elementwise,
    fully_connected,
    pool_2d,
)
from otolith.compile.graph import Graph, Step

KERNELS: dict[str, Callable[[Step, Graph, str], Step]] = {
    "nn_add": elementwise.choose,
    "nn_conv_2d": conv_2d.choose,
    "nn_depthwise_conv_2d": depthwise_conv_2d.choose,
    "nn_fully_connected": fully_connected.choose,
    "nn_max_pool_2d": pool_2d.choose_max,
    "nn_average_pool_2d": pool_2d.choose_average,
    "nn_mul": elementwise.choose,
    "nn_sub": elementwise.choose,
}

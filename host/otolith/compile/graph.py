"""A network as the compiler sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Tensor:
    """A tensor: activation, or constant if `data` is there. real = scale * (q - zero_point)."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str  # "int8", "int32", "float32"
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis: int = 0  # of per-channel scales
    data: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    @property
    def scale(self) -> float:
        """The one scale, exact in float32."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        return self.zero_points[0] if self.zero_points else 0


@dataclass(frozen=True)
class Operation:
    """One operator of the file, before it is lowered."""

    position: int
    name: str  # CONV_2D
    inputs: tuple[int, ...]  # tensor indices, -1 = left out
    outputs: tuple[int, ...]
    options: dict[str, float]


@dataclass
class Graph:
    """A whole network."""

    tensors: list[Tensor]
    operations: list[Operation]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Array:
    """A constant of the generated code."""

    ctype: str  # int8_t, int32_t, uint16_t
    values: np.ndarray


@dataclass(frozen=True)
class Code:
    """A definition of the generated code, {name} in its text; steps of one text share it. `bytes`:
    of the weights that are in it."""

    text: str
    bytes: int = 0


@dataclass(frozen=True)
class Rows:
    """A step that computes only some rows of its output (host/otolith/compile/rows.py).

    `shares`: of each operand, (first byte read, part of its bytes read); `at`: first byte written;
    `part`: of the output's bytes written.
    """

    shares: tuple[tuple[int, float], ...]
    at: int
    part: float


@dataclass
class Step:
    """One kernel call: what an operation is lowered to.

    `settings`: field -> int, Array, Code, None (NULL), or a nested dict / list. `in_place`: inputs
    whose memory the output may take over, element for element. `scratch`: bytes of the arena,
    aligned to 16, that the kernel gets as its last argument and nobody else uses meanwhile; 0 for
    none. `header`: of lib/nn/src, declares kernel and struct.
    `rows`: if not all of the output is computed; the settings are then those of the part.
    """

    operation: str
    kernel: str
    struct: str
    settings: dict
    inputs: tuple[int, ...]
    output: int
    macs: int = 0
    in_place: tuple[int, ...] = ()
    scratch: int = 0
    header: str = "nn_kernels.h"
    rows: Rows | None = None


@dataclass(frozen=True)
class Alias:
    """An operation that costs nothing: `output` is `input` under another shape."""

    input: int
    output: int


@dataclass(frozen=True)
class Copy:
    """`size` bytes of `tensor` from byte `at` on, brought from the memory that outlasts an
    invocation (`load`) or taken there. There they lie `offset` into one of `phases` slots of
    `slot` bytes, which hops use in turn; `base` is where the slots begin."""

    tensor: int
    at: int
    size: int
    load: bool
    base: int
    slot: int
    phases: int
    offset: int


Program = Sequence[Step | Alias | Copy]

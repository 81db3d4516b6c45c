"""A network as the compiler sees it: tensors, operations of the file, and kernel calls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

Values = npt.NDArray[Any]
ITEM_BYTES = {"int8": 1, "uint8": 1, "int16": 2, "int32": 4, "float32": 4, "int64": 8}
# Fields of a C struct: int, Array, Code, None (NULL), or a nested Settings or list of these.
Settings = dict[str, Any]


@dataclass(frozen=True)
class Tensor:
    """A tensor of the network. real value = scale * (q - zero_point).

    Attributes:
        index: Its number in the file.
        name: Its name in the file, printable.
        shape: Its dimensions, all fixed.
        dtype: "int8", "int32", "float32", ...
        scales: One for the whole tensor, or one a channel.
        zero_points: None, one, or one a channel.
        axis: The dimension that per-channel scales belong to.
        data: The values of a constant; None for an activation.
        variable: Whether an operation keeps its state in it (SVDF, LSTM).
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis: int = 0
    data: Values | None = field(default=None, repr=False, compare=False)
    variable: bool = False

    @property
    def count(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """The bytes it takes in memory."""
        return self.count * ITEM_BYTES.get(self.dtype, 4)

    @property
    def scale(self) -> float:
        """The scale of a tensor that has one scale, exact in float32."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a tensor that has one scale."""
        return self.zero_points[0] if self.zero_points else 0


@dataclass(frozen=True)
class Operation:
    """One operator of the file, before it is lowered.

    Attributes:
        position: Its place in the file's list of operators.
        name: As TensorFlow Lite spells it: CONV_2D.
        inputs: Indices of its input tensors; -1 for one that is left out.
        outputs: Indices of its output tensors.
        options: Its builtin options, those the compiler reads.
        text: The name of its variable (VAR_HANDLE).
    """

    position: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, float]
    text: str = ""


@dataclass
class Graph:
    """A whole network: its tensors, and its operations in the order in which they run.

    Attributes:
        tensors: By index.
        operations: In the order in which they run.
        inputs: Indices of its inputs.
        outputs: Indices of its outputs.
        states: Of each tensor that keeps its values from one invocation to the next, the bytes
            that it holds before the first one.
    """

    tensors: list[Tensor]
    operations: list[Operation]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    states: dict[int, Values] = field(default_factory=dict)


@dataclass(frozen=True)
class Array:
    """A constant array of the generated code. ctype: "int8_t", "int32_t", "uint16_t", ..."""

    ctype: str
    values: Values


@dataclass(frozen=True)
class Code:
    """A definition in the generated code.

    Attributes:
        text: C, with {name} where the definition's name goes. Steps with the same text share it.
        bytes: Size of the weights that the code contains.
    """

    text: str
    bytes: int = 0


@dataclass(frozen=True)
class Rows:
    """The part of a tensor that a step computes, if it does not compute all rows (rows.py).

    Attributes:
        shares: For each operand, the first byte read and the fraction of its bytes read.
        at: First byte written.
        part: Fraction of the output's bytes written.
    """

    shares: tuple[tuple[int, float], ...]
    at: int
    part: float


@dataclass
class Step:
    """One kernel call: what an operation is lowered to.

    Attributes:
        operation: Name of the operation, CONV_2D.
        kernel: C function that computes it.
        struct: C type of its settings.
        settings: Fields of that struct. For a part of the rows, those of the part.
        inputs: Indices of the tensors it reads.
        output: Index of the tensor it writes.
        macs: Multiply-accumulate operations.
        in_place: Inputs whose memory the output may overwrite, element by element.
        scratch: Bytes of working memory, aligned to 16, passed as the kernel's last argument;
            0 for none.
        header: Header below lib/nn/src that declares kernel and struct.
        rows: The part of the output that is computed; None for all of it.
        starts: First byte of each operand and of the output; empty if all are 0.
    """

    operation: str
    kernel: str
    struct: str
    settings: Settings
    inputs: tuple[int, ...]
    output: int
    macs: int = 0
    in_place: tuple[int, ...] = ()
    scratch: int = 0
    header: str = "nn_kernels.h"
    rows: Rows | None = None
    starts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Alias:
    """An operation that costs nothing: `output` is `input` under another shape, or a part of it.

    Attributes:
        input: Index of the tensor that has the memory.
        output: Index of the tensor that is in it.
        offset: First byte there.
    """

    input: int
    output: int
    offset: int = 0


@dataclass(frozen=True)
class Slide:
    """The end of an invocation for a variable that only moves (views.py).

    The variable is the first `kept` bytes of a window, and the bytes after it are new. Afterwards
    it is the last `kept` bytes of the window.

    Attributes:
        state: Index of its tensor.
        kept: Bytes of the variable.
        step: Bytes by which it moves.
        turns: Whether the window moves through a ring; else its bytes move.
    """

    state: int
    kept: int
    step: int
    turns: bool

    @property
    def bytes(self) -> int:
        """RAM of the variable. A ring has most rows twice, so that each window is in one piece."""
        return self.kept + self.step + (self.kept if self.turns else 0)


@dataclass(frozen=True)
class Copy:
    """A copy between the arena and the memory that keeps rows from one hop to the next.

    Kept rows lie in `phases` slots of `slot` bytes, which hops use in turn.

    Attributes:
        tensor: Index of the tensor whose bytes are copied.
        at: First byte of the tensor.
        size: Bytes.
        load: True copies kept rows into the tensor; False keeps rows of the tensor.
        base: Where the slots begin in the kept memory.
        slot: Bytes of one slot.
        phases: Number of slots.
        offset: Place of these bytes in a slot.
    """

    tensor: int
    at: int
    size: int
    load: bool
    base: int
    slot: int
    phases: int
    offset: int


Program = Sequence[Step | Alias | Copy | Slide]

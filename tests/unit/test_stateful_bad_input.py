"""Networks with a memory that are wrong: one line that says what and where."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from click.testing import CliRunner

from otolith.cli import main
from otolith.compile import compile_graph
from otolith.compile.tflm import compile_for_tflm
from otolith.errors import UserError
from support.tflite_builder import ModelBuilder


class Memory:
    """A network that adds its input to what a variable holds. Parts can be left out or changed."""

    def __init__(self) -> None:
        self.b = ModelBuilder()
        self.x = self.b.tensor([1, 4], 0.1, 0)
        self.old, self.sum = self.b.tensor([1, 4], 0.1, 0), self.b.tensor([1, 4], 0.1, 0)
        self.start = [1, 4]
        self.initial = True

    def build(self, write=True, read=True) -> bytes:
        data = np.zeros(self.start, np.int8)
        initial = self.b.tensor(self.start, 0.1, 0, data=data) if self.initial else None
        handle = self.b.variable("memory", initial)
        if read:
            self.b.op("READ_VARIABLE", [handle], [self.old])
        self.b.op("ADD", [self.x, self.old if read else self.x], [self.sum])
        if write:
            self.b.op("ASSIGN_VARIABLE", [handle, self.sum], [])
        return self.b.build([self.x], [self.sum])


def read_before_written() -> bytes:
    memory = Memory()
    memory.initial = False
    return memory.build()


def another_shape() -> bytes:
    memory = Memory()
    memory.start = [1, 5]
    return memory.build()


def calls_itself() -> bytes:
    memory = Memory()
    filling = memory.b._filling

    def circle(main):
        found = filling(main)
        found.operators = [*main.operators[:1], *found.operators]
        return found

    memory.b._filling = circle
    return memory.build()


def calls_nothing() -> bytes:
    memory = Memory()
    filling = memory.b._filling

    def far(main):
        found = filling(main)
        main.operators[0].builtinOptions.initSubgraphIndex = 7
        return found

    memory.b._filling = far
    return memory.build()


def no_handle() -> bytes:
    memory = Memory()
    memory.b.op("READ_VARIABLE", [memory.x], [memory.old])
    memory.old = memory.b.tensor([1, 4], 0.1, 0)
    return memory.build(read=False)


def computed_beginning() -> bytes:
    memory = Memory()
    filling = memory.b._filling

    def computed(main):
        found = filling(main)
        found.operators = [o for o in main.operators[2:] if not o.builtinOptions] or [
            main.operators[-2]
        ]
        found.tensors = main.tensors
        return found

    memory.b._filling = computed
    return memory.build()


def sliced(begin: int, end: int, stride: int = 1) -> Callable[[], bytes]:
    def build() -> bytes:
        b = ModelBuilder()
        x, out = b.tensor([1, 4], 0.1, 0), b.tensor([1, max(1, end - begin)], 0.1, 0)
        bounds = [np.array(v, np.int32) for v in ([0, begin], [1, end], [1, stride])]
        inputs = [x, *(b.tensor([2], None, 0, "int32", v) for v in bounds)]
        b.op("STRIDED_SLICE", inputs, [out])
        return b.build([x], [out])

    return build


def wrong_parts() -> bytes:
    b = ModelBuilder()
    x, y, out = b.tensor([1, 4], 0.1, 0), b.tensor([1, 3], 0.1, 0), b.tensor([1, 8], 0.1, 0)
    b.op("CONCATENATION", [x, y], [out], axis=1)
    return b.build([x, y], [out])


def far_axis() -> bytes:
    b = ModelBuilder()
    x, out = b.tensor([1, 4], 0.1, 0), b.tensor([1, 8], 0.1, 0)
    b.op("CONCATENATION", [x, x], [out], axis=5)
    return b.build([x], [out])


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (read_before_written, "reads variable memory before anything is written to it"),
        (another_shape, r"variable memory is int8 \(?\[1, 5\], not int8 \[1, 4\]"),
        (calls_itself, "subgraph 1 calls itself"),
        (calls_nothing, "subgraph 7 of 2 is called"),
        (no_handle, "its variable has no handle"),
        (computed_beginning, "a subgraph of initial values may only assign constants"),
        (sliced(5, 9), "nothing from 5 to 9 of 4"),
        (sliced(0, 4, 0), "stride 0"),
        (sliced(1, 7), "output shape"),
        (wrong_parts, "size of all parts is 7, not 8"),
        (far_axis, "axis 5 of 2 dimensions"),
    ],
)
def test_what_is_wrong_is_one_line(build, said):
    with pytest.raises(UserError, match=said) as caught:
        compile_graph(build(), "m")
    assert "\n" not in caught.value.message


def test_the_tflm_engine_says_that_it_takes_one_subgraph():
    with pytest.raises(UserError, match="2 subgraphs: the tflm engine takes models with one"):
        compile_for_tflm(Memory().build(), "m")
    assert compile_graph(Memory().build(), "m").schedule.arena >= 16


def test_a_state_larger_than_ram_does_not_fit(tmp_path):
    b = ModelBuilder()
    x, joined = b.tensor([1, 1, 1, 64], 0.1, 0), b.tensor([1, 8001, 1, 64], 0.1, 0)
    shape = [1, 8000, 1, 64]
    old, new, out = b.tensor(shape, 0.1, 0), b.tensor(shape, 0.1, 0), b.tensor([1, 64], 0.1, 0)
    handle = b.variable("long", b.tensor(shape, 0.1, 0, data=np.zeros(shape, np.int8)))
    bounds = [
        b.tensor([4], None, 0, "int32", np.array(v)) for v in ([0, 1, 0, 0], [1, 8001, 1, 64])
    ]
    ones = b.tensor([4], None, 0, "int32", np.ones(4))
    axes = b.tensor([2], None, 0, "int32", np.array([1, 2]))
    b.op("READ_VARIABLE", [handle], [old])
    b.op("CONCATENATION", [old, x], [joined], axis=1)
    b.op("STRIDED_SLICE", [joined, *bounds, ones], [new])
    b.op("ASSIGN_VARIABLE", [handle, new], [])
    b.op("MEAN", [joined, axes], [out], keepDims=False)
    file = tmp_path / "long.tflite"
    file.write_bytes(b.build([x], [out]))
    done = CliRunner().invoke(main, ["summarize", str(file)])
    assert done.exit_code == 0, done.output
    assert compile_graph(file.read_bytes(), "m").schedule.arena > 8000 * 64
    (pico,) = (line for line in done.output.splitlines() if line.startswith("Raspberry Pi Pico:"))
    assert "not fit" in pico and "RAM" in pico

"""The arena planner: tensors that are alive at the same time never overlap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from otolith.compile import compile_graph
from otolith.compile.graph import Alias, Graph, Step, Tensor
from otolith.compile.plan import ALIGNMENT, Block, Plan, plan
from support.random_models import chain


def random_network(rng: np.random.Generator) -> tuple[Graph, list[Step | Alias]]:
    """Random steps with one or two inputs each, some of them in place, some aliases."""
    tensors = [Tensor(0, "in", (int(rng.integers(1, 500)),), "int8", (1.0,))]
    steps: list[Step | Alias] = []
    for index in range(1, int(rng.integers(3, 25))):
        inputs = tuple(int(i) for i in rng.integers(max(0, index - 4), index, rng.integers(1, 3)))
        if index > 1 and rng.random() < 0.2:
            tensors.append(Tensor(index, "t", tensors[inputs[0]].shape, "int8", (1.0,)))
            steps.append(Alias(inputs[0], index))
            continue
        same = rng.random() < 0.4
        shape = tensors[inputs[0]].shape if same else (int(rng.integers(1, 500)),)
        tensors.append(Tensor(index, "t", shape, "int8", (1.0,)))
        place = tuple(i for i in inputs if tensors[i].shape == shape) if same else ()
        scratch = int(rng.integers(0, 3)) * int(rng.integers(1, 300))
        steps.append(Step("X", "x", "x_t", {}, inputs, index, in_place=place, scratch=scratch))
    return Graph(tensors, [], (0,), (len(tensors) - 1,)), steps


def run_symbolically(graph: Graph, steps: list[Step | Alias], placed: Plan) -> None:
    """Track which tensor wrote each byte. Every read must find its own tensor."""
    memory = np.full(placed.arena, -1)
    value = {0: 0}  # tensor -> the tensor that wrote its bytes

    def read(index: int) -> None:
        kind, at = placed.place[index]
        if kind == "arena":
            assert at % ALIGNMENT == 0
            assert (memory[at : at + graph.tensors[index].count] == value[index]).all()

    for number, step in enumerate(steps):
        if isinstance(step, Alias):
            read(step.input)
            value[step.output] = value[step.input]
            continue
        if step.scratch:  # used while inputs are read and the output is written
            own = slice(placed.scratch[number], placed.scratch[number] + step.scratch)
            assert own.start % ALIGNMENT == 0 and own.stop <= placed.arena
            memory[own] = -2
        for index in step.inputs:
            read(index)
        kind, at = placed.place[step.output]
        size = graph.tensors[step.output].count
        assert kind == "arena" and at + size <= placed.arena
        for index in step.inputs:  # written while the inputs are read
            where, start = placed.place[index]
            end = start + graph.tensors[index].count
            if where == "arena" and start < at + size and at < end:
                assert index in step.in_place and start == at
        memory[at : at + size] = step.output
        if step.scratch:
            assert (memory[own] == -2).all()
        value[step.output] = step.output
    for index in graph.outputs:
        read(index)


@pytest.mark.parametrize("seed", range(300))
def test_every_read_finds_what_was_written(seed):
    graph, steps = random_network(np.random.default_rng([7, seed]))
    placed = plan(graph, steps)
    run_symbolically(graph, steps, placed)
    sizes = [t.count for t in graph.tensors[1:]]
    sizes += [step.scratch for step in steps if isinstance(step, Step)]
    assert placed.arena <= sum(-(-size // ALIGNMENT) * ALIGNMENT for size in sizes)


def smallest_arena(blocks: tuple[Block, ...]) -> int:
    """Bytes of the smallest arena, by SciPy's HiGHS: offsets, and which of two blocks is above."""
    sizes = [-(-block.size // ALIGNMENT) for block in blocks]
    most, count = sum(sizes), len(blocks)
    pairs = [
        (i, j)
        for i in range(count)
        for j in range(i)
        if blocks[i].first <= blocks[j].last and blocks[j].first <= blocks[i].last
    ]
    rows, most_of = [], []  # row @ (offsets, arena, above) <= most_of
    for i, size in enumerate(sizes):
        row = np.zeros(count + 1 + len(pairs))
        row[i], row[count] = 1, -1
        rows.append(row)
        most_of.append(-size)
    for number, (i, j) in enumerate(pairs):
        for low, high, above in ((i, j, 1), (j, i, 0)):
            row = np.zeros(count + 1 + len(pairs))
            row[low], row[high], row[count + 1 + number] = 1, -1, most if above else -most
            rows.append(row)
            most_of.append(-sizes[low] + (most if above else 0))
    aim = np.zeros(count + 1 + len(pairs))
    aim[count] = 1
    upper = [most] * (count + 1) + [1] * len(pairs)
    found = milp(
        aim,
        constraints=LinearConstraint(np.array(rows), ub=most_of),
        integrality=np.ones(len(aim)),
        bounds=Bounds(0, upper),
        options={"time_limit": 5},
    )
    assert found.status == 0, found.message
    return round(found.fun) * ALIGNMENT


# networks for which no order of blocks gives the smallest arena at once
@pytest.mark.parametrize("seed", [6, 42, 102, 165, 199, 236])
def test_small_graphs_get_the_smallest_arena(seed):
    placed = plan(*random_network(np.random.default_rng([7, seed])))
    assert placed.arena == smallest_arena(placed.blocks)


def test_arena_of_a_chain_is_its_two_largest_neighbours():
    tensors = [Tensor(i, "t", (n,), "int8", (1.0,)) for i, n in enumerate([9, 640, 320, 64, 16])]
    steps = [Step("X", "x", "x_t", {}, (i,), i + 1) for i in range(4)]
    assert plan(Graph(tensors, [], (0,), (4,)), steps).arena == 960


def test_in_place_saves_the_second_buffer():
    tensors = [Tensor(i, "t", (640,), "int8", (1.0,)) for i in range(4)]
    steps = [Step("X", "x", "x_t", {}, (i,), i + 1, in_place=(i,)) for i in range(3)]
    placed = plan(Graph(tensors, [], (0,), (3,)), steps)
    assert placed.arena == 640  # and the input itself is never overwritten
    assert placed.place[0] == ("input", 0)


def test_compiling_is_deterministic():
    model = chain(np.random.default_rng(8)).build()
    assert compile_graph(model, "m").files == compile_graph(model, "m").files

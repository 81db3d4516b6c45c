"""Which layers are packed for speed where flash has no room for all."""

import itertools

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.cli import main
from otolith.compile import analyse_model
from otolith.compile.packing import _knapsack, room_on
from otolith.compile.schedule import schedule
from otolith.device.boards import named
from otolith.summarize.realtime import costs_of, cycles_saved, network_cycles, packing
from support.core_models import convolution
from support.random_models import Net
from support.soak import depth

ITEMS = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 20)), max_size=7)


@given(ITEMS, st.integers(0, 30))
@settings(max_examples=depth(60, 2000), deadline=None)
def test_the_knapsack_is_worth_as_much_as_the_best_of_all_choices(items, limit):
    kept = _knapsack(items, limit)

    def total(numbers, which):
        return sum(items[n][which] for n in numbers)

    numbers = range(len(items))
    choices = itertools.chain.from_iterable(
        itertools.combinations(numbers, size) for size in range(len(items) + 1)
    )
    assert total(kept, 0) <= limit
    assert total(kept, 1) == max(total(c, 1) for c in choices if total(c, 0) <= limit)


@pytest.fixture(scope="module")
def network():
    """Three 1x1 convolutions: a small one on many pixels, two large ones on few."""
    net = Net(np.random.default_rng(5), (1, 20, 20, 8))
    convolution(net, (1, 1), 16)
    convolution(net, (1, 1), 32, (4, 4))
    convolution(net, (1, 1), 64)
    return net.build()


def test_the_layers_that_save_most_a_byte_are_packed_for_speed(network):
    analysis, costs = analyse_model(network, "n"), costs_of("rp2040")
    value = cycles_saved(analysis.network.graph, costs)
    whole, small = (schedule(analysis, "m0plus", how) for how in ("speed", "size"))
    assert not schedule(analysis, "m0plus", "speed", whole.weights, value).plain
    kernels = [step.kernel for step in whole.calls]
    last = whole.weights - 1
    seen = []
    for room in np.linspace(small.weights, last, 8).astype(int):
        some = schedule(analysis, "m0plus", "speed", int(room), value)
        assert some.weights <= room and some.plain
        seen.append(network_cycles(analysis, costs, "speed", some.plain))
        for step, kernel in zip(some.calls, kernels, strict=True):
            assert (step.kernel == kernel) == (step.output not in some.plain)
    assert seen == sorted(seen, reverse=True) and len(set(seen)) > 1
    none = schedule(analysis, "m0plus", "speed", 0, value)
    assert none.weights == small.weights


def test_a_board_with_room_packs_all_and_compile_says_what_it_left(network, tmp_path):
    analysis = analyse_model(network, "n")
    assert not packing(analysis, named("pico"))
    assert room_on(2 << 20) == (3 << 19) - (128 << 10)
    file = tmp_path / "n.tflite"
    file.write_bytes(network)
    small = schedule(analysis, "m0plus", "size").weights
    flash = ((128 << 10) + small + 1200) * 4 // 3
    told = CliRunner().invoke(
        main,
        ["compile", str(file), "-o", str(tmp_path), "--core", "m0plus", "--flash", str(flash)],
    )
    assert told.exit_code == 0, told.output
    assert "flash has no room to pack" in told.output
    assert "bytes more would save about" in told.output

"""Compiled networks against TensorFlow Lite Micro, bit for bit."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from otolith.compile import Compiled, compile_graph
from otolith.compile.cores import PORTABLE
from support.compiled_batch import run

runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")

ROUNDS = 3


def oracle(model: bytes, rounds: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 20)
    results = []
    for inputs in rounds:
        for number, value in enumerate(inputs):
            interpreter.set_input(value, number)
        interpreter.invoke()
        results.append([np.array(interpreter.get_output(0))])
    return results


def some_inputs(rng: np.random.Generator, one: Compiled) -> list[list[np.ndarray]]:
    """Several rounds of random inputs, and one with only the smallest and largest values."""
    shapes = [tensor.shape for tensor in one.schedule.network.inputs]
    rounds = [[rng.integers(-128, 128, s).astype(np.int8) for s in shapes] for _ in range(ROUNDS)]
    rounds[-1] = [rng.choice(np.array([-128, 127], np.int8), s) for s in shapes]
    return rounds


def compare(folder, nets, *flags: str, core: str = PORTABLE, optimize: str = "speed") -> None:
    """Check compiled networks against TensorFlow Lite Micro on the given core's kernels."""
    rng = np.random.default_rng(1)
    models = [net.build() for net in nets]
    compiled = [compile_graph(model, f"m{i}", core, optimize) for i, model in enumerate(models)]
    inputs = [some_inputs(rng, one) for one in compiled]
    equal(folder, nets, models, compiled, inputs, flags)


def equal(folder, nets, models, compiled, inputs, flags=(), slid=None) -> None:
    """Check outputs for given inputs. `inputs` and `slid` are indexed as in compiled_batch.run."""
    # With ASan and UBSan: out-of-bounds accesses and invalid shifts abort.
    sanitize = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    got = run(folder, compiled, inputs, (*sanitize, *flags), slid)
    wrong: Counter[str] = Counter()
    for net, model, rounds, result in zip(nets, models, inputs, got, strict=True):
        expected = oracle(model, rounds)
        for a, b in zip(expected, result, strict=True):
            assert a[0].shape == b[0].shape
            if not np.array_equal(a[0], b[0]):
                wrong[" ".join(net.operations)] += 1
    assert not wrong

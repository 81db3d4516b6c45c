"""Damaged model files: a clear line or a valid network, never a crash, a hang or a stray read."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from compiled_batch import run

from host import paths
from host.compile import compile_graph, compile_model
from host.errors import UserError

MODELS = sorted(paths.test_models().glob("*.tflite"))
MUTATIONS, SLOWEST_S, EXECUTED = 2000, 10.0, 40

pytestmark = pytest.mark.skipif(not MODELS, reason="no shared models here")


def damaged(random_: random.Random, data: bytes) -> bytes:
    """Cut short, or a few bits flipped: anywhere, or where the structure is (the far end)."""
    if random_.random() < 0.2:
        return data[: random_.randrange(len(data))]
    bad = bytearray(data)
    for _ in range(random_.choice([1, 1, 2, 4, 16])):
        if random_.random() < 0.5:
            at = random_.randrange(len(bad))
        else:
            low, high = random_.choice([(0, 2000), (len(bad) - 8000, len(bad))])
            at = random_.randrange(max(0, low), min(high, len(bad)))
        bad[at] ^= 1 << random_.randrange(8)
    return bytes(bad)


def test_random_mutations(tmp_path):
    random_ = random.Random(2)
    valid, errors = [], set()
    for number in range(MUTATIONS):
        data = damaged(random_, MODELS[number % len(MODELS)].read_bytes())
        start = time.monotonic()
        try:
            compiled = compile_graph(data, "damaged")
        except UserError as error:
            assert "\n" not in error.message and len(error.message) < 400
            errors.add(error.message)
        else:
            valid.append(compiled)
        assert time.monotonic() - start < SLOWEST_S
    assert len(valid) > MUTATIONS // 10 and len(errors) > 50
    # What was accepted must also run within its own memory; those changed in structure first.
    valid.sort(key=lambda c: not different(c))
    chosen = valid[:EXECUTED]
    rng = np.random.default_rng(3)
    inputs = [
        [[rng.integers(-128, 128, edge["shape"]).astype(np.int8) for edge in c.report["inputs"]]]
        for c in chosen
    ]
    run(tmp_path, chosen, inputs, ("-fsanitize=address,undefined", "-fno-sanitize-recover=all"))


def structure(compiled) -> list:
    """Shapes, operations and settings, without the weights."""
    return [compiled.report["arena"], compiled.report["operations"], compiled.report["inputs"]]


ORIGINAL = [structure(compile_graph(m.read_bytes(), "original")) for m in MODELS]


def different(compiled) -> bool:
    return structure(compiled) not in ORIGINAL


def test_every_cut_of_a_header_is_an_error():
    data = MODELS[0].read_bytes()
    for length in range(64):
        with pytest.raises(UserError):
            compile_graph(data[:length], "cut")


def test_a_bad_model_leaves_earlier_output_alone(tmp_path):
    data = MODELS[0].read_bytes()
    compile_model(data, tmp_path, "good")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(UserError):
        compile_model(data[: len(data) // 2], tmp_path, "bad")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before

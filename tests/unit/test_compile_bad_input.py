"""Damaged model files give a clear error or a valid network, and never a crash or a hang."""

from __future__ import annotations

import random
import re
import time
from functools import cache

import numpy as np
import pytest
from click.testing import CliRunner

from otolith import paths
from otolith.cli import main
from otolith.compile import compile_graph
from otolith.compile.tflite import read_graph
from otolith.errors import UserError
from support.compiled_batch import run
from support.front_ends import with_metadata
from support.soak import depth
from support.tiny_model import METADATA, network

FILES = [m.read_bytes() for m in sorted(paths.test_models().glob("*.tflite"))]
FILES += [with_metadata(network(), METADATA)] * 2
MUTATIONS, SLOWEST_S, EXECUTED = depth(250, 3000), 10.0, depth(20, 40)


def structural(data: bytes) -> list[int]:
    """Positions of bytes that are not weights: tables, offsets, shapes, scales, options."""
    kind = bytearray(len(data))
    for tensor in read_graph(data).tensors:
        if tensor.data is not None and tensor.data.nbytes > 64:
            at = data.find(tensor.data.tobytes())
            kind[at : at + tensor.data.nbytes] = b"w" * tensor.data.nbytes
    return [i for i, k in enumerate(kind) if not k]


def damaged(random_: random.Random, data: bytes, places: list[int]) -> bytes:
    """A copy that is truncated or has a few flipped bits: anywhere, or within the structure."""
    if random_.random() < 0.1:
        return data[: random_.randrange(len(data))]
    bad = bytearray(data)
    anywhere = random_.random() < 0.2
    for _ in range(random_.choice([1, 1, 1, 2, 4, 16])):
        at = random_.randrange(len(bad)) if anywhere else random_.choice(places)
        bad[at] ^= 1 << random_.randrange(8)
    return bytes(bad)


@pytest.mark.deep
@pytest.mark.slow
def test_random_mutations(tmp_path):
    random_ = random.Random(2)
    places = [structural(f) for f in FILES]
    valid, errors = [], set()
    for number in range(MUTATIONS):
        data = damaged(random_, FILES[number % len(FILES)], places[number % len(FILES)])
        start = time.monotonic()
        try:
            compiled = compile_graph(data, "damaged")
        except UserError as error:
            assert "\n" not in error.message and len(error.message) < 400
            errors.add(error.message)
        else:
            valid.append(compiled)
        assert time.monotonic() - start < SLOWEST_S
    assert len(valid) > MUTATIONS // 10 and len(errors) > depth(20, 50)
    # Accepted models must also stay within their own memory. Run those with a changed structure
    # first.
    valid.sort(key=lambda c: not different(c))
    chosen = valid[:EXECUTED]
    rng = np.random.default_rng(3)
    inputs = [
        [[rng.integers(-128, 128, t.shape).astype(np.int8) for t in c.schedule.network.inputs]]
        for c in chosen
    ]
    run(tmp_path, chosen, inputs, ("-fsanitize=address,undefined", "-fno-sanitize-recover=all"))


def structure(compiled) -> str:
    """model.c without weights, name and hash: shapes, settings, multipliers, addresses."""
    text = re.sub(
        r"static const int8_t \w+\[\d+\] = \{.*?\};", "", compiled.files["model.c"], flags=re.S
    )
    return text.replace(compiled.schedule.network.digest, "")


@cache
def originals() -> list[str]:
    return [structure(compile_graph(f, "damaged")) for f in FILES]


def different(compiled) -> bool:
    return structure(compiled) not in originals()


def test_every_cut_of_a_header_is_an_error():
    data = FILES[0]
    for length in range(64):
        with pytest.raises(UserError):
            compile_graph(data[:length], "cut")


def test_a_bad_model_leaves_earlier_output_alone(tmp_path):
    data = FILES[0]
    model, out = tmp_path / "model.tflite", tmp_path / "out"
    model.write_bytes(data)
    assert CliRunner().invoke(main, ["compile", str(model), "-o", str(out)]).exit_code == 0
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    model.write_bytes(data[: len(data) // 2])
    assert CliRunner().invoke(main, ["compile", str(model), "-o", str(out)]).exit_code == 1
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before

"""Mutated model files give a one-line error or a valid network, for every core and engine.

`make soak` compiles 3,000 models and 2,000 with a memory, and runs the C code of all accepted ones
under sanitizers. In `make test`, test_compile_bad_input.py and test_stateful.py run some.
"""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from otolith.compile import compile_graph
from otolith.native.sources import lib
from otolith.paths import ROOT
from support.compiled_batch import run
from support.fuzz_tflite import HANG_S, MOST_BYTES
from support.soak import depth

MODELS, REMEMBERING = depth(60, 3000), depth(60, 2000)
BATCH = 30  # networks per program
MOST_MACS, MOST_ARENA = 20_000_000, 1 << 22  # larger networks would take too long
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.fixture(scope="module", params=["windows", "memory"])
def fuzzed(tmp_path_factory, request):
    """The result of a fuzz run, and the folder with the accepted files."""
    folder = tmp_path_factory.mktemp("fuzz")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'host'}:{ROOT / 'tests'}"}
    count = MODELS if request.param == "windows" else REMEMBERING
    command = [sys.executable, "-m", "support.fuzz_tflite", str(count), "7", str(folder)]
    command += [request.param]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((folder / "result.json").read_text()), folder


@pytest.mark.deep
def test_no_file_breaks_the_compiler(fuzzed, figure):
    result, _ = fuzzed
    figure(
        f"{result['models']:,} models: {result['refused']:,} refused by {result['messages']:,} "
        f"messages, {len(result['accepted']):,} compiled, {result['accepted_tflm']:,} for tflm; "
        f"slowest {result['slowest_s']:.1f} s, {result['most_bytes'] / 2**20:,.0f} MiB"
    )
    models = result["models"]
    assert models in (MODELS, REMEMBERING)
    assert result["tracebacks"] == [] and result["hangs"] == [] and result["bad_messages"] == []
    assert result["most_bytes"] < MOST_BYTES and result["slowest_s"] < HANG_S
    # The mutations are varied: some models are still valid, others fail in many different ways.
    assert result["refused"] > models // 4 and len(result["accepted"]) > models // 30
    assert result["messages"] > depth(10, 150)


@pytest.mark.soak
@pytest.mark.slow
def test_what_is_accepted_runs_within_its_memory(fuzzed, tmp_path, figure):
    result, folder = fuzzed
    compiled = []
    for name, (core, optimize, hop) in list(result["accepted"].items()):
        one = compile_graph((folder / name).read_bytes(), "m", core, optimize, json.loads(hop))
        if one.schedule.macs < MOST_MACS and one.schedule.arena < MOST_ARENA:
            compiled.append(one)
    assert len(compiled) > len(result["accepted"]) // 2
    rng = np.random.default_rng(3)
    for first in range(0, len(compiled), BATCH):
        batch = compiled[first : first + BATCH]
        # Two rounds: a random window, then the window moved by one hop.
        inputs = [
            [
                [
                    rng.integers(-128, 128, t.shape).astype(np.int8)
                    for t in one.schedule.network.inputs
                ]
                for _ in range(2)
            ]
            for one in batch
        ]
        slid = [[0, one.schedule.stream.hop if one.schedule.stream else 0] for one in batch]
        run(tmp_path, batch, inputs, SANITIZE, slid)
    pipelines = []
    for number, one in enumerate(compiled):
        if "pipeline.c" in one.files:
            pipelines.append(tmp_path / f"pipeline_{number}.c")
            pipelines[-1].write_text(one.files["pipeline.c"])
    if pipelines:  # networks with a memory come without a front end
        sources = lib("features", "nn", "detect", "listen")
        flags = ["-std=gnu11", "-fsyntax-only", "-Wall", *(f"-I{path}" for path in sources.include)]
        subprocess.run(["cc", *flags, *sources.flags, *map(str, pipelines)], check=True)
    figure(f"{len(compiled):,} networks ran under sanitizers, {len(pipelines):,} with a front end")

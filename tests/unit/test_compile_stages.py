"""The stages of the compiler: each has its own result, and estimates need no generated C."""

import json
import re

import pytest
from click.testing import CliRunner

from otolith.cli import main
from otolith.compile import compile_graph, schedule_model
from otolith.compile.analyse import analyse
from otolith.compile.cores import PORTABLE
from otolith.compile.emit import emit
from otolith.compile.ops import lower
from otolith.compile.read import read
from otolith.compile.schedule import SIZES, schedule
from otolith.summarize.realtime import of_file
from support import small_models

ARRAY = re.compile(r"^static const (\w+) \w+\[(\d+)\] __attribute__", re.M)


def test_stages_in_a_row_are_the_compiler():
    data = small_models.sliding()
    network = read(data, "slide")
    analysis = analyse(network)
    scheduled = schedule(analysis, "dsp", "size")
    files = emit(scheduled)
    assert files == compile_graph(data, "slide", "dsp", "size").files
    assert len(analysis.steps) == len(network.graph.operations)
    assert scheduled.slide is not None and analysis.stream.kept > 0
    assert sorted(files) == ["model.c", "pipeline.c"]


@pytest.fixture
def no_c(monkeypatch):
    """Fail if any C is generated."""

    def refuse(*_):
        raise AssertionError("C is written")

    monkeypatch.setattr("otolith.compile.emit.model_source", refuse)
    monkeypatch.setattr("otolith.compile.emit.pipeline_source", refuse)
    with pytest.raises(AssertionError):
        compile_graph(small_models.loudness(), "m")


def test_estimates_stop_before_c_is_written(no_c, tmp_path):
    file = tmp_path / "loud.tflite"
    file.write_bytes(small_models.loudness())
    assert of_file(file.read_bytes(), "loud", "pico").keeps_up
    assert schedule_model(file.read_bytes(), "loud", "m0plus").weights > 0
    done = CliRunner().invoke(main, ["summarize", str(file), "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["weights"] > 0


def test_a_board_does_not_mean_compiling_twice(tmp_path, monkeypatch):
    lowered: list[int] = []
    monkeypatch.setattr(
        "otolith.compile.analyse.lower",
        lambda graph, op: lowered.append(op.position) or lower(graph, op),
    )
    file = tmp_path / "slide.tflite"
    file.write_bytes(small_models.sliding())
    run = ["compile", str(file), "-o", str(tmp_path / "out"), "--core", "m0plus", "--board", "pico"]
    done = CliRunner().invoke(main, run)
    assert done.exit_code == 0 and "ms a hop" in done.output
    assert lowered == [op.position for op in read(file.read_bytes(), "m").graph.operations]


@pytest.mark.parametrize("core", [PORTABLE, "dsp"])
def test_the_weights_of_a_schedule_are_those_in_the_c(core):
    """On m0plus some weights are instructions instead of arrays."""
    for data in (small_models.loudness(), small_models.sliding(), small_models.slow()):
        compiled = compile_graph(data, "m", core)
        arrays = ARRAY.findall(compiled.files["model.c"])
        assert arrays
        assert compiled.schedule.weights == sum(SIZES[kind] * int(n) for kind, n in arrays)

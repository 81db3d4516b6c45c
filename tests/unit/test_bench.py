"""`host bench`: which figures are compared."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tflite_micro.python.tflite_micro import runtime

from otolith.bench import bakenn
from otolith.bench.cores import CORES, fixed_inputs
from otolith.bench.engines import compare, line, reached
from otolith.bench.measure import (
    BASELINE,
    Cost,
    record,
    recorded,
    recorded_alone,
    shared_or_given,
)
from otolith.cli import main
from otolith.compile import schedule_model
from otolith.compile.engine import HostModel
from otolith.errors import UserError
from support import small_models


def cost(engine, count, **more):
    return Cost(engine, count, **{"start": 20, "flash": 6000, "weights": 100, "arena": 1000,
                                  "ram": 1100, **more})  # fmt: skip


def test_the_recorded_figures_are_the_peers():
    told = json.loads(BASELINE.read_text())
    assert "raspberrypi/pico-tflmicro at dfea53b" in told["source"]
    kws = recorded("kws_ref", CORES["m0plus"])
    assert 30e6 < kws.count < 40e6 and 20_000 < kws.arena < kws.ram < 30_000 < kws.flash < 70_000
    assert recorded_alone("kws_ref", CORES["m0plus"]) == 39_516_000
    for name in told["alone"]:
        for core in CORES.values():  # an independent program took about the same
            ratio = recorded(name, core).count / recorded_alone(name, core)
            assert 0.85 < ratio < 1.01 if core.name == "m0plus" else 0.99 < ratio < 1.01
    assert kws.recorded and "tflm*" in line("kws_ref", kws, 2_656_768, None)
    assert recorded("somebody_elses", CORES["m4f"]) is None


def test_a_record_takes_the_place_of_the_last(monkeypatch, tmp_path):
    file = tmp_path / "record.json"
    file.write_text('{"source": "", "alone": {}, "networks": {"a": {"m4f": {}, "m33": {}}}}')
    monkeypatch.setattr("otolith.bench.measure.BASELINE", file)
    measured = cost("tflm", 77, stack=9)
    record({("a", "m4f"): measured})
    assert recorded("a", CORES["m4f"]).count == 77
    assert recorded("b", CORES["m4f"]) is None
    record({("b", "m4f"): measured})
    assert set(json.loads(file.read_text())["networks"]) == {"a", "b"}


def test_targets_say_what_is_missed():
    pairs = {
        "kws_ref": (cost("compiled", 100), cost("tflm", 1000, arena=2000)),
        "other": (cost("compiled", 400, start=1001), cost("tflm", 1000, arena=1100)),
    }
    found = {t["what"]: (t["reached"], t["met"]) for t in reached(CORES["m0plus"], pairs)}
    assert found["mean share of the tflm engine"] == (pytest.approx(0.2), True)
    assert found["worst of them (other)"] == (0.4, False)
    assert found["mean share of TFLM alone, recorded"] == (100 / 39_516_000, True)
    assert found["worst arena (other)"] == (pytest.approx(1000 / 1100), False)
    assert found["slowest start"] == (1001, False)
    assert found["code and tables, kws_ref"] == (6000, True)


def test_outputs_that_differ_are_no_result():
    ours = cost("compiled", 1, outputs=(b"\1",))
    compare("n", CORES["m4f"], ours, cost("tflm", 1, outputs=(b"\1",)))
    compare("n", CORES["m4f"], ours, cost("tflm", 1, recorded=True))
    with pytest.raises(UserError, match="n on m4f: the engines' outputs differ"):
        compare("n", CORES["m4f"], ours, cost("tflm", 1, outputs=(b"\2",)))


def test_inputs_are_the_same_every_time_and_differ():
    noise, walk, faint = fixed_inputs([[1, 49, 10, 1]])
    assert fixed_inputs([[1, 49, 10, 1]]) == [noise, walk, faint]
    assert {len(x) for x in (noise, walk, faint)} == {490} and len({noise, walk, faint}) == 3
    steps = np.abs(np.diff(np.frombuffer(walk, np.int8).astype(int)))
    assert np.median(steps) < 16


def test_instructions_come_from_the_boards_clock():
    assert CORES["m0plus"].count(1000, 125_000_000) == 1000
    assert CORES["m4f"].count(1000, 25_000_000) == 1250  # 40 ns per tick, 32 ns per instruction


def test_without_networks_one_line(tmp_path):
    with pytest.raises(UserError, match=r"name a \.tflite, or set OTOLITH_MODELS"):
        shared_or_given((), tmp_path)
    absent = tmp_path / "absent.tflite"
    result = CliRunner().invoke(main, ["bench", "engines", str(absent)])
    assert result.exit_code == 1 and "No such file" in result.output
    assert shared_or_given((Path("a"),), tmp_path) == [Path("a")]


def test_what_bakenn_takes_is_the_same_network():
    data = small_models.loudness()
    part, gone = bakenn.acceptable(data)
    assert gone == ["SOFTMAX"]
    names = [step.operation for step in schedule_model(part, "part").calls]
    whole = [step.operation for step in schedule_model(data, "whole").calls]
    assert [*names, "SOFTMAX"] == whole
    shape = schedule_model(part, "part").network.inputs[0].shape
    value = np.frombuffer(fixed_inputs([shape])[0], np.int8).reshape(shape)
    interpreter = runtime.Interpreter.from_bytes(part)
    interpreter.set_input(value, 0)
    interpreter.invoke()
    np.testing.assert_array_equal(HostModel(part).invoke(value), interpreter.get_output(0))


def test_bakenn_where_it_is_not_installed(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "bakenn", None)
    assert "pip install" in bakenn.installed()
    result = CliRunner().invoke(main, ["bench", "engines", "--bakenn"])
    assert result.exit_code == 1 and "bakenn is not installed" in result.output

"""host summarize: figures against the wheel's flatbuffer classes, Keras and a linker map."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from otolith import paths
from otolith.compile import analyse_model, schedule_model
from otolith.compile.metadata import read_metadata
from otolith.device.boards import load_boards
from otolith.summarize.fit import Need, fit, network_need
from otolith.summarize.network import layers
from support.chain_model import METADATA, network
from support.evaluate_case import host
from support.tiny_model import network as random_network

MODELS = sorted(paths.test_models().glob("*.tflite")) + sorted(paths.MODELS.glob("*/*.tflite"))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_shapes_and_parameters_are_those_of_the_file(path):
    """Compared with the file as the wheel's flatbuffer classes read it."""
    data = path.read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    graph = model.subgraphs[0]
    analysis = analyse_model(data, "x")
    rows = layers(analysis)
    kept = [
        o for o in graph.operators if graph.tensors[o.outputs[0]].type == schema.TensorType.INT8
    ]
    kept = kept[-len(rows) :]  # the caller does the QUANTIZE of a float input
    assert len(rows) == len(kept)
    learnt = set()
    for row, operator in zip(rows, kept, strict=True):
        out = graph.tensors[operator.outputs[0]]
        assert row.output == list(out.shape)
        assert row.scale == pytest.approx(out.quantization.scale[0])
        assert row.zero_point == out.quantization.zeroPoint[0]
        for i in operator.inputs:
            t = graph.tensors[i]
            filled = i >= 0 and model.buffers[t.buffer].data is not None
            if filled and t.quantization is not None and t.quantization.scale is not None:
                learnt.add(i)
    counted = sum(int(np.prod(graph.tensors[i].shape)) for i in learnt)
    assert sum(row.parameters for row in rows) == counted
    assert sum(row.macs for row in rows) == analysis.macs


def test_macs_by_hand():
    mean, dense, softmax = layers(analyse_model(network(2), "x"))
    assert (mean.operation, mean.macs, mean.parameters) == ("MEAN", 0, 0)
    assert (dense.inputs, dense.output, dense.macs, dense.parameters) == ([[1, 1]], [1, 2], 2, 4)
    assert (softmax.scale, softmax.zero_point) == (1 / 256, -128)


@pytest.fixture
def builds(tmp_path):
    """A build folder with a map like the linker's: 1,000 bytes of model in an image of 50,000."""
    folder = tmp_path / "pico"
    (folder / "model").mkdir(parents=True)
    text = f"""
Linker script and memory map

.text           0x10000100     0xc350
 .text          0x10000100     0xbf68 {folder}/src/main.c.o
 .rodata        0x1000c068      0x3e8 model/model.c.o

.bss            0x20000000     0x2710
 .bss           0x20000000      0x7d0 model/model.c.o
 .bss           0x200007d0     0x1f40 {folder}/src/main.c.o
"""
    (folder / "firmware.map").write_text(text)
    return tmp_path


def put_report(builds, digest):
    (builds / "pico/model/report.json").write_text(json.dumps({"hash": digest}))
    (builds / "pico/firmware.map").touch()


def test_what_a_board_has_to_hold(builds):
    schedule = schedule_model(network(2), "x")
    need, digest = network_need(schedule), schedule.network.digest
    window = 2 * METADATA["features"]["frames"] * METADATA["features"]["bands"]
    past = 2 * read_metadata(network(2)).features.past_samples  # it has a gate
    assert need == Need(schedule.weights, schedule.arena + window + past)
    plain = dataclasses.replace(schedule.analysis, pipeline=None)  # takes its input as int8
    plain = dataclasses.replace(schedule, analysis=plain)
    assert network_need(plain).ram == schedule.arena + window // 2
    pico = next(b for b in load_boards() if b.id == "pico")
    assert (pico.family, pico.flash, pico.ram) == ("rp2040", 2 * 2**20, 264 * 1024)

    assert fit(pico, digest, need, builds).basis == "network"  # no report.json yet
    put_report(builds, "of another")
    other = fit(pico, digest, need, builds)
    assert other.basis == "other build"
    assert other.need == Need(50_000 - 1000 + need.flash, 10_000 - 2000 + need.ram)
    put_report(builds, digest)
    built = fit(pico, digest, need, builds)
    assert (built.basis, built.need) == ("build", Need(50_000, 10_000))
    assert built.fits and "image measured" in built.words()

    small = dataclasses.replace(pico, flash=49_000, ram=9_990)
    words = fit(small, digest, need, builds).words()
    assert words == "does not fit: 1,000 bytes of flash and 10 bytes of RAM too much"
    shutil.rmtree(builds / "pico")
    assert "not built" in fit(pico, digest, need, builds).words()


def test_what_it_prints(tmp_path):
    path = tmp_path / "loud.tflite"
    path.write_bytes(network(2))
    found = json.loads(host("summarize", path, "--json").stdout)
    assert found["metadata"] == METADATA and found["parameters"] == 4
    assert {b["board"] for b in found["boards"]} == {b.id for b in load_boards()}
    text = host("summarize", path).output
    for said in ("FULLY_CONNECTED", "4 parameters, 2 MACs", "classes: background, loud", "pico"):
        assert said in text
    path.write_bytes(random_network())
    result = host("summarize", path)
    assert result.exit_code == 0 and "no metadata" in result.output


def test_what_it_refuses(tmp_path):
    path = tmp_path / "bad.tflite"
    path.write_bytes(b"x" * 100)
    for arguments, said in (
        ((path,), "not a .tflite"),
        ((tmp_path / "gone.tflite",), "no such file"),
        ((tmp_path / "gone",), "no such file"),
    ):
        result = host("summarize", *arguments)
        assert result.exit_code == 1 and said in result.output
        assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--board", "pico2"], "no virtual board 'pico2': arduino_nano_rp2040_connect"),
        (["--board", "nrf52840_dk"], "not a .tflite"),
        (["--board", "pico"], "not a .tflite"),
    ],
)
def test_profile_refuses_before_it_builds(arguments, said, tmp_path):
    path = tmp_path / "bad.tflite"
    path.write_bytes(b"x" * 100)
    result = host("profile", path, *arguments)
    assert result.exit_code == 1 and said in result.output
    assert len(result.output.splitlines()) == 1

"""host compile, host header, host run, and the files they write."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess

import numpy as np
import pytest
from click.testing import CliRunner
from tflite_micro.python.tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from otolith import paths
from otolith.cli import main
from otolith.compile.metadata import read_metadata, write_metadata
from otolith.native.sources import lib
from support import small_models
from support.front_ends import told, with_metadata
from support.random_models import Net
from support.skips import third_party_model
from support.tiny_model import METADATA, network


@pytest.fixture(scope="module")
def model() -> bytes:
    return network()


@pytest.fixture
def file(model, tmp_path):
    path = tmp_path / "1 tiny.tflite"
    path.write_bytes(with_metadata(model, METADATA))
    return path


def host(*arguments) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_compile_writes_c_that_builds_without_warnings(file, tmp_path):
    code, output = host("compile", file, "-o", tmp_path / "out", "--json")
    assert code == 0, output
    report = json.loads(output)
    assert report == json.loads((tmp_path / "out/report.json").read_text())
    assert report["name"] == "tiny" and report["labels"] == ["background", "alarm"]
    sources = [tmp_path / "out/model.c", tmp_path / "out/pipeline.c"]
    for compiler in ("cc", "arm-none-eabi-gcc -mcpu=cortex-m0plus -mthumb"):
        command = [*compiler.split(), "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-c"]
        command += [*map(str, sources), *(f"-I{i}" for i in lib("nn").include)]
        subprocess.run(command, check=True, cwd=tmp_path)


def test_no_float_no_heap_on_the_m0plus(file, tmp_path):
    host("compile", file, "-o", tmp_path)
    nn = lib("nn")
    files = [str(tmp_path / "model.c"), *map(str, nn.files)]
    command = ["arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb", "-std=c11", "-O3", "-c"]
    command += ["-Wall", "-Wextra", "-Werror", *files, *(f"-I{i}" for i in nn.include)]
    subprocess.run(command, check=True, cwd=tmp_path)
    objects = sorted(tmp_path.glob("*.o"))
    names = subprocess.run(
        ["arm-none-eabi-nm", "-u", *map(str, objects)], check=True, capture_output=True, text=True
    ).stdout
    used = set(re.findall(r" U (\w+)", names))
    defined_elsewhere = {n for n in used if not n.startswith("nn_")}
    allowed = {"memcpy", "memmove", "memset", "__aeabi_idiv", "__aeabi_uidiv", "__aeabi_lmul"}
    assert defined_elsewhere <= allowed


def test_earlier_pipeline_goes_when_the_model_has_none(file, model, tmp_path):
    host("compile", file, "-o", tmp_path)
    assert (tmp_path / "pipeline.c").exists()
    file.write_bytes(model)
    assert host("compile", file, "-o", tmp_path)[0] == 0
    assert not (tmp_path / "pipeline.c").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"classes": "alarm"}, "classes"),
        ({"classes": ["a", "alarm", "c"]}, "scores for 3 classes"),
        ({"features": {**METADATA["features"], "frames": 7}}, "7 x 129"),
        ({"features": {**METADATA["features"], "kind": "magic"}}, "magic"),
        ({"detect": {**METADATA["detect"], "smoothing": 0}}, "smoothing"),
        ({"detect": {**METADATA["detect"], "thresholds": {"alrm": 0.5}}}, "alrm"),
        ({"detect": {**METADATA["detect"], "thresholds": {"alarm": "x"}}}, "alarm"),
        ({"detect": {**METADATA["detect"], "thresholds": []}}, "thresholds"),
        ({"deploy": {}}, "deploy.hop_frames"),
        ({"name": "a*/b"}, "name"),
        ({"classes": [{}, 1]}, "classes"),
    ],
)
def test_bad_metadata_is_one_line(change, said, file, model, tmp_path):
    file.write_bytes(with_metadata(model, {**METADATA, **change}))
    code, output = host("compile", file, "-o", tmp_path / "out")
    assert code == 1 and said in output and output.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_header_is_c_and_cpp(file, tmp_path):
    code, _ = host("header", file, "-o", tmp_path / "model.h")
    assert code == 0
    text = '#include "model.h"\n#include <stdio.h>\nint main(void) {\n'
    text += "  fwrite(__1_tiny_tflite, 1, __1_tiny_tflite_len, stdout);\n"
    text += "  return (int)((unsigned long)(void *)__1_tiny_tflite % 16);\n}\n"
    for name, compiler in (("a.c", ["cc", "-std=c11"]), ("a.cpp", ["c++", "-std=c++11"])):
        (tmp_path / name).write_text(text)
        command = [*compiler, "-Wall", "-Wextra", "-Werror", name, "-o", "a"]
        subprocess.run(command, check=True, cwd=tmp_path)
        done = subprocess.run([str(tmp_path / "a")], capture_output=True, check=True)
        assert done.stdout == file.read_bytes()


def test_run_on_this_computer(file, model, tmp_path):
    x = np.random.default_rng(2).integers(-128, 128, (1, 6, 129, 1)).astype(np.int8)
    np.save(tmp_path / "x.npy", x)
    arguments = ["run", file, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy"]
    code, output = host(*arguments, "--json")
    assert code == 0 and json.loads(output)["macs"] > 0
    interpreter = runtime.Interpreter.from_bytes(model)
    interpreter.set_input(x, 0)
    interpreter.invoke()
    assert np.array_equal(np.load(tmp_path / "y.npy"), interpreter.get_output(0))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.zeros((1, 6, 128, 1), np.int8), "shape"),
        (np.zeros((1, 6, 129, 1), np.int32), "int32"),
        (np.array([{}]), "npy"),
    ],
)
def test_run_refuses_a_wrong_input(value, said, file, tmp_path):
    np.save(tmp_path / "x.npy", value)
    (tmp_path / "y.npy").write_bytes(b"before")
    arguments = ["run", file, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy"]
    code, output = host(*arguments)
    assert code == 1 and said in output and output.count("\n") == 1
    assert (tmp_path / "y.npy").read_bytes() == b"before"


def test_metadata_round_trip(model):
    assert read_metadata(model) is None
    once = with_metadata(model, METADATA)
    assert told(once) == METADATA
    metadata = dataclasses.replace(read_metadata(once), description="Schrödinger")
    assert read_metadata(write_metadata(once, metadata)) == metadata


@pytest.mark.parametrize("name", ["fire_alarm", "kws_ref", "micro_speech", "mltk_micro_speech"])
def test_metadata_changes_nothing_else(name):
    before = third_party_model(f"{name}.tflite").read_bytes()
    after = with_metadata(with_metadata(before, {"a": 1}), METADATA)
    assert told(after) == METADATA
    a, b = (schema.ModelT.InitFromObj(schema.Model.GetRootAs(d, 0)) for d in (before, after))
    assert a.description == b.description and a.version == b.version
    others = [m.name for m in b.metadata if m.name != b"otolith"]
    assert others == [m.name for m in a.metadata or []]
    x, results = None, []
    for data in (before, after):
        interpreter = runtime.Interpreter.from_bytes(data)
        if x is None:
            shape = interpreter.get_input_details(0)["shape"]
            x = np.random.default_rng(3).integers(-128, 128, shape).astype(np.int8)
        interpreter.set_input(x, 0)
        interpreter.invoke()
        results.append(np.array(interpreter.get_output(0)))
    assert np.array_equal(*results)


def test_stream_tells_what_a_hop_saves(tmp_path):
    net = Net(np.random.default_rng(1), (1, 20, 6, 1))
    inputs, scale = net.weights([4, 3, 3, 1], 4, 0, 9, True)
    net.grow("CONV_2D", inputs, (1, 18, 4, 4), scale, padding=1, strideH=1, strideW=1)
    path = tmp_path / "conv.tflite"
    path.write_bytes(net.build())
    compile_ = ("compile", path, "-o", tmp_path / "out")
    code, output = host(*compile_, "--keep-rows", 2, "--json")
    assert code == 0, output
    report = json.loads(output)["stream"]
    assert report["hop"] == 2 and report["macs"] == 2 * 4 * 36 and report["kept"] == 16 * 16
    assert report["operations"][0]["computed"] == 2 and report["operations"][0]["rows"] == 18
    code, output = host(*compile_, "--keep-rows", 2)
    assert code == 0 and "2 of 18" in output and "288 MACs, 11.1% of the full pass" in output
    code, output = host(*compile_, "--json")
    assert code == 0 and json.loads(output)["stream"] is None
    code, output = host(*compile_, "--keep-rows", 2, "--no-keep-rows")
    assert code == 1 and "exclude each other" in output
    code, output = host(*compile_, "--keep-rows", 20)
    assert code == 1 and "a hop of 20 rows: must be 1 to 19" in output


def test_a_folder_stands_for_its_network(tmp_path):
    folder = tmp_path / "loud"
    folder.mkdir()
    code, output = host("compile", folder, "-o", tmp_path / "out")
    assert code == 1 and "0 .tflite files and no spec.toml" in output
    (folder / "loud.tflite").write_bytes(small_models.loudness())
    code, output = host("compile", folder, "-o", tmp_path / "out")
    assert code == 0 and (tmp_path / "out" / "model.c").exists(), output
    code, output = host("header", folder)
    assert code == 0 and "loud_tflite[] = {" in output
    (folder / "spec.toml").write_bytes((paths.MODELS / "fire_alarm" / "spec.toml").read_bytes())
    code, output = host("compile", folder, "-o", tmp_path / "out")
    assert code == 1 and "host train" in output  # fire_alarm.tflite is missing

"""Inputs of TensorFlow Lite Micro: model, resolver, and an arena no larger than necessary."""

import re
import subprocess

import numpy as np
import pytest
from click.testing import CliRunner
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from otolith.cli import main
from otolith.compile import compile_graph, model_hash
from otolith.compile.tflite import CODES
from otolith.compile.tflm import compile_for_tflm, method
from otolith.errors import UserError
from otolith.firmware.tflm_arena import arena_bytes, arena_object
from otolith.summarize.report import compiled_report, tflm_report, write
from support import small_models
from support.tflite_builder import ModelBuilder

MACHINES = {
    "cortex-m0plus": [],
    "cortex-m4": ["-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
    "cortex-m33": ["-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"],
}
# An engine that keeps `kept` bytes of its arena in use and needs `peak` bytes during start-up. It
# computes with floats, as the interpreter does during preparation.
# computes with floats, as the interpreter does when it prepares.
ENGINE = """
#include <stdint.h>
extern uint8_t nn_tflm_arena[];
extern const char nn_tflm_arena_bytes[];
static volatile float scale = 0.5f;
int nn_init(void) {
    const uint32_t size = (uint32_t)nn_tflm_arena_bytes;
    if (KNOWN == 0) return -1;
    if (size < PEAK) return -2;
    for (uint32_t i = 0; i < PEAK; i++) nn_tflm_arena[i] = (uint8_t)i;
    return scale * 2.0f == 1.0f ? 0 : -2;
}
int nn_invoke(void) { return nn_tflm_arena[77] == 77 ? 0 : -2; }
const int8_t *nn_output(int i) { return (int8_t *)nn_tflm_arena + i; }
int8_t *nn_input(int i) { return (int8_t *)nn_tflm_arena + i; }
uint32_t nn_tflm_used(void) { return KEPT; }
"""


@pytest.fixture
def link(tmp_path):
    """Links ENGINE as firmware for a processor."""

    def made(cpu, kept, peak, known=1):
        machine = [f"-mcpu={cpu}", "-mthumb", *MACHINES.get(cpu, [])]
        folder = tmp_path / "model"
        folder.mkdir(exist_ok=True)
        target = folder / "resolver.cpp.o"
        defines = [f"-DKEPT={kept}", f"-DPEAK={peak}", f"-DKNOWN={known}"]
        command = ["arm-none-eabi-gcc", *machine, *defines, "-O2", "-c", "-x", "c", "-"]
        subprocess.run([*command, "-o", str(target)], input=ENGINE, text=True, check=True)
        return ["arm-none-eabi-gcc", *machine, "-Tfirmware.ld", str(target), "-o", "firmware.elf"]

    return made


@pytest.mark.parametrize("cpu", MACHINES)
@pytest.mark.parametrize(("kept", "peak"), [(1000, 90), (1000, 1008), (1000, 1500), (500, 21_003)])
def test_the_arena_is_what_the_core_needs_at_its_peak(cpu, kept, peak, link):
    expected = -(-max(kept, peak) // 16) * 16
    assert arena_bytes(link(cpu, kept, peak)) == expected


def test_the_arena_is_an_object_of_that_size(link):
    command = link("cortex-m4", 1000, 1500)
    path, size = arena_object(command)
    told = subprocess.check_output(["arm-none-eabi-nm", "-S", path], text=True)
    assert size == 1504 and f"{size:08x} A nn_tflm_arena_bytes" in told
    sizes = subprocess.check_output(["arm-none-eabi-size", path], text=True).splitlines()[1].split()
    assert sizes[:3] == ["0", "0", "1504"]


def test_a_network_that_does_not_start_is_one_line(link):
    with pytest.raises(UserError, match="resolver lacks an operation"):
        arena_bytes(link("cortex-m4", 1000, 1000, known=0))
    with pytest.raises(UserError, match=r"AllocateTensors\(\) failed"):
        arena_bytes(link("cortex-m4", 1000, 1 << 24))
    with pytest.raises(UserError, match=r"no model of cortex-m55: take the compiled engine"):
        arena_bytes([w.replace("m4", "m55") for w in link("cortex-m4", 1000, 1000)])


def resolver(files):
    """The resolver's calls, and its capacity."""
    text = files["resolver.cpp"]
    room = int(re.search(r"Resolver<(\d+)>", text)[1])
    return re.findall(r"resolver->(\w+\(.*?\)) ==", text), room


def test_the_resolver_knows_each_operation_once():
    compiled = compile_for_tflm(small_models.loudness(), "loud")
    files = compiled.files
    found, room = resolver(files)
    assert found == [
        "AddAveragePool2D(tflite::Register_AVERAGE_POOL_2D_INT8())",
        "AddReshape()",
        "AddFullyConnected(tflite::Register_FULLY_CONNECTED_INT8())",
        "AddSoftmax(tflite::Register_SOFTMAX_INT8())",
    ]
    assert room == len(found) and len(compiled.operations) >= room
    assert "listen_config" in files["pipeline.c"] and '.engine = "tflm"' in files["model.c"]


def test_names_are_the_schemas_and_the_resolvers():
    for code, name in CODES.items():
        assert getattr(schema.BuiltinOperator, name) == code
    known = {
        "CONV_2D": "AddConv2D",
        "L2_POOL_2D": "AddL2Pool2D",
        "RELU6": "AddRelu6",
        "PADV2": "AddPadV2",
        "BATCH_MATMUL": "AddBatchMatMul",
        "RESIZE_NEAREST_NEIGHBOR": "AddResizeNearestNeighbor",
        "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
    }
    assert {name: method(name) for name in known} == known


def test_float_edges_are_int8_to_the_caller():
    compiled = compile_for_tflm(small_models.float_tanh(), "tanh")
    report = tflm_report(compiled)
    assert resolver(compiled.files)[0] == ["AddQuantize()", "AddTanh()", "AddDequantize()"]
    assert report["inputs"] == [{"shape": [1, 8], "scale": np.float32(0.05), "zero_point": 3}]
    assert [step["name"] for step in report["operations"]] == ["TANH"]


def test_int16_is_left_to_the_general_kernels():
    b = ModelBuilder()
    x, y = b.tensor([1, 8], 0.05, 3), b.tensor([1, 8], 1 / 256, -128)
    wide = b.tensor([1, 8], 1 / 32768, 0, dtype="int16")
    b.op("SOFTMAX", [x], [wide], beta=1.0)
    b.op("QUANTIZE", [wide], [y])
    compiled = compile_for_tflm(b.build([x], [y]), "wide")
    assert resolver(compiled.files)[0] == ["AddSoftmax()", "AddQuantize()"]


def test_what_tflm_lacks_is_named():
    data = bytearray(small_models.sums())
    builder = schema.ModelT.InitFromPackedBuf(data, 0)
    builder.operatorCodes[0].builtinCode = 140  # RFFT2D
    import flatbuffers

    packed = flatbuffers.Builder(1024)
    packed.Finish(builder.Pack(packed), file_identifier=b"TFL3")
    with pytest.raises(UserError, match=r"operator 0: builtin operator 140 is not in TensorFlow"):
        compile_for_tflm(bytes(packed.Output()), "rfft")


def test_the_model_is_the_file(tmp_path):
    data = small_models.sums()
    compiled = compile_for_tflm(data, "sums")
    report = tflm_report(compiled)
    write(tmp_path, compiled.files, report)
    assert report["hash"] == model_hash(data) and report["weights"] == len(data)
    text = (tmp_path / "network.h").read_text()
    assert bytes(int(x, 16) for x in re.findall(r"0x([0-9a-f]{2})", text)) == data
    other = compile_graph(data, "sums")
    # leaves no file of the first model
    write(tmp_path, other.files, compiled_report(other.schedule))
    assert sorted(f.name for f in tmp_path.iterdir()) == ["model.c", "report.json"]


def test_compile_says_when_the_arena_is_known(tmp_path):
    model = tmp_path / "sums.tflite"
    model.write_bytes(small_models.sums())
    result = CliRunner().invoke(
        main, ["compile", str(model), "-o", str(tmp_path / "out"), "--engine", "tflm"]
    )
    assert result.exit_code == 0 and "arena measured when it is linked" in result.output

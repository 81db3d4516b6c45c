"""Compares the compiled engine with PyPI's bakenn, another compiler from int8 .tflite to C.

bakenn accepts none of the shared networks as published, so both compilers get the part that it
accepts; acceptable() tells what was removed. Its C is compiled with the board's flags and runs on
Unicorn's model of the core (bench/shares.py counts as the emulators do).
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from otolith.bench.cores import Core, fixed_inputs
from otolith.bench.link import core_flags, cpu_of
from otolith.bench.measure import Cost
from otolith.bench.shares import count_call
from otolith.bench.size import program_bytes
from otolith.errors import UserError
from otolith.virtual.cortex.program import Program

_RESHAPE, _FULLY_CONNECTED = 22, 9
_BEFORE = {97: "RESIZE_NEAREST_NEIGHBOR"}  # operations that it lacks
_BEHIND = {14: "LOGISTIC", 25: "SOFTMAX"}
_CONSTANT = re.compile(r"bknn_net_(constant|op\d+)_")
_SIZE = re.compile(r"^#define BKNN_NET_(\w+) (\d+)u$", re.M)
# What the program needs besides bakenn's C: a function and buffers.
_MAIN = """
#include "bknn_net.h"
static uint8_t arena[BKNN_NET_ARENA_SIZE + 1] __attribute__((aligned(16)));
int8_t net_input[BKNN_NET_INPUT_BYTES] __attribute__((aligned(16)));
int8_t net_output[BKNN_NET_OUTPUT_BYTES];
int net_invoke(void) { bknn_net_infer(arena, net_input, net_output); return 0; }
"""


def installed() -> str | None:
    """Why bakenn can't be used, in one line; None if it can."""
    try:
        import bakenn  # noqa: F401
        import tflite_micro  # noqa: F401
    except ImportError:
        return "bakenn is not installed: pip install -e '.[bench]'"
    return None


def acceptable(data: bytes) -> tuple[bytes, list[str]]:
    """Changes a .tflite so that bakenn accepts it.

    The batch is fixed, and operations that bakenn lacks are removed from both ends.

    Returns:
        The new file's bytes and the names of the removed operations.
    """
    import flatbuffers
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(bytearray(data), 0)
    graph = model.subgraphs[0]

    def code(op: object) -> int:
        known = model.operatorCodes[op.opcodeIndex]  # type: ignore[attr-defined]
        return max(known.builtinCode, known.deprecatedBuiltinCode)

    def reshape(source: int, target: int, shape: list[int]) -> object:
        """An operator that reshapes `source` into `target`."""
        values = schema.BufferT()
        values.data = np.array(shape, "<i4").view(np.uint8)
        model.buffers.append(values)
        tensor = schema.TensorT()
        tensor.name, tensor.shape = b"shape", [len(shape)]
        tensor.type, tensor.buffer = schema.TensorType.INT32, len(model.buffers) - 1
        graph.tensors.append(tensor)
        kind = schema.OperatorCodeT()
        kind.builtinCode = kind.deprecatedBuiltinCode = _RESHAPE
        kind.version = 1
        model.operatorCodes.append(kind)
        op = schema.OperatorT()
        op.opcodeIndex = len(model.operatorCodes) - 1
        op.inputs, op.outputs = [source, len(graph.tensors) - 1], [target]
        op.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
        op.builtinOptions = schema.ReshapeOptionsT()
        op.builtinOptions.newShape = shape
        return op

    for tensor in graph.tensors:
        tensor.shapeSignature = None
    operators, gone = list(graph.operators), []
    while operators and code(operators[0]) in _BEFORE:
        gone.append(_BEFORE[code(operators.pop(0))])
    while operators and code(operators[-1]) in _BEHIND:
        gone.append(_BEHIND[code(operators.pop())])
    if not operators:
        raise UserError("bakenn knows none of its operations")
    graph.inputs, graph.outputs = [operators[0].inputs[0]], [operators[-1].outputs[0]]
    graph.operators = []
    for op in operators:
        first = op.inputs[0]
        if code(op) == _RESHAPE:
            shape = [int(d) for d in graph.tensors[op.outputs[0]].shape]
            op = reshape(first, op.outputs[0], shape)
        elif code(op) == _FULLY_CONNECTED and len(graph.tensors[first].shape) != 2:
            wide, flat = graph.tensors[first], schema.TensorT()
            flat.name, flat.shape = b"flat", [1, int(np.prod(wide.shape))]
            flat.type, flat.buffer, flat.quantization = wide.type, 0, wide.quantization
            graph.tensors.append(flat)
            index = len(graph.tensors) - 1
            graph.operators.append(reshape(first, index, flat.shape))
            op.inputs = [index, *list(op.inputs)[1:]]
        graph.operators.append(op)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output()), gone


def _generate(model: Path, folder: Path, core: Core, with_cmsis_nn: bool) -> list[str]:
    """Writes bakenn's C into `folder`; returns the C compiler's arguments for it."""
    import bakenn

    target = bakenn.CORTEX_M0PLUS if core.name == "m0plus" else bakenn.CORTEX_M4
    policy = bakenn.KernelPolicy.AUTO if with_cmsis_nn else bakenn.KernelPolicy.PORTABLE
    options = bakenn.CBackendOptions(
        kernel_policy=policy, enable_cmsis_nn=with_cmsis_nn, target=target
    )
    try:
        bakenn.compile_tflite(model, folder, name="net", backend_options=options)
    except bakenn.BakeNNError as error:
        raise UserError(f"bakenn does not take it: {str(error).splitlines()[0]}") from error
    include = [folder, *sorted(folder.glob("third_party/*/Include"))]
    arguments = [f"-I{path}" for path in include]
    return [*arguments, "-DBAKENN_CMSIS_NN_BUILTIN_MEMORY", *map(str, sorted(folder.rglob("*.c")))]


def _weights(elf: Path) -> int:
    """Bytes of weights, biases and requantisation tables."""
    told = subprocess.run(
        ["arm-none-eabi-nm", "-S", str(elf)], capture_output=True, text=True, check=True
    ).stdout
    fields = [line.split() for line in told.splitlines()]
    return sum(int(f[1], 16) for f in fields if len(f) == 4 and _CONSTANT.match(f[3]))


def _build(model: Path, core: Core, with_cmsis_nn: bool, folder: Path) -> Path:
    """Builds a program that only runs the network; returns its ELF file."""
    generated = _generate(model, folder / "net", core, with_cmsis_nn)
    (folder / "main.c").write_text(_MAIN)
    elf = folder / "net.elf"
    command = ["arm-none-eabi-gcc", *core_flags(core.board), "-O3", "-g", "-w", "-std=c11"]
    command += ["-ffunction-sections", "-fdata-sections", "-nostartfiles", "--specs=nosys.specs"]
    command += ["-Wl,--gc-sections,-e,net_invoke", *generated]
    done = subprocess.run(
        [*command, str(folder / "main.c"), "-lm", "-o", str(elf)], capture_output=True, text=True
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "error" in line]
        raise UserError(f"bakenn's C does not compile: {(errors or ['?'])[0]}")
    return elf


def measure_bakenn(model: Path, core: Core, with_cmsis_nn: bool = False) -> Cost:
    """Measures bakenn's code on a core. model: a .tflite as acceptable() returns it."""
    with tempfile.TemporaryDirectory() as name:
        elf = _build(model, core, with_cmsis_nn, Path(name))
        program = Program(elf, cpu_of(core.board))
        header = (Path(name) / "net" / "bknn_net.h").read_text()
        sizes = {key: int(value) for key, value in _SIZE.findall(header)}
        outputs: list[bytes] = []
        count = 0
        for value in fixed_inputs([[sizes["INPUT_BYTES"]]]):
            program.uc.mem_write(program.image.symbol("net_input"), value)
            if outputs:
                program.call("net_invoke")
            else:
                count = count_call(program, elf, "net_invoke", core.unit == "cycles")
            at = program.image.symbol("net_output")
            outputs.append(bytes(program.uc.mem_read(at, sizes["OUTPUT_BYTES"])))
        flash, ram = program_bytes(elf)
        weights = _weights(elf)
    return Cost(
        engine="bakenn+cmsis" if with_cmsis_nn else "bakenn",
        count=count,
        start=None,
        flash=flash - weights,
        weights=weights,
        arena=sizes["ARENA_SIZE"],
        ram=ram,
        outputs=tuple(outputs),
    )

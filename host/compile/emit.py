"""Graph and plan -> C."""

from __future__ import annotations

import json

import numpy as np

from host.compile.graph import Alias, Array, Graph, Step, Tensor
from host.compile.plan import Plan

MANY = 12  # numbers a line
SIZES = {"int8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4, "uint32_t": 4}  # bytes


def c_string(text: str) -> str:
    """A C string literal: ASCII only, no trigraphs."""
    plain = json.dumps(text)[1:-1].replace("??", '?""?')
    plain = "".join(c if " " <= c <= "~" else "?" for c in plain.replace("\\u", "u"))
    return f'"{plain}"'


def c_array(values: np.ndarray) -> str:
    flat = [int(v) for v in values.ravel()]
    lines = [
        "    " + ", ".join(map(_c_int, flat[i : i + MANY])) + "," for i in range(0, len(flat), MANY)
    ]
    return "{\n" + "\n".join(lines) + "\n}"


def _c_int(value: int) -> str:
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)


def _float(value: float) -> str:
    """A float literal that reads back as the same float32."""
    return f"{float(np.float32(value)).hex()}f"


class _Constants:
    """Names constant arrays as settings mention them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.bytes = 0
        self._names: dict[tuple, str] = {}

    def name(self, array: Array, hint: str) -> str:
        key = (array.ctype, array.values.tobytes(), array.values.dtype.str)
        if key not in self._names:
            self.bytes += SIZES[array.ctype] * array.values.size
            self._names[key] = hint
            self.lines.append(
                f"static const {array.ctype} {hint}[{array.values.size}] "
                f"__attribute__((aligned(4))) = {c_array(array.values)};"
            )
        return self._names[key]

    def initialiser(self, value: object, hint: str) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, Array):
            return self.name(value, hint)
        if isinstance(value, dict):
            inner = ", ".join(
                f".{k} = {self.initialiser(v, f'{hint}_{k}')}" for k, v in value.items()
            )
            return "{" + inner + "}"
        if isinstance(value, list | tuple):
            return "{" + ", ".join(self.initialiser(v, hint) for v in value) + "}"
        return _c_int(int(value))  # type: ignore[call-overload]


def _tensor_info(tensor: Tensor) -> str:
    # real value in Q15 = (q - zero_point) * score_multiplier >> 16
    multiplier = round(float(tensor.scale) * 32768 * 65536)
    dims = ", ".join(map(str, tensor.shape)) or "1"
    return (
        f"{{{c_string(tensor.name[:40])}, NN_INT8, {len(tensor.shape)}, {{{dims}}}, "
        f"{tensor.count}, "
        f"{_float(tensor.scale)}, {tensor.zero_point}, {min(multiplier, 2**31 // 256)}}}"
    )


def info_source(
    engine: str,
    name: str,
    digest: str,
    labels: list[str],
    inputs: list[Tensor],
    outputs: list[Tensor],
    arena: str,
    weights: int,
    macs: int,
) -> str:
    """nn_info() of a network; `arena`: a C expression, bytes."""
    label_lines = "".join(f"    {c_string(label)},\n" for label in labels) or "    NULL,\n"
    return f"""static const nn_tensor_t input_info[] = {{
{"".join(f"    {_tensor_info(t)},{chr(10)}" for t in inputs)}}};
static const nn_tensor_t output_info[] = {{
{"".join(f"    {_tensor_info(t)},{chr(10)}" for t in outputs)}}};
static const char *const label_info[] = {{
{label_lines}}};

const nn_info_t *nn_info(void) {{
    static const nn_info_t info = {{
        .engine = "{engine}",
        .name = {c_string(name)},
        .hash = {c_string(digest)},
        .inputs = {len(inputs)},
        .outputs = {len(outputs)},
        .input = input_info,
        .output = output_info,
        .labels = {len(labels)},
        .label = label_info,
        .arena_bytes = {arena},
        .weight_bytes = {weights},
        .macs = {macs},
    }};
    return &info;
}}
"""


def emit(
    graph: Graph,
    steps: list[Step | Alias],
    plan: Plan,
    name: str,
    digest: str,
    labels: list[str],
) -> tuple[str, int]:
    """The text of model.c and the bytes of its constants."""
    constants = _Constants()
    calls: list[str] = []
    structs: list[str] = []

    def address(index: int) -> str:
        tensor = graph.tensors[index]
        if tensor.data is not None:
            return constants.name(Array("int8_t", tensor.data.ravel()), f"constant_{index}")
        kind, at = plan.place[index]
        return f"inputs[{at}]" if kind == "input" else f"arena + {at}"

    number = 0
    for at, step in enumerate(steps):
        if isinstance(step, Alias):
            continue
        shapes = ", ".join(_shape(graph.tensors[i]) for i in step.inputs)
        initial = constants.initialiser(step.settings, f"op{number}")
        structs.append(
            f"/* {number}: {step.operation} {shapes} -> {_shape(graph.tensors[step.output])}"
            f"{f', {step.macs:,} MACs' if step.macs else ''} */\n"
            f"static const {step.struct} op{number} = {initial};"
        )
        arguments = ", ".join(address(i) for i in (*step.inputs, step.output))
        if step.scratch:
            arguments += f", arena + {plan.scratch[at]}"
        calls.append(f"    {step.kernel}(&op{number}, {arguments});\n    nn_profile({number});")
        number += 1

    inputs = [graph.tensors[i] for i in graph.inputs]
    outputs = [graph.tensors[i] for i in graph.outputs]
    macs = sum(s.macs for s in steps if isinstance(s, Step))
    weights = constants.bytes
    buffers = "\n".join(
        f"static int8_t input_{i}[{t.count}] __attribute__((aligned(16)));"
        for i, t in enumerate(inputs)
    )
    output_places = ", ".join(address(i) for i in graph.outputs)
    text = f"""/* Network {name}, {digest}: written by `host compile`, not by hand. */
#include <stddef.h>

#include "nn_kernels.h"
#include "nn_profile.h"

{chr(10).join(constants.lines)}

{chr(10).join(structs)}

static int8_t arena[{max(plan.arena, 1)}] __attribute__((aligned(16)));
static const int8_t *inputs[{len(inputs)}];

int nn_init(void) {{
    return 0;
}}

int nn_invoke(void) {{
    for (int i = 0; i < {len(inputs)}; i++) {{
        if (inputs[i] == NULL) {{
            return -1;
        }}
    }}
{chr(10).join(calls)}
    return 0;
}}

{buffers}

int8_t *nn_input(int i) {{
    static int8_t *const buffers[] = {{{", ".join(f"input_{i}" for i in range(len(inputs)))}}};
    inputs[i] = buffers[i];
    return buffers[i];
}}

void nn_set_input(int i, const int8_t *data) {{
    inputs[i] = data;
}}

const int8_t *nn_output(int i) {{
    const int8_t *const places[] = {{{output_places}}};
    return places[i];
}}

{info_source("compiled", name, digest, labels, inputs, outputs, str(plan.arena), weights, macs)}"""
    return text, weights


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"

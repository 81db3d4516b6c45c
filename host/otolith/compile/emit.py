"""Graph and plan -> C."""

from __future__ import annotations

import json
from functools import partial

import numpy as np

from otolith.compile.graph import Alias, Array, Code, Copy, Graph, Program, Step, Tensor
from otolith.compile.plan import Plan
from otolith.compile.stream import Stream

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

    def code(self, code: Code, hint: str) -> str:
        key = (code.text,)
        if key not in self._names:
            self._names[key] = hint
            self.bytes += code.bytes
            self.lines.append(code.text.replace("{name}", hint))
        return self._names[key]

    def initialiser(self, value: object, hint: str) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, Array):
            return self.name(value, hint)
        if isinstance(value, Code):
            return self.code(value, hint)
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


class _Emitter:
    """C of the programs of one network, whose constants and settings they share."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.constants = _Constants()
        self.structs: list[str] = []
        self._names: dict[str, str] = {}  # settings -> name

    def address(self, plan: Plan, index: int, offset: int = 0) -> str:
        tensor = self.graph.tensors[index]
        if tensor.data is not None:
            name = self.constants.name(Array("int8_t", tensor.data.ravel()), f"constant_{index}")
            return f"{name} + {offset}" if offset else name
        kind, at = plan.place[index]
        if kind == "input":
            return f"inputs[{at}] + {offset}" if offset else f"inputs[{at}]"
        return f"arena + {at + offset}"

    def calls(self, program: Program, plan: Plan) -> str:
        """The kernel calls of a program, a line each."""
        lines: list[str] = []
        number = -1  # of the operation
        before = None
        for at, step in enumerate(program):
            if isinstance(step, Alias):
                continue
            if isinstance(step, Copy):
                lines.append(self._copy(step, plan))
                continue
            if step.output != before:
                number += 1
            elif lines[-1].startswith("    nn_profile("):
                lines.pop()  # another part of the same operation
            before = step.output
            lines.append(self._call(step, number, at, plan))
            lines.append(f"    nn_profile({number});")
        return "\n".join(lines)

    def _call(self, step: Step, number: int, at: int, plan: Plan) -> str:
        starts = [0] * (len(step.inputs) + 1)
        if step.rows:
            starts = [*(first for first, _ in step.rows.shares), step.rows.at]
        tensors = (*step.inputs, step.output)
        arguments = ", ".join(map(partial(self.address, plan), tensors, starts))
        if step.scratch:
            arguments += f", arena + {plan.scratch[at]}"
        return f"    {step.kernel}(&{self._settings(step, number)}, {arguments});"

    def _settings(self, step: Step, number: int) -> str:
        """The name of the step's settings."""
        name = f"op{number}"
        if step.rows:
            name += f"_rows_{step.rows.at}"
        initial = self.constants.initialiser(step.settings, name)
        text = f"{step.struct} {initial}"
        if text not in self._names:
            self._names[text] = name
            shapes = ", ".join(_shape(self.graph.tensors[i]) for i in step.inputs)
            self.structs.append(
                f"/* {number}: {step.operation} {shapes} -> "
                f"{_shape(self.graph.tensors[step.output])}{', part' if step.rows else ''}"
                f"{f', {step.macs:,} MACs' if step.macs else ''} */\n"
                f"static const {step.struct} {name} = {initial};"
            )
        return self._names[text]

    def _copy(self, copy: Copy, plan: Plan) -> str:
        slot = f"hops % {copy.phases} * {copy.slot} + " if copy.phases > 1 else ""
        kept = f"kept + {slot}{copy.base + copy.offset}"
        place = self.address(plan, copy.tensor, copy.at)
        to, source = (place, kept) if copy.load else (kept, place)
        return f"    memcpy({to}, {source}, {copy.size});"


INVOKE = """int nn_invoke(void) {{
{check}
{calls}
    return 0;
}}

int nn_slide(uint32_t rows) {{
    (void)rows;
    return nn_invoke();
}}"""

# The first hops fill the slots that the later ones read.
STREAMING = """/* Rows of earlier windows, a slot a hop; hops in a row that filled one. */
static int8_t kept[{kept}] __attribute__((aligned(16)));
static uint32_t hops, known;
static uint8_t slid; /* the newest output is the second program's */

static void full(void) {{
    slid = 0;
{full}
}}

static void slide(void) {{
    slid = 1;
{slide}
}}

int nn_invoke(void) {{
    known = 0;
{check}
    full();
    known = 1;
    return 0;
}}

int nn_slide(uint32_t rows) {{
    if (rows != {hop} || known == 0) {{
        return nn_invoke();
    }}
{check}
    hops = hops + 1 == {cycle} ? 0 : hops + 1;
    if (known < {history}) {{
        known++;
        full();
    }} else {{
        slide();
    }}
    return 0;
}}"""


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
    slides: tuple[int, int] = (0, 0),
) -> str:
    """nn_info() of a network; `arena`: a C expression, bytes; slides: hop_rows, hop_history."""
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
        .hop_rows = {slides[0]},
        .hop_history = {slides[1]},
    }};
    return &info;
}}
"""


def emit(
    graph: Graph,
    programs: list[tuple[Program, Plan]],
    stream: Stream | None,
    name: str,
    digest: str,
    labels: list[str],
) -> tuple[str, int]:
    """The text of model.c and the bytes of its constants. programs: the full pass and, of a
    window that slides as `stream` says, the hop."""
    emitter = _Emitter(graph)
    inputs = [graph.tensors[i] for i in graph.inputs]
    outputs = [graph.tensors[i] for i in graph.outputs]
    check = f"""    for (int i = 0; i < {len(inputs)}; i++) {{
        if (inputs[i] == NULL) {{
            return -1;
        }}
    }}"""
    ram, which, slides = max(p.arena for _, p in programs), "0", (0, 0)
    arena = max(ram, 1)
    calls = [emitter.calls(program, plan) for program, plan in programs]
    if stream is None or len(programs) == 1:
        invoke = INVOKE.format(check=check, calls=calls[0])
    else:
        ram, which, slides = ram + stream.kept, "slid", (stream.hop, stream.history)
        invoke = STREAMING.format(
            **{**vars(stream), "full": calls[0], "slide": calls[1]}, check=check
        )
    places = ", ".join(
        "{" + ", ".join(emitter.address(p, i) for i in graph.outputs) + "}" for _, p in programs
    )
    macs = sum(s.macs for s in programs[0][0] if isinstance(s, Step))
    weights = emitter.constants.bytes
    steps = [s for program, _ in programs for s in program if isinstance(s, Step)]
    headers = sorted({s.header for s in steps} | {"nn_kernels.h"})
    includes = "\n".join(f'#include "{header}"' for header in [*headers, "nn_profile.h"])
    buffers = "\n".join(
        f"static int8_t input_{i}[{t.count}] __attribute__((aligned(16)));"
        for i, t in enumerate(inputs)
    )
    edges = (labels, inputs, outputs)
    info = info_source("compiled", name, digest, *edges, str(ram), weights, macs, slides)
    text = f"""/* Network {name}, {digest}: written by `host compile`, not by hand. */
#include <stddef.h>

{includes}

{chr(10).join(emitter.constants.lines)}

{chr(10).join(emitter.structs)}

static int8_t arena[{arena}] __attribute__((aligned(16)));
static const int8_t *inputs[{len(inputs)}];

int nn_init(void) {{
    return 0;
}}

{invoke}

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
    const int8_t *const places[][{len(outputs)}] = {{{places}}};
    return places[{which}][i];
}}

{info}"""
    return text, weights


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"

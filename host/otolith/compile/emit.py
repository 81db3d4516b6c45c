"""Last stage of the compiler: writes the C of a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from otolith.compile.graph import Alias, Array, Code, Copy, Graph, Program, Slide, Step, Tensor
from otolith.compile.literals import c_array, c_float, c_int, c_string
from otolith.compile.pipeline import pipeline_source
from otolith.compile.plan import Plan, slides, state_places
from otolith.compile.read import Network
from otolith.compile.schedule import Pass, Schedule, constant_key, tensor_constant


class _Constants:
    """The constants of a file. Equal ones get one definition."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names: dict[tuple[object, ...], str] = {}

    def name(self, array: Array, hint: str) -> str:
        """The name of an array; defines it as `hint` at first."""
        key = constant_key(array)
        if key not in self._names:
            self._names[key] = hint
            self.lines.append(
                f"static const {array.ctype} {hint}[{array.values.size}] "
                f"__attribute__((aligned(4))) = {c_array(array.values)};"
            )
        return self._names[key]

    def code(self, code: Code, hint: str) -> str:
        """The name of a piece of code; defines it as `hint` at first."""
        key = constant_key(code)
        if key not in self._names:
            self._names[key] = hint
            self.lines.append(code.text.replace("{name}", hint))
        return self._names[key]

    def initialiser(self, value: object, hint: str) -> str:
        """The C initialiser of a setting (graph.Settings)."""
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
            names = [f"{hint}_{i}" if i else hint for i in range(len(value))]
            return "{" + ", ".join(map(self.initialiser, value, names)) + "}"
        return c_int(int(value))  # type: ignore[call-overload]


def _tensor_info(tensor: Tensor) -> str:
    # real value in Q15 = (q - zero_point) * score_multiplier >> 16
    multiplier = round(float(tensor.scale) * 32768 * 65536)
    dims = ", ".join(map(str, tensor.shape)) or "1"
    return (
        f"{{{c_string(tensor.name[:40])}, NN_INT8, {len(tensor.shape)}, {{{dims}}}, "
        f"{tensor.count}, "
        f"{c_float(tensor.scale)}, {tensor.zero_point}, {min(multiplier, 2**31 // 256)}}}"
    )


class _Emitter:
    """Writes the programs of one network, which share constants and settings."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.constants = _Constants()
        self.structs: list[str] = []
        self._names: dict[str, str] = {}  # settings -> name

    def address(self, plan: Plan, index: int, offset: int = 0) -> str:
        """C of the place of a tensor's byte `offset`."""
        constant = tensor_constant(self.graph, index)
        if constant is not None:
            name = self.constants.name(constant, f"constant_{index}")
            return f"{name} + {offset}" if offset else name
        kind, at = plan.place[index]
        if kind == "input":
            return f"inputs[{at}] + {offset}" if offset else f"inputs[{at}]"
        return f"{kind} + {at + offset}"

    def calls(self, program: Program, plan: Plan) -> str:
        """The kernel calls of a program, one a line."""
        lines: list[str] = []
        number = -1  # of the operation
        before = None
        for at, step in enumerate(program):
            if isinstance(step, Alias):
                continue
            if isinstance(step, Copy):
                lines.append(self._copy(step, plan))
                continue
            if isinstance(step, Slide):
                lines.append(self._slide(step, plan))
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
        starts = list(step.starts) or [0] * (len(step.inputs) + 1)
        if step.rows:
            starts = [*(first for first, _ in step.rows.shares), step.rows.at]
        tensors = (*step.inputs, step.output)
        arguments = ", ".join(map(partial(self.address, plan), tensors, starts))
        if step.scratch:
            arguments += f", arena + {plan.scratch[at]}"
        return f"    {step.kernel}(&{self._settings(step, number, at)}, {arguments});"

    def _settings(self, step: Step, number: int, at: int) -> str:
        """The name of the step's settings."""
        name = f"op{number}"
        if step.rows:
            name += f"_rows_{step.rows.at}"
        initial = self.constants.initialiser(step.settings, name)
        text = f"{step.struct} {initial}"
        if text not in self._names:
            if step.starts and name in self._names.values():
                name += f"_at_{at}"
            self._names[text] = name
            shapes = ", ".join(_shape(self.graph.tensors[i]) for i in step.inputs)
            self.structs.append(
                f"/* {number}: {step.operation} {shapes} -> "
                f"{_shape(self.graph.tensors[step.output])}{', part' if step.rows else ''}"
                f"{f', {step.macs:,} MACs' if step.macs else ''} */\n"
                f"static const {step.struct} {name} = {initial};"
            )
        return self._names[text]

    def _slide(self, slide: Slide, plan: Plan) -> str:
        window = self.address(plan, slide.state)
        if not slide.turns:
            return f"    nn_shift({window}, {slide.step}, {slide.kept});"
        return (
            f"    ring_{slide.state} = nn_turn({window}, ring_{slide.state}, "
            f"{slide.step}, {slide.kept});"
        )

    def _copy(self, copy: Copy, plan: Plan) -> str:
        slot = f"hops % {copy.phases} * {copy.slot} + " if copy.phases > 1 else ""
        kept = f"kept + {slot}{copy.base + copy.offset}"
        place = self.address(plan, copy.tensor, copy.at)
        to, source = (place, kept) if copy.load else (kept, place)
        return f"    memcpy({to}, {source}, {copy.size});"


# The state of a network that has one. Another network's nn_reset() is in lib/nn.
STATE = """static int8_t state[{size}] __attribute__((aligned(16)));
{rings}
void nn_reset(void) {{
{fill}
}}

"""

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
    network: Network,
    arena: str,
    weights: int,
    macs: int,
    slides: tuple[int, int] = (0, 0),
) -> str:
    """The C of nn_info().

    Args:
        engine: Name of the engine.
        network: The network it tells about.
        arena: C expression, bytes of RAM.
        weights: Bytes of flash.
        macs: Multiply-accumulate operations of a full pass.
        slides: The fields hop_rows and hop_history.
    """
    labels, inputs, outputs = network.labels, network.inputs, network.outputs
    label_lines = "".join(f"    {c_string(label)},\n" for label in labels) or "    NULL,\n"
    stateful = "\n        .stateful = true," if network.graph.states else ""
    return f"""static const nn_tensor_t input_info[] = {{
{"".join(f"    {_tensor_info(t)},{chr(10)}" for t in inputs)}}};
static const nn_tensor_t output_info[] = {{
{"".join(f"    {_tensor_info(t)},{chr(10)}" for t in outputs)}}};
static const char *const label_info[] = {{
{label_lines}}};

const nn_info_t *nn_info(void) {{
    static const nn_info_t info = {{
        .engine = "{engine}",
        .name = {c_string(network.name)},
        .hash = {c_string(network.digest)},
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
        .hop_history = {slides[1]},{stateful}
    }};
    return &info;
}}
"""


def emit(schedule: Schedule) -> dict[str, str]:
    """Writes the C of a schedule.

    Returns:
        Text by file name: model.c and, for a network with metadata, pipeline.c.
    """
    files = {"model.c": model_source(schedule)}
    if schedule.analysis.pipeline is not None:
        files["pipeline.c"] = pipeline_source(schedule.analysis.pipeline)
    return files


def model_source(schedule: Schedule) -> str:
    """The text of model.c."""
    network, stream, passes = schedule.network, schedule.stream, schedule.passes
    graph, inputs, outputs = network.graph, network.inputs, network.outputs
    emitter = _Emitter(graph)
    check = f"""    for (int i = 0; i < {len(inputs)}; i++) {{
        if (inputs[i] == NULL) {{
            return -1;
        }}
    }}"""
    ram, which, slides = max(one.plan.arena for one in passes), "0", (0, 0)
    arena = max(ram, 1)
    state, remembered = _state(emitter, passes[0].program)
    ram += remembered
    calls = [emitter.calls(one.program, one.plan) for one in passes]
    if stream is None or schedule.slide is None:
        invoke = INVOKE.format(check=check, calls=calls[0])
    else:
        ram, which, slides = ram + stream.kept, "slid", (stream.hop, stream.history)
        invoke = STREAMING.format(
            **{**vars(stream), "full": calls[0], "slide": calls[1]}, check=check
        )
    places = ", ".join(
        "{" + ", ".join(emitter.address(one.plan, i) for i in graph.outputs) + "}" for one in passes
    )
    includes = "\n".join(f'#include "{header}"' for header in _headers(passes))
    buffers = "\n".join(
        f"static int8_t input_{i}[{t.count}] __attribute__((aligned(16)));"
        for i, t in enumerate(inputs)
    )
    info = info_source("compiled", network, str(ram), schedule.weights, schedule.macs, slides)
    title = f"Network {network.name}, {network.digest}"
    return f"""/* {title}: written by `host compile`, not by hand. */
#include <stddef.h>

{includes}

{chr(10).join(emitter.constants.lines)}

{chr(10).join(emitter.structs)}

static int8_t arena[{arena}] __attribute__((aligned(16)));
static const int8_t *inputs[{len(inputs)}];

{state}int nn_init(void) {{
{"    nn_reset();" + chr(10) if state else ""}    return 0;
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


def _state(emitter: _Emitter, program: Program) -> tuple[str, int]:
    """The C of the states and nn_reset(), and their bytes of RAM. Empty for a network without."""
    graph = emitter.graph
    places, size = state_places(graph, program)
    turning = [index for index, slide in slides(program).items() if slide.turns]
    lines = [f"    ring_{index} = 0;" for index in turning]
    for index, initial in graph.states.items():
        first = int(initial[0])
        if (initial == first).all():
            lines.append(f"    memset(state + {places[index]}, {first}, {initial.size});")
        else:
            name = emitter.constants.name(Array("int8_t", initial), f"initial_{index}")
            lines.append(f"    memcpy(state + {places[index]}, {name}, {initial.size});")
    if not places:
        return "", 0
    rings = "".join(f"static uint32_t ring_{index}; /* its first byte */\n" for index in turning)
    return STATE.format(size=size, rings=rings, fill="\n".join(lines)), size


def _headers(passes: Sequence[Pass]) -> list[str]:
    """The headers that declare the kernels."""
    steps = [step for one in passes for step in one.program if isinstance(step, Step)]
    return [*sorted({step.header for step in steps} | {"nn_kernels.h"}), "nn_profile.h"]


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"

"""CONV_2D whose weights are instructions (taps.h).

A weight takes six bytes or more, so this is for small kernels in networks with most of their
weights elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from otolith.compile.cores.m0plus.requantize import Line, line
from otolith.compile.graph import Array, Code, Graph, Step, Values
from otolith.compile.literals import c_array
from otolith.compile.ops.common import LIMIT

TOGETHER = 3  # channels in a group
CODE = 8  # approximate bytes of code for a weight
SHARE = 0.5  # most code, as a part of the network's weights
SCRATCH = 1088  # most bytes of working memory
CHANNELS = 32  # most channels that STRB reaches
SUMS = ("r3", "r4", "r5")
WHOLE, UPPER = ("r8", "r9", "r10"), ("r11", "r12", "lr")


class Sum:
    """Instructions that sum one channel's products. The packed sum is split in time."""

    def __init__(self, number: int) -> None:
        self.sum, self.whole, self.upper = SUMS[number], WHOLE[number], UPPER[number]
        self.most = self.least = 0  # bounds of either half
        self.empty = True

    def add(self, weight: int, value: str) -> Iterator[str]:
        """Instructions that add weight * value."""
        if weight == 0:
            return
        most = self.most + max(weight * 127, weight * -128)
        least = self.least + min(weight * 127, weight * -128)
        if most > 32767 or least < -32768:
            yield from self.split()
            most, least = max(weight * 127, weight * -128), min(weight * 127, weight * -128)
        self.most, self.least = most, least
        size, negative = abs(weight), weight < 0
        power = size.bit_length() - 1 if size & (size - 1) == 0 else None
        if self.empty:
            self.empty = False
            if power is not None:
                move = f"lsls {self.sum}, {value}, #{power}"
                yield move if power else f"movs {self.sum}, {value}"
            else:
                yield f"movs {self.sum}, #{size}"
                yield f"muls {self.sum}, {value}"
            if negative:
                yield f"rsbs {self.sum}, {self.sum}, #0"
            return
        product = "r2"
        if power == 0:
            product = value
        elif power is not None:
            yield f"lsls r2, {value}, #{power}"
        else:
            yield f"movs r2, #{size}"
            yield f"muls r2, {value}"
        yield f"{'subs' if negative else 'adds'} {self.sum}, {self.sum}, {product}"

    def split(self) -> Iterator[str]:
        """Instructions that add the packed sum to the sums of whole words and of upper halves."""
        if not self.empty:
            yield f"add {self.whole}, {self.sum}"
            yield f"adds {self.sum}, {self.sum}, r7"
            yield f"asrs {self.sum}, {self.sum}, #16"
            yield f"add {self.upper}, {self.sum}"
        self.most, self.least, self.empty = 0, 0, True


def products(weights: Values, row_step: int) -> Iterator[str]:
    """Instructions that sum the products of a group. weights: [channels][rows][columns]."""
    channels, rows, columns = weights.shape
    sums = [Sum(number) for number in range(channels)]
    for y in range(rows):
        for x in range(0, columns, 2):
            values = ("r1", "r6")[: columns - x]
            yield f"ldmia r0!, {{{', '.join(values)}}}"
            for number, value in enumerate(values):
                for channel, one in enumerate(sums):
                    yield from one.add(int(weights[channel, y, x + number]), value)
        skip = row_step - 4 * columns if y + 1 < rows else 0
        while skip:
            yield f"adds r0, #{min(skip, 252)}"
            skip -= min(skip, 252)
    for one in sums:
        yield from one.split()


def limit(value: str, number: int) -> Sequence[str]:
    """Instructions that limit `value` to 0..r4."""
    return (
        f"asrs r0, {value}, #31",
        f"bics {value}, r0",
        f"cmp {value}, r4",
        f"bls {number}f",
        f"mov {value}, r4",
        f"{number}:",
    )


def along(exact: Line, value: str, result: str) -> Sequence[str]:
    """Instructions that turn `result` (coarse) into the line's value. r6: fine. r7: start.

    They change r4.
    """
    narrow = f"lsrs r4, {value}, #{exact.narrow}" if exact.narrow else f"mov r4, {value}"
    return (
        f"muls {result}, {value}",
        narrow,
        "muls r4, r6",
        f"lsrs r4, r4, #{exact.fine}",
        f"adds {result}, r4",
        f"adds {result}, r7",
    )


def less(value: str, result: str, number: int) -> Sequence[str]:
    """Instructions that subtract r7 for sums below r6."""
    return (f"cmp {value}, r6", f"bge {number}f", f"subs {result}, r7", f"{number}:")


def outputs(exact: Line, number: int, channel: int) -> Iterator[str]:
    """Instructions that write both outputs of a channel. r1: its line."""
    yield f"mov r2, {UPPER[number]}"
    yield f"mov r3, {WHOLE[number]}"
    yield "lsls r4, r2, #16"
    yield "subs r3, r4"
    yield "ldmia r1!, {r4-r7}"
    yield from limit("r2", 2)
    yield from limit("r3", 2)
    yield "mov r0, r5"
    yield from along(exact, "r2", "r0")
    yield from along(exact, "r3", "r5")
    if exact.signed:
        yield "ldmia r1!, {r6, r7}"
        yield from less("r2", "r0", 3)
        yield from less("r3", "r5", 3)
    yield "lsrs r0, r0, #24"
    yield "lsrs r5, r5, #24"
    yield "ldr r2, [sp, #4]"
    yield f"strb r5, [r2, #{channel}]"
    yield "ldr r2, [sp, #8]"
    yield f"strb r0, [r2, #{channel}]"


def function(weights: Values, exact: Line, row_step: int) -> Iterator[str]:
    """The whole function. weights: [channels][rows][columns].

    The stack holds values, out and far of the pair of outputs, constants of the group, and run.
    """
    yield "push {r4-r7, lr}"
    for high, low in zip(("r8", "r9", "r10", "r11"), ("r4", "r5", "r6", "r7"), strict=True):
        yield f"mov {low}, {high}"
    yield "push {r4-r7}"
    yield "push {r0}"
    yield "sub sp, #16"
    yield "1:"
    yield "ldr r0, [sp, #16]"
    yield "ldmia r0!, {r1-r4}"  # x, constants, out, far
    yield "str r1, [sp]"
    yield "str r2, [sp, #12]"
    yield "str r3, [sp, #4]"
    yield "str r4, [sp, #8]"
    yield "mov r1, r2"
    for first in range(0, len(weights), TOGETHER):
        group = weights[first : first + TOGETHER]
        registers = f"{{{', '.join(SUMS[: len(group)])}}}"
        for homes in (UPPER, WHOLE):
            yield f"ldmia r1!, {registers}"
            for home, low in zip(homes, SUMS[: len(group)], strict=False):
                yield f"mov {home}, {low}"
        yield "str r1, [sp, #12]"
        yield "movs r7, #128"
        yield "lsls r7, r7, #8"
        yield "ldr r0, [sp]"
        yield from products(group, row_step)
        yield "ldr r1, [sp, #12]"
        for number in range(len(group)):
            yield from outputs(exact, number, first + number)
    yield "ldr r0, [sp, #16]"
    yield "ldr r1, [r0]"
    yield "ldr r2, [r0, #20]"
    yield "adds r1, r2"
    yield "str r1, [r0]"
    yield "ldr r2, [r0, #24]"
    for place in (8, 12):
        yield f"ldr r1, [r0, #{place}]"
        yield "adds r1, r2"
        yield f"str r1, [r0, #{place}]"
    yield "ldr r1, [r0, #16]"
    yield "subs r1, #1"
    yield "str r1, [r0, #16]"
    yield "beq 4f"
    yield "bl 1b"  # the longest jump; lr is free
    yield "4:"
    yield "add sp, #20"
    yield "pop {r4-r7}"
    for high, low in zip(("r8", "r9", "r10", "r11"), ("r4", "r5", "r6", "r7"), strict=True):
        yield f"mov {high}, {low}"
    yield "pop {r4-r7, pc}"


def code(weights: Values, exact: Line, row_step: int) -> Code:
    """The function as C: Thumb code, or for other processors a call with the weights."""
    _, rows, columns = weights.shape
    instructions = list(function(weights, exact, row_step))
    text = "\n".join(f'        "{one}\\n"' for one in instructions)
    size = 2 * sum(not one.endswith(":") for one in instructions) + 2  # BL has four
    shape = f"{rows}, {columns}, {row_step}, {exact.narrow}, {exact.fine}, {int(exact.signed)}"
    return Code(
        "#if defined(__ARM_ARCH_6M__)\n"
        "__attribute__((naked)) static void {name}"
        "(__attribute__((unused)) nn_m0_taps_t *run) {\n"
        f'    __asm volatile(".syntax unified\\n"\n{text});\n'
        "}\n#else\n"
        f"static const int8_t {{name}}_weights[] = {c_array(weights)};\n"
        "static void {name}(nn_m0_taps_t *run) {\n"
        f"    nn_m0_taps(run, {{name}}_weights, {shape});\n"
        "}\n#endif",
        size,
    )


def constants(exact: Line) -> Values:
    """The constants, in the order of taps.h."""
    parts = []
    for first in range(0, len(exact.first), TOGETHER):
        group = slice(first, first + TOGETHER)
        sums = exact.first[group]
        both = (sums * 65537 + 2**31) % 2**32 - 2**31
        parts += [sums, both, exact.constants[group].ravel()]
    return np.concatenate(parts)


def weights_as_code(step: Step, graph: Graph, header: str) -> Step | None:
    """The step with its weights as instructions; None if that is too large or not exact."""
    w = step.settings["window"]
    all_weights = sum(t.count for t in graph.tensors if t.data is not None and t.dtype == "int8")
    values = step.settings["weights"].values
    channels, taps = w["out_c"], w["kernel_w"] * w["in_c"]
    stride = w["stride_w"] * w["in_c"]
    columns = ((w["out_w"] + 1) // 2 - 1) * stride + taps
    if (
        CODE * values.size > SHARE * all_weights
        or channels > CHANNELS
        or w["out_w"] < 2
        or (w["dilation_w"] != 1 and w["kernel_w"] > 1)
        or 4 * columns * w["kernel_h"] > SCRATCH
        or max(w["in_w"] * w["in_c"], w["pad_w"] * w["in_c"], stride) > LIMIT
    ):
        return None
    weights = values.reshape(channels, w["kernel_h"], taps)
    exact = line(step, weights)
    if exact is None:
        return None
    copied = ("batches", "in_h", "out_h", "out_w", "out_c", "kernel_h", "stride_h", "dilation_h")
    settings = {
        **{key: w[key] for key in (*copied, "pad_h")},
        "in_columns": w["in_w"] * w["in_c"],
        "stride_columns": stride,
        "pad_columns": w["pad_w"] * w["in_c"],
        "columns": columns,
        "fill": -step.settings["in_offset"],
        "constants": Array("int32_t", constants(exact)),
        "taps": code(weights, exact, 4 * columns),
    }
    return replace(
        step,
        kernel="nn_m0_taps_conv_2d",
        struct="nn_m0_taps_conv_2d_t",
        settings=settings,
        scratch=4 * columns * w["kernel_h"],
        header=header,
    )

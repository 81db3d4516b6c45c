"""Purposes of instructions and their cost on a Cortex-M0+, in programs of known length."""

import subprocess
from collections import Counter

import pytest

from otolith.bench.shares import Instruction, classify, disassemble
from otolith.errors import UserError
from otolith.summarize.profile import Layer, Profile, bottlenecks
from otolith.virtual.cortex.program import FREE, Program

KERNEL = """
#include <stdint.h>
void mark(int n);
static __attribute__((noinline)) int32_t requantize(int32_t x) { return x * 77 >> 5; }
int32_t kernel(const int8_t *a, const int8_t *b, int32_t count) {
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++) sum += a[i] * b[i];
    mark(3);
    return requantize(sum);
}
int32_t stuck(void) { for (;;) { } }
"""
MARK = ".syntax unified\n.thumb\n.thumb_func\n.global mark\nmark: bx lr\n"


@pytest.fixture(params=["cortex-m0plus", "cortex-m4", "cortex-m33"])
def program(request, tmp_path):
    cpu = f"-mcpu={request.param}"
    gcc = ["arm-none-eabi-gcc", cpu, "-mthumb", "-O1", "-g"]
    for name, kind, text in (("kernel", "c", KERNEL), ("mark", "assembler", MARK)):
        command = [*gcc, "-c", "-x", kind, "-", "-o", f"{tmp_path}/{name}.o"]
        subprocess.run(command, input=text, text=True, check=True)
    elf = tmp_path / "kernel.elf"
    command = [*gcc, "-nostdlib", "-Wl,-e,kernel", "-o", str(elf)]
    subprocess.run([*command, f"{tmp_path}/kernel.o", f"{tmp_path}/mark.o"], check=True)
    return Program(elf, request.param), elf


def test_every_pass_of_the_loop_is_counted(program):
    program, elf = program
    at = FREE[0]
    program.uc.mem_write(at, bytes([3] * 50 + [5] * 50))
    seen = {}

    def marked(number, edges):
        seen[number] = edges.copy()
        edges.clear()

    after = program.trace("mark", marked)
    assert program.call("kernel", at, at + 50, 50) == 50 * 15 * 77 >> 5
    assert list(seen) == [3] and sum(after.values()) >= 2
    code = disassemble(elf)
    runs = Counter()
    for (start, size, _), times in seen[3].items():
        for address in range(start, start + size, 2):
            if address in code:
                runs[address] += times
    names = {a: code[a].mnemonic for a in runs}
    multiplies = [a for a in runs if names[a].startswith(("mul", "mla", "smla"))]
    assert [runs[a] for a in multiplies] == [50]
    parts = classify(elf, code, code)
    assert parts[multiplies[0]] == "dot product"
    loads = [a for a in runs if names[a].startswith("ldrsb") and runs[a] == 50]
    assert len(loads) == 2 and {parts[a] for a in loads} == {"memory"}
    inside = {parts[a] for a in code if code[a].symbol == "requantize"}
    assert inside == {"requantisation"}


def test_what_does_not_come_back_or_crashes_is_an_error(program, monkeypatch):
    program, _ = program
    monkeypatch.setattr("otolith.virtual.cortex.program._TIMEOUT_US", 100_000)
    with pytest.raises(UserError, match=r"stuck\(\) did not come back"):
        program.call("stuck")
    with pytest.raises(UserError, match=r"kernel\(\) failed at 0x"):
        program.call("kernel", 0x20000000, 0x20000000, 1)
    with pytest.raises(UserError, match="no symbol absent"):
        program.call("absent")


# Arm DDI 0484C, table 3-1, with the fast multiplier
@pytest.mark.parametrize(
    ("text", "cycles", "taken"),
    [
        ("muls r0, r1", 1, None),
        ("adds r0, #1", 1, None),
        ("ldrb r0, [r1, r2]", 2, None),
        ("str r0, [sp, #4]", 2, None),
        ("ldmia r0!, {r4, r5, r6, r7}", 5, None),
        ("push {r4-r7, lr}", 6, None),
        ("pop {r4, r5}", 3, None),
        ("pop {r4-r7, pc}", 8, True),
        ("bne 1234", 1, 2),
        ("b 1234", 2, True),
        ("bl 1234", 3, True),
        ("bx lr", 2, True),
        ("mov pc, r3", 2, True),
        ("dmb sy", 3, None),
    ],
)
def test_cycles_are_the_manuals(text, cycles, taken):
    mnemonic, _, operands = text.partition(" ")
    one = Instruction(mnemonic, operands, "f")
    if taken is True:
        assert one.cycles(True) == cycles
    else:
        assert one.cycles(False) == cycles
        assert one.cycles(True) == (taken or cycles)


def test_the_bottleneck_is_the_largest_part_over_all_layers_of_a_kind():
    layers = [
        Layer("CONV_2D", [1], 10, 400, {"dot product": 0.5, "memory": 0.5}),
        Layer("POOL", [1], 0, 300, {"memory": 1.0}),
        Layer("CONV_2D", [1], 10, 300, {"dot product": 0.9, "memory": 0.1}),
    ]
    found = bottlenecks(Profile(layers, 1000, 125_000_000, 0))
    assert found[0] == ("CONV_2D", "dot product", pytest.approx(0.47))
    assert sum(share for *_, share in found) == pytest.approx(1)

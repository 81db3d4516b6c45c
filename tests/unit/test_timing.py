"""The timing model of Cortex-M4F and M33: single instructions, loops of known length, flash."""

import subprocess
from dataclasses import replace

import pytest

from otolith.bench.timing import CHIPS, Walk
from otolith.bench.timing.decode import decode
from otolith.bench.timing.engine import constants
from otolith.bench.timing.flash import FlashWaits
from otolith.virtual.cortex.program import FREE, Program

M4, M33 = CHIPS["nrf52840"], CHIPS["efr32mg24"]


def assembled(body, cpu, tmp_path, data=""):
    text = f".syntax unified\n.thumb\n.text\n.align 4\n.thumb_func\n.global f\nf:\n{body}\n{data}\n"
    source, elf = tmp_path / "f.s", tmp_path / "f.elf"
    source.write_text(text + ".data\n.word 1\n")
    command = ["arm-none-eabi-gcc", f"-mcpu={cpu}", "-mthumb", "-nostdlib", "-Wl,-e,f"]
    subprocess.run([*command, str(source), "-o", str(elf)], check=True, capture_output=True)
    return elf


def cycles(body, chip, tmp_path, *arguments):
    elf = assembled(body, chip.table.name, tmp_path)
    program = Program(elf, chip.table.name)
    edges = program.trace()
    program.call("f", *arguments)
    return Walk(decode(elf), chip.table).cycles(edges)


RETURN = "bx lr"


@pytest.mark.parametrize(
    ("body", "m4", "m33"),
    [
        ("ldr r1, [r0]", 2, 1),
        ("ldr r1, [r0]\nldr r2, [r0, #4]\nldr r3, [r0, #8]", 4, 3),  # pipelined
        ("ldr r1, [r0]\nadds r1, r1, #1", 3, 3),
        ("ldr r1, [r0]\nstr r1, [r0, #4]", 3, 3),
        ("str r1, [r0]", 1, 1),
        ("movs r1, #0\nmov.w r2, r2\nstr.w r1, [r0, r1]", 4, 3),
        ("ldmia r0!, {r1, r2, r3, r12}", 5, 5),
        ("smlad r2, r1, r1, r2\nsmlad r2, r1, r1, r2", 2, 2),  # no wait to add to a sum
        ("mul r2, r1, r1\nadd.w r2, r2, r1", 2, 3),
        ("adds r2, r0, #0\nldr.w r1, [r2]", 4, 2),  # an address has no short cut on the M4
    ],
)
def test_single_instructions_take_what_the_manual_says(body, m4, m33, tmp_path):
    for chip, want in ((M4, m4), (M33, m33)):
        body_wide = f"nop.w\n{body}\nnop.w\n{RETURN}"
        empty = cycles(f"nop.w\nnop.w\n{RETURN}", chip, tmp_path, FREE[0])[1]
        assert cycles(body_wide, chip, tmp_path, FREE[0])[1] - empty == want, chip.name


def test_a_counting_loop_takes_three_cycles_on_an_m4_and_two_on_an_m33(tmp_path):
    """The usual delay loop, as measured on chips without wait states."""
    body = f"1: subs r0, #1\nbne 1b\n{RETURN}"
    for chip, each in ((M4, 3), (M33, 2)):
        few, many = (cycles(body, chip, tmp_path, n) for n in (100, 1100))
        assert many[1] - few[1] == 1000 * each
        assert many[0] - few[0] == 2000


def waits(body, chip, tmp_path, data, *arguments):
    elf = assembled(body, chip.table.name, tmp_path, data)
    program = Program(elf, chip.table.name)
    flash = FlashWaits(program, chip, *constants(program))
    program.call("f", *arguments)
    return flash.cycles


def test_code_in_the_cache_waits_once_and_loads_from_flash_each_time(tmp_path):
    body = f"adr r1, 2f\n1: ldr r2, [r1]\nsubs r0, #1\nbne 1b\n{RETURN}"
    data = ".align 4\n2: .word 7"
    few, many = (waits(body, M4, tmp_path, data, n) for n in (10, 1010))
    assert many - few == 1000 * M4.read
    few, many = (waits(body, M33, tmp_path, data, n) for n in (10, 1010))
    assert many == few > 0  # its cache holds data, too


def test_a_loop_longer_than_the_cache_misses_in_each_round(tmp_path):
    body = "1:\n" + "nop.w\n" * 300 + f"subs r0, #1\nbne.w 1b\n{RETURN}"
    lines = 1200 // 16
    small = replace(M4, cache=512)
    few, many = (waits(body, small, tmp_path, "", n) for n in (10, 20))
    assert many - few >= 10 * lines * M4.miss
    few, many = (waits(body, M4, tmp_path, "", n) for n in (10, 20))
    assert many == few

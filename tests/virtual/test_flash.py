"""Flash behind the RP2040's cache: a plain model, a worked example, a program that measures."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.deploy import uf2
from otolith.errors import UserError
from otolith.virtual import boot
from otolith.virtual.rp2040 import VirtualPico
from support.soak import depth

SUPPORT = Path(__file__).parents[1] / "support"
SCRIPT = """
MEMORY { flash : ORIGIN = 0x10000000, LENGTH = 1M  ram : ORIGIN = 0x20000000, LENGTH = 64K }
SECTIONS {
  .boot : { *(.boot) } > flash
  .text 0x20000000 : AT(0x10000400) { *(.first) *(.text*) *(.rodata*) *(.data*) }
  .bss (NOLOAD) : { *(.bss*) } > ram
}
"""
MISS = 48  # (8 address and mode + 4 dummy + 8 data) clocks of 2 cycles, and 8
PICO = {"ssienr": 1, "baudr": 2, "crtlr0": 2 << 21 | 31 << 16 | 3 << 8, "spictlr0": 0xA0002022}


@pytest.fixture(scope="module")
def model():
    """model(**question) asks the emulator's own module."""
    command = ["node", str(SUPPORT / "xip.mjs")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as node:

        def ask(**question):
            node.stdin.write(json.dumps(question) + "\n")
            return json.loads(node.stdout.readline())

        yield ask
        node.stdin.close()


def test_a_sequence_worked_by_hand(model):
    way = 2048  # words between lines of the same set
    steps = [
        (0, False),
        (0, True),
        (1, False),  # same line, other word
        (1, True),
        (way, False),  # second way
        (0, True),  # so `way` is the older one
        (2 * way, False),  # replaces it
        (way, False),  # replaces 0, both words
        (1, False),  # replaces 2 * way
        (0, False),  # the other word was not fetched with it
        (way, True),
        (2, False),  # the next set
        (0, True),
    ]
    assert model(cache=[["read", word] for word, _ in steps]) == [hit for _, hit in steps]


def plain(steps):
    """The cache in other words: a set is a list of lines, the youngest last."""
    sets, hits = {}, []
    for what, word in steps:
        line, lines = word // 2, sets.setdefault(word // 2 % 1024, [])
        if what == "flush":
            sets.clear()
            continue
        here = next((x for x in lines if x[0] == line), None)
        if what == "invalidate":
            if here:
                lines.remove(here)
            continue
        hits.append(here is not None and word in here[1])
        if here:
            lines.remove(here)
        elif len(lines) == 2:
            lines.pop(0)
        lines.append((line, {word} | (here[1] if here else set())))
    return hits


WORDS = st.builds(
    lambda tag, index, half: (tag * 1024 + index) * 2 + half,
    st.integers(0, 4),
    st.sampled_from((0, 1, 1023)),
    st.integers(0, 1),
)
STEPS = st.tuples(st.sampled_from(["read"] * 12 + ["invalidate"]), WORDS)


@settings(max_examples=depth(40, 1000), deadline=None)
@given(st.lists(st.one_of(STEPS, st.just(("flush", 0))), max_size=150))
def test_it_equals_a_plain_model(model, steps):
    assert model(cache=steps) == plain(steps)


@pytest.mark.parametrize(
    ("change", "cycles"),
    [
        ({}, 48),
        ({"baudr": 4}, 88),
        ({"spictlr0": 0xEB002221}, 64),  # a serial instruction each time
        # boot2_generic_03h: 64 clocks, as Klipper counts them (pull request 6464)
        ({"baudr": 4, "crtlr0": 31 << 16 | 3 << 8, "spictlr0": 0x03000218}, 64 * 4 + 8),
        ({"ssienr": 0}, 0),
        ({"crtlr0": 7 << 16}, 0),  # boot2 programs the status register
    ],
)
def test_a_transfer_follows_the_settings(model, change, cycles):
    assert model(settings=PICO | change) == cycles


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The image of support/xip_program.c."""
    folder = tmp_path_factory.mktemp("xip")
    (folder / "program.ld").write_text(SCRIPT)
    elf, binary = folder / "program.elf", folder / "program.bin"
    source = SUPPORT / "xip_program.c"
    command = ["arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb", "-O1", "-ffreestanding"]
    command += ["-nostdlib", "-Wl,--no-warn-rwx-segments", "-T", str(folder / "program.ld")]
    subprocess.run([*command, str(source), "-o", str(elf)], check=True)
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", str(elf), str(binary)], check=True)
    data = binary.read_bytes().ljust(0x10000, b"\0") + bytes(i * 7 & 255 for i in range(1024))
    image = folder / "program.uf2"
    image.write_bytes(uf2.encode(data))
    return image


def said(board):
    """What the program measured: {name: (first, second)}."""
    board.run_ms(2)
    lines = [event.text.split() for event in board.events if event.kind == "uart"]
    assert lines and lines[-1][0] == "end", [event.text for event in board.events]
    return {name: (int(a, 16), int(b, 16)) for name, a, b in lines}


@pytest.fixture(scope="module")
def measured(program):
    with boot(program) as board:
        yield said(board)


def test_firmware_reads_the_counters(measured):
    """(accesses, hits); pico-examples' flash/cache_perfctr checks the first three on a chip."""
    counted = ("first", "again", "invalidated", "halves", "ways", "aliases")
    found = [measured[name] for name in counted]
    assert found == [(1, 0), (2, 1), (3, 1), (3, 1), (6, 2), (4, 0)]


def test_a_miss_costs_a_transfer(measured):
    missed, hit = measured["load"]
    assert missed - hit == MISS
    cold, warm = measured["code"]  # 31 nop and bx: 16 words
    assert cold - warm == pytest.approx(16 * MISS, abs=2)  # SysTick's step
    assert measured["fetches"] == (32, 16)


def test_dma_waits_for_flash_too(measured):
    cycles, wrong = measured["dma"]
    assert wrong == 0 and 64 * (MISS + 1) <= cycles < 64 * (MISS + 1) + 40
    cycles, wrong = measured["cached"]
    assert wrong == 0 and 64 <= cycles < 64 + 40


def test_the_streaming_fifo_feeds_dma_and_cpu(measured):
    for name in ("stream", "aux"):
        cycles, wrong = measured[name]
        assert wrong == 0 and 64 * MISS <= cycles < 64 * MISS + 100, name
    assert measured["full"] == (2, 0x10010008)  # two words wait in the FIFO, the stream with them
    assert measured["words"] == (0, 0)
    assert measured["shared"] == (1, 1)  # a miss waits for the stream's word, and for one only


def test_dma_reads_the_serial_interface_itself(measured):
    cycles, wrong = measured["bulk"]
    assert wrong == 0 and MISS + 63 * 16 <= cycles < MISS + 63 * 16 + 60
    assert measured["overflow"] == (16, 8)


def test_nobody_reads_flash_while_dma_has_it(program):
    with boot(program) as board:
        said(board)
        with pytest.raises(UserError, match="while DMA has its serial interface"):
            board.run_ms(3)


def test_ideal_flash_answers_at_once(program):
    with VirtualPico(program, ideal_flash=True) as board:
        board.run_ms(0.1)
        assert board.flash_cycles == 0

"""Counts what the instructions of a network do, on Unicorn's model of the core.

The program consists of the image's own objects. Each instruction belongs to one part. Code from
nn_arith.h or from a function that requantises is requantisation, including its loads and stores.
Other loads and stores are memory, branches and comparisons are control, and all other arithmetic is
the dot product, for layers that have one.

On the Cortex-M0+ it counts cycles by the Technical Reference Manual (Arm DDI 0484C, table 3-1:
single-cycle multiplier, no wait states); on other cores, instructions.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from otolith.bench.link import API, core_flags, cpu_of, link_engine
from otolith.errors import UserError
from otolith.firmware.build import Firmware
from otolith.virtual.cortex.program import FREE, Edges, Program

PARTS = ("dot product", "requantisation", "memory", "control")
_DOT, _REQUANTISATION, _MEMORY, _CONTROL = PARTS
_LINE = re.compile(r"^ *([0-9a-f]+):\t(\S+)(?:\t([^;@<]*))?")
_SYMBOL = re.compile(r"^[0-9a-f]+ <(\S+)>:$")
_REQUANTISE = re.compile(r"requant|rescale|finish|high_multiply|round_shift|nn_clamp")
_FILES = ("nn_arith.h", "requantize.h")
_MOVES = re.compile(r"mem(cpy|set|move)$")
_CONDITIONS = "eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le"
_BRANCH = re.compile(rf"(b|bl|bx|blx|cbz|cbnz|tbb|tbh|b({_CONDITIONS}))$")
_COMPARE = ("cmp", "cmn", "tst", "teq", "nop", "it", "ite", "itt", "itte", "itee", "ittt", "dsb")


@dataclass(frozen=True)
class Instruction:
    """One line of the disassembly."""

    mnemonic: str  # without the width suffix
    operands: str
    symbol: str  # the function that contains it

    @property
    def is_branch(self) -> bool:
        """Whether the next instruction may be elsewhere."""
        return bool(_BRANCH.match(self.mnemonic))

    @property
    def is_access(self) -> bool:
        """Whether it loads or stores."""
        return self.mnemonic.startswith(("ldr", "str", "ldm", "stm", "push", "pop", "vld", "vst"))

    def cycles(self, taken: bool) -> int:
        """Cycles on a Cortex-M0+. taken: whether execution continued elsewhere."""
        name, registers = self.mnemonic, _count_registers(self.operands)
        if name in ("push", "ldmia", "stmia", "ldm", "stm"):
            return 1 + registers
        if name == "pop":
            return registers + (3 if "pc" in self.operands else 1)
        if name.startswith(("ldr", "str")):
            return 2
        if name in ("bl", "mrs", "msr", "dsb", "dmb", "isb"):
            return 3
        if self.is_branch or self.operands.startswith("pc"):
            return 2 if taken else 1
        return 1

    def bounds(self, taken: bool) -> tuple[int, int]:
        """Fewest and most cycles on a Cortex-M4, by its Technical Reference Manual.

        Arm DDI 0439, tables 3-1 and 7-1: a load or store behind another one takes one cycle, else
        two. A branch refills the pipeline in one to three. Flash wait states are not included.

        Args:
            taken: Whether execution continued elsewhere.
        """
        name, registers = self.mnemonic, _count_registers(self.operands)
        refill = (1, 3) if taken else (0, 0)
        if name.startswith(("ldm", "stm", "push", "pop", "vldm", "vstm", "vpush", "vpop")):
            low = high = 1 + registers
        elif name in ("ldrd", "strd"):
            low, high = 2, 3
        elif self.is_access:
            low, high = 1, 2
        elif name in ("sdiv", "udiv"):
            low, high = 2, 12
        elif name in ("vdiv", "vsqrt"):
            low = high = 14
        elif name.startswith(("vmla", "vmls", "vfma", "vfms")):
            low = high = 3
        elif name in ("tbb", "tbh"):
            low = high = 2
        else:
            low, high = 0 if name.startswith("it") else 1, 1
        return low + refill[0], high + refill[1]


def _count_registers(operands: str) -> int:
    """Registers in a list: {r4, r6-r7, lr} has four."""
    inside = re.search(r"\{(.*)\}", operands)
    total = 0
    for part in inside[1].split(",") if inside else ():
        ends = [int(x) for x in re.findall(r"[rsd](\d+)", part)]
        total += ends[1] - ends[0] + 1 if len(ends) == 2 else 1
    return total


def disassemble(elf: Path) -> dict[int, Instruction]:
    """The instructions of a program, by address."""
    command = ["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", str(elf)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found, symbol = {}, ""
    for line in text.splitlines():
        if match := _SYMBOL.match(line):
            symbol = match[1]
        elif match := _LINE.match(line):
            name = match[2].partition(".")[0]
            found[int(match[1], 16)] = Instruction(name, (match[3] or "").strip(), symbol)
    return found


def _frames(elf: Path, addresses: Iterable[int]) -> dict[int, list[tuple[str, str]]]:
    """Function and file of each address, and of the functions that it is inlined into."""
    wanted = [f"{address:#x}" for address in addresses]
    command = ["arm-none-eabi-addr2line", "-e", str(elf), "-f", "-i", "-a"]
    text = subprocess.run(
        command, input="\n".join(wanted), capture_output=True, text=True, check=True
    ).stdout
    found: dict[int, list[tuple[str, str]]] = {}
    here: list[tuple[str, str]] = []
    lines = iter(text.splitlines())
    for line in lines:
        if re.fullmatch(r"0x[0-9a-f]+", line):
            here = found[int(line, 16)] = []
        else:
            place = next(lines).rsplit("/", 1)[-1]
            here.append((line, place.partition(":")[0]))
    return found


def _after_sums(code: dict[int, Instruction]) -> set[int]:
    """Addresses of requantisation in kernels written in assembly, which have no line numbers.

    It lies between the last addition of a product (ADCS) and the store of the output.
    """
    found: set[int] = set()
    by_symbol = defaultdict(list)
    for address, instruction in sorted(code.items()):
        by_symbol[instruction.symbol].append((address, instruction.mnemonic))
    for body in by_symbol.values():
        since: list[int] = []
        summing = False
        for address, name in body:
            if name.startswith("adc"):
                summing, since = True, []
            elif summing:
                since.append(address)
                if name == "strb":
                    found.update(since)
                    since = []
    return found


def classify(elf: Path, code: dict[int, Instruction], addresses: Iterable[int]) -> dict[int, str]:
    """The part that each address belongs to."""
    addresses = list(addresses)
    frames, sums = _frames(elf, addresses), _after_sums(code)
    parts = {}
    for address in addresses:
        instruction = code[address]
        told = frames.get(address, [])
        names = [instruction.symbol, *(name for name, _ in told)]
        requantises = any(file in _FILES for _, file in told) or any(map(_REQUANTISE.search, names))
        if requantises or (len(told) < 2 and address in sums):
            part = _REQUANTISATION
        elif instruction.is_access or any(map(_MOVES.search, names)):
            part = _MEMORY
        elif instruction.is_branch or instruction.mnemonic in _COMPARE:
            part = _CONTROL
        else:
            part = _DOT
        parts[address] = part
    return parts


def _executed(
    edges: Edges, code: dict[int, Instruction]
) -> Iterator[tuple[int, Instruction, bool, int]]:
    """Address, instruction, whether it branched, and how often that was executed."""
    for (start, size, after), times in edges.items():
        inside = [a for a in range(start, start + size, 2) if a in code]
        for address in inside:
            taken = address == inside[-1] and after != start + size
            yield address, code[address], taken, times


def weigh(edges: Edges, code: dict[int, Instruction], cycles: bool) -> Counter[int]:
    """Cycles or instructions of each address."""
    total: Counter[int] = Counter()
    for address, instruction, taken, times in _executed(edges, code):
        total[address] += times * (instruction.cycles(taken) if cycles else 1)
    return total


def count_call(program: Program, elf: Path, name: str, cycles: bool) -> int:
    """Cycles of a Cortex-M0+, or instructions, of a call of function `name`."""
    edges = program.trace()
    program.call(name)
    return sum(weigh(edges, disassemble(elf), cycles).values())


@contextmanager
def traced(
    firmware: Firmware,
    board: str,
    inputs: Sequence[bytes],
    watch: Callable[[Program], Callable[[], object]] | None = None,
) -> Iterator[tuple[list[Edges], Path]]:
    """One inference of a bench image: the blocks of each operation, and the linked engine.

    Args:
        firmware: The bench image.
        board: Its board.
        inputs: One for each input tensor.
        watch: Called with the program before the inference. What it returns is called after each
            operation.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stub = folder / "profile.o"
        subprocess.run(
            ["arm-none-eabi-gcc", *core_flags(board), "-c", "-x", "assembler", "-", "-o", stub],
            input=".syntax unified\n.thumb\n.thumb_func\n.global nn_profile\nnn_profile: bx lr\n",
            text=True,
            check=True,
        )
        elf = folder / "engine.elf"
        link_engine(firmware, board, elf, API, str(stub))
        program, layers = Program(elf, cpu_of(board)), {}

        def marked(number: int, edges: Edges) -> None:
            layers[number] = edges.copy()
            edges.clear()
            if after:
                after()

        if program.call("nn_init"):
            raise UserError("the engine does not start")
        at = FREE[0]
        for number, data in enumerate(inputs):
            program.uc.mem_write(at, data)
            program.call("nn_set_input", number, at)
            at += -(-len(data) // 16) * 16
        after = watch(program) if watch else None
        program.trace("nn_profile", marked)
        if program.call("nn_invoke"):
            raise UserError("the network does not run")
        yield [layers[n] for n in sorted(layers)], elf


def layer_parts(firmware: Firmware, board: str, inputs: list[bytes]) -> list[Counter[str]]:
    """Counts one inference of a bench image.

    Returns:
        For each operation, cycles (Cortex-M0+) or instructions by part.
    """
    with traced(firmware, board, inputs) as (layers, elf):
        code, is_m0 = disassemble(elf), cpu_of(board).startswith("cortex-m0")
        counted = [weigh(layer, code, is_m0) for layer in layers]
        parts = classify(elf, code, set().union(*counted))
        sums: list[Counter[str]] = [Counter() for _ in counted]
        for total, counts in zip(sums, counted, strict=True):
            for address, count in counts.items():
                total[parts[address]] += count
        return sums


def cycle_bounds(firmware: Firmware, board: str, inputs: list[bytes]) -> tuple[int, int, int]:
    """Counts one inference of a bench image on a Cortex-M4 or M33.

    Returns:
        Instructions, and the fewest and the most cycles they take by Instruction.bounds().
    """
    count = low = high = 0
    with traced(firmware, board, inputs) as (layers, elf):
        code = disassemble(elf)
        for layer in layers:
            for _, instruction, taken, times in _executed(layer, code):
                bounds = instruction.bounds(taken)
                count, low, high = (
                    count + times,
                    low + times * bounds[0],
                    high + times * bounds[1],
                )
    return count, low, high

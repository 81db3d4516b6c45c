"""Instructions of a program with what their timing depends on, from objdump's listing."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"^ *([0-9a-f]+):\t([0-9a-f]{4}(?: [0-9a-f]{4})?) *\t(\S+)(?:\t([^;@<]*))?")
_ALIASES = {"sb": "r9", "sl": "r10", "fp": "r11", "ip": "r12", "r13": "sp", "r14": "lr"}
_REGISTER = re.compile(r"\b(r\d+|s\d+|d\d+|sb|sl|fp|ip|sp|lr|pc)\b")
_CONDITIONS = ["eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le"]
_NO_RESULT = ("cmp", "cmn", "tst", "teq", "nop", "vcmp", "dmb", "dsb", "isb", "b", "cb", "it")
_LONG = ("smull", "umull", "smlal", "umlal", "umaal", "smlald", "smlsld", "ldrd")
_ACCUMULATE = re.compile(r"(mla|mls|smla|smls|smmla|smmls|umlal|umaal|vmla|vmls|vfma|vfms|vfnm)")
_MULTIPLY = re.compile(r"(mul|mla|mls|sm[lmu]|um[ual])")

ALU, MULTIPLY, DIVIDE, LOAD, STORE, MANY, BRANCH, IT = range(8)


@dataclass(frozen=True)
class Op:
    """One instruction.

    Attributes:
        address: Where it is.
        size: Bytes, 2 or 4.
        name: Mnemonic without width and condition.
        kind: One of the constants above. MANY loads or stores several registers.
        reads, writes: Registers.
        addressing: Registers that build the address of a load or store.
        summed: The register that a multiply-accumulate adds to, else "".
        count: Registers that MANY moves.
        indexed: Whether a register is added to the base.
        jumps: Whether it may continue elsewhere.
        indirect: Whether the target comes from a register or memory.
    """

    address: int
    size: int
    name: str
    kind: int
    reads: frozenset[str]
    writes: frozenset[str]
    addressing: frozenset[str] = frozenset()
    summed: str = ""
    count: int = 1
    indexed: bool = False
    jumps: bool = False
    indirect: bool = False

    @property
    def is_float(self) -> bool:
        """Whether the floating-point unit executes it."""
        return self.name.startswith("v")


def _registers(text: str) -> list[str]:
    """Registers in order; r4-r7 stands for four."""
    found: list[str] = []
    for part in text.split(","):
        ends = [_ALIASES.get(x, x) for x in _REGISTER.findall(part)]
        if len(ends) == 2 and "-" in part and ends[0][0] == ends[1][0]:
            kind, low, high = ends[0][0], int(ends[0][1:]), int(ends[1][1:])
            found += [f"{kind}{n}" for n in range(low, high + 1)]
        else:
            found += ends
    return found


def _branch(address: int, size: int, name: str, text: str) -> Op:
    given = frozenset(_registers(text))
    indirect = name in ("bx", "blx", "tbb", "tbh")
    writes = frozenset({"lr"}) if name in ("bl", "blx") else frozenset[str]()
    return Op(address, size, name, BRANCH, given, writes, jumps=True, indirect=indirect)


def _many(address: int, size: int, name: str, text: str) -> Op:
    base, _, listed = text.partition("{")
    moved = _registers(listed)
    address_of = frozenset(_registers(base)) or frozenset({"sp"})
    is_load = name.startswith(("ldm", "pop", "vldm", "vpop"))
    changed = address_of if "!" in base or "p" in name[:5] else frozenset[str]()
    return Op(
        address,
        size,
        name,
        MANY,
        address_of | (frozenset() if is_load else frozenset(moved)),
        changed | (frozenset(moved) if is_load else frozenset()),
        address_of,
        count=len(moved),
        jumps=is_load and "pc" in moved,
        indirect=True,
    )


def _access(address: int, size: int, name: str, text: str) -> Op:
    outside, _, inside = text.partition("[")
    inside, _, after = inside.partition("]")
    moved, at = _registers(outside), _registers(inside)
    is_load = "ld" in name[:3]
    pair = name in ("ldrd", "strd")
    written = frozenset(moved) if is_load else frozenset[str]()
    if after.startswith(("!", ",")):
        written |= frozenset(at[:1])
    return Op(
        address,
        size,
        name,
        MANY if pair else LOAD if is_load else STORE,
        frozenset(at) | frozenset(_registers(after)) | (frozenset() if is_load else set(moved)),
        written,
        frozenset(at),
        count=2 if pair else 1,
        indexed=len(at) > 1,
        jumps="pc" in moved,
        indirect=True,
    )


def _op(address: int, size: int, name: str, text: str) -> Op:
    if re.fullmatch(rf"b(l|x|lx)?|cbn?z|tb[bh]|b({'|'.join(_CONDITIONS)})", name):
        return _branch(address, size, name, text)
    if re.fullmatch(r"it[te]*", name):
        return Op(address, size, "it", IT, frozenset(), frozenset())
    if re.match(r"v?(ldm|stm|push|pop)", name):
        return _many(address, size, name, text)
    if re.match(r"v?(ldr|str)|ld[ar]|stl", name):
        return _access(address, size, name, text)
    given = _registers(text)
    results = 0 if name.startswith(_NO_RESULT) and name != "bic" else 1
    results = 2 if name.startswith(_LONG) else results
    if re.match(r"b(ic|fc|fi)", name):
        results = 1
    writes, reads = frozenset(given[:results]), frozenset(given[results:])
    summed = ""
    if _ACCUMULATE.match(name):
        summed = given[-1] if results == 1 and not name.startswith("v") else given[0]
    if results == 2 or summed in writes or name in ("bfi", "movt") or len(given) == results:
        reads |= writes
    if name in ("adds", "subs", "add", "sub", "muls", "ands", "orrs", "eors") and len(given) < 3:
        reads |= writes
    kind = ALU
    if "div" in name or name.startswith("vsqrt"):
        kind = DIVIDE
    elif _MULTIPLY.match(name):
        kind = MULTIPLY
    jumps = "pc" in writes
    return Op(address, size, name, kind, reads, writes, summed=summed, jumps=jumps, indirect=jumps)


def decode(elf: Path) -> dict[int, Op]:
    """The instructions of a program, by address."""
    command = ["arm-none-eabi-objdump", "-d", str(elf)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[int, Op] = {}
    conditional = 0  # instructions left of an IT block
    for line in text.splitlines():
        if not (match := _LINE.match(line)) or match[3].startswith("."):
            continue
        name = match[3].partition(".")[0]
        if conditional:
            conditional -= 1
            name = name[:-2] if name[-2:] in _CONDITIONS else name
        elif re.fullmatch(r"it[te]*", name):
            conditional = len(name) - 1
        size = 2 * len(match[2].split())
        address = int(match[1], 16)
        found[address] = _op(address, size, name, (match[4] or "").strip())
    return found

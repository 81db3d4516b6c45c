"""Flash and RAM of a firmware image by part, from the linker's map file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from otolith.errors import UserError

# First match wins; the pattern is searched in the object's path below the build folder, or in that
# of the archive and its member: lib895/libfeatures.a(spectrogram.o).
PARTS = [
    ("libc, libgcc", r"lib(c|c_nano|g|m|gcc|nosys|stdc\+\+)[\w.-]*\.a\(|/crt\w+\.o$"),
    ("model", r"^model/"),
    ("nn kernels", r"^lib\w+/libnn(_tflm)?\.a\("),
    ("TFLM, CMSIS-NN", r"^lib\w+/libpico-tflmicro\.a\("),
    ("features", r"^lib\w+/libfeatures\.a\("),
    ("pdm", r"^lib\w+/libpdm\.a\("),
    ("listen, detect", r"^lib\w+/lib(listen|detect)\.a\("),
    ("wire", r"^lib\w+/libwire\.a\("),
    ("board", r"^lib\w+/libboard\.a\("),
    ("usb", r"^lib\w+/libusb\.a\("),
    ("TinyUSB", r"^tinyusb/"),
    ("pico-sdk", r"^pico-sdk/"),
    ("boot stage 2", r"^boot2/"),
    ("app", r"^src/|^lib\w+/lib(app|app_model|inject)\.a\("),
    ("veneers", r"^linker stubs$"),
    ("stack", r"^$"),
]
OTHER = "other"
# Output sections that cost flash, RAM, or both (initialised data and code that runs from RAM).
FLASH_ONLY = {".boot2", ".text", ".rodata", ".binary_info", ".ARM.exidx", ".ARM.extab"}
BOTH = {".data", ".tdata", ".scratch_x", ".scratch_y"}
STACK = {".stack_dummy", ".stack1_dummy"}
RAM_ONLY = {".bss", ".tbss", ".uninitialized_data", ".ram_vector_table", ".heap", *STACK}

OUTPUT = re.compile(r"^(\.[\w.]+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)")
INPUT = re.compile(r"^ \S+\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S.*)$")


@dataclass
class Use:
    """Bytes of one part."""

    flash: int = 0
    ram: int = 0


def part_of(path: str, build: Path) -> str:
    """The part an object file belongs to; `build` is the folder the firmware was built in."""
    # The linker names files as it was told, relative or absolute: the last two folders are certain.
    inner = path.replace("\\", "/").rpartition(f"{build.parent.name}/{build.name}/")[2]
    for part, pattern in PARTS:
        if re.search(pattern, inner):
            return part
    return OTHER


def by_part(map_file: Path) -> dict[str, Use]:
    """Parse a GNU ld map file; parts in the order of PARTS, only those that use something."""
    try:
        text = Path(map_file).read_text(errors="replace")
    except OSError as error:
        raise UserError(f"{map_file}: {error.strerror}: build the firmware first") from error
    build = Path(map_file).resolve().parent
    _, found, body = text.partition("Linker script and memory map")
    if not found:
        raise UserError(f"{map_file}: not a linker map: build the firmware again")
    # A long section name stands on a line of its own: join it with the next.
    lines = re.sub(r"^( ?\.\S+)\n\s+(0x)", r"\1 \2", body, flags=re.M).splitlines()
    uses: dict[str, Use] = {}
    output, end = "", 0
    starts: list[tuple[int, str]] = []
    for line in [*lines, ".end 0x0 0x0"]:
        if match := OUTPUT.match(line):
            _add(uses, output, end, starts)
            output, end = match[1], int(match[2], 16) + int(match[3], 16)
            starts = [(int(match[2], 16), OTHER)]
        elif (match := INPUT.match(line)) and int(match[2], 16):
            starts.append((int(match[1], 16), part_of(match[3], build)))
    order = [part for part, _ in PARTS] + [OTHER]
    return {p: uses[p] for p in order if p in uses and (uses[p].flash or uses[p].ram)}


def _add(uses: dict[str, Use], output: str, end: int, starts: list[tuple[int, str]]) -> None:
    """Count an output section: an object's bytes go on until the next object's start, so padding
    belongs to the object before it, and merged strings are counted once."""
    bounds = [*sorted(starts, key=lambda start: start[0]), (end, OTHER)]
    for (start, part), (stop, _) in pairwise(bounds):
        size = min(stop, end) - start
        if size <= 0:
            continue
        use = uses.setdefault("stack" if output in STACK else part, Use())
        if output in FLASH_ONLY | BOTH:
            use.flash += size
        if output in RAM_ONLY | BOTH:
            use.ram += size


def total(uses: dict[str, Use]) -> Use:
    """All parts together."""
    return Use(sum(u.flash for u in uses.values()), sum(u.ram for u in uses.values()))


def print_report(map_file: Path, flash_size: int, ram_size: int) -> None:
    """Print a table of flash and RAM by part, against what the board has."""
    uses = by_part(map_file)
    print(f"{'part':<16}{'flash':>10}{'RAM':>10}   bytes")
    for part, use in uses.items():
        print(f"{part:<16}{use.flash:>10,}{use.ram:>10,}")
    whole = total(uses)
    print(
        f"{'total':<16}{whole.flash:>10,}{whole.ram:>10,}   "
        f"{whole.flash / flash_size:.1%} of flash, {whole.ram / ram_size:.1%} of RAM"
    )

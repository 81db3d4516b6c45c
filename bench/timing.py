"""Compares the timing model of Cortex-M4F and M33 with published measurements.

    python bench/timing.py COREMARK AES

COREMARK: a folder with https://github.com/eembc/coremark (Apache 2.0 and its own terms).
AES: a folder with https://github.com/Ko-/aes-armcortexm, assembly for the Cortex-M4 whose cycles
its authors measured on an STM32F407 without wait states. Neither is part of this project. The
figures go to bench/results/timing.txt.

CoreMark's results depend on the compiler. Arm's 3.40 (M4) and 4.02 (M33) are of its own compiler;
Nordic gives 212 for the nRF52840 at 64 MHz, from flash with its cache on. Here it is GCC's.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from otolith.bench.timing import CHIPS, Walk
from otolith.bench.timing.decode import decode
from otolith.bench.timing.flash import FlashWaits
from otolith.virtual.cortex.program import FREE, Program

# What core_portme.h of a port has to define, for ten iterations whose ends call mark().
PORT_H = """
#include <stddef.h>
#include <stdint.h>
typedef int16_t ee_s16; typedef uint16_t ee_u16; typedef int32_t ee_s32; typedef uint8_t ee_u8;
typedef uint32_t ee_u32; typedef double ee_f32;
typedef uintptr_t ee_ptr_int; typedef size_t ee_size_t;
typedef uint32_t CORE_TICKS; typedef struct { ee_u8 portable_id; } core_portable;
#define HAS_FLOAT 0
#define HAS_PRINTF 0
#define COMPILER_VERSION ""
#define COMPILER_FLAGS ""
#define MEM_LOCATION ""
#define SEED_METHOD SEED_VOLATILE
#define MEM_METHOD MEM_STATIC
#define MULTITHREAD 1
#define MAIN_HAS_NOARGC 1
#define MAIN_HAS_NORETURN 0
#define align_mem(x) (void *)(((ee_ptr_int)(x) + 3) & ~(ee_ptr_int)3)
extern ee_u32 default_num_contexts;
void portable_init(core_portable *, int *, char *[]);
void portable_fini(core_portable *);
int ee_printf(const char *, ...);
"""
PORT_C = """
#include "coremark.h"
volatile ee_s32 seed1_volatile, seed2_volatile, seed3_volatile = 0x66;
volatile ee_s32 seed4_volatile = 10, seed5_volatile;
ee_u32 default_num_contexts = 1;
__attribute__((noinline, noclone)) void mark(int n) { __asm volatile("" : : "r"(n)); }
void start_time(void) { mark(1); }
void stop_time(void) { mark(2); }
CORE_TICKS get_time(void) { return 1; }
secs_ret time_in_secs(CORE_TICKS t) { return t; }
void portable_init(core_portable *p, int *c, char *v[]) { p->portable_id = 1; }
void portable_fini(core_portable *p) { p->portable_id = 0; }
int ee_printf(const char *text, ...) { return 0; }
"""
ITERATIONS = 10
FLAGS = ["-O3", "-funroll-loops", "-fno-common"]
PUBLISHED = {"cortex-m4": 3.40, "cortex-m33": 4.02, "nrf52840": 212 / 64}
# function, folder and file, arguments, blocks, cycles a block on the M4
AES = [
    ("AES_128_keyschedule", "aes128/aes.s", (0, 400), 1, 244.9),
    ("AES_128_encrypt", "aes128/aes.s", (0, 400, 800), 1, 634.7),
    ("AES_128_encrypt_ctr", "aes128ctr/aes_128_ctr.s", (0, 800, 8000, 4096), 256, 527.9),
    ("AES_192_keyschedule", "aes192ctr/aes_192_ctr.s", (0, 400), 1, 232.2),
    ("AES_192_encrypt_ctr", "aes192ctr/aes_192_ctr.s", (0, 800, 8000, 4096), 256, 644.0),
    ("AES_256_keyschedule", "aes256ctr/aes_256_ctr.s", (0, 400), 1, 309.9),
    ("AES_256_encrypt_ctr", "aes256ctr/aes_256_ctr.s", (0, 800, 8000, 4096), 256, 760.7),
    ("AES_128_keyschedule", "aes128ctrbs/aes_128_ctr_bs.s", (0, 400), 1, 1021.9),
    ("AES_128_encrypt_ctr", "aes128ctrbs/aes_128_ctr_bs.s", (0, 800, 8000, 4096), 256, 1616.6),
]


def linked(cpu: str, sources: list[Path], more: list[str], target: Path) -> Path:
    """Links sources without start-up code."""
    command = ["arm-none-eabi-gcc", f"-mcpu={cpu}", "-mthumb", *more, "-nostartfiles"]
    command += ["--specs=nosys.specs", "-w", *map(str, sources), "-o", str(target)]
    subprocess.run(command, check=True, capture_output=True)
    return target


def coremark(folder: Path, work: Path, chip_name: str) -> tuple[float, float, float]:
    """CoreMark a MHz without and with flash, and instructions an iteration."""
    chip = CHIPS[chip_name]
    (work / "core_portme.h").write_text(PORT_H)
    (work / "port.c").write_text(PORT_C)
    names = ("list_join", "main", "matrix", "state", "util")
    sources = [*(folder / f"core_{name}.c" for name in names), work / "port.c"]
    flags = [*FLAGS, f"-I{work}", f"-I{folder}", "-DPERFORMANCE_RUN=1", "-Wl,-e,main"]
    elf = linked(chip.table.name, sources, flags, work / f"{chip_name}.elf")
    program = Program(elf, chip.table.name)
    waits = FlashWaits(program, chip, 0x8000, program.image.symbol("__data_start"))
    seen = {}

    def marked(number: int, edges) -> None:
        seen[number] = edges.copy(), waits.cycles
        edges.clear()

    program.trace("mark", marked)
    program.call("main")
    count, cycles = Walk(decode(elf), chip.table).cycles(seen[2][0])
    flash = seen[2][1] - seen[1][1]
    return ITERATIONS * 1e6 / cycles, ITERATIONS * 1e6 / (cycles + flash), count / ITERATIONS


def aes(folder: Path, work: Path) -> list[float]:
    """Prints the AES functions; the errors."""
    errors = []
    for name, file, arguments, blocks, told in AES:
        elf = linked("cortex-m4", [folder / file], [f"-Wl,-e,{name}"], work / "aes.elf")
        program = Program(elf, "cortex-m4")
        edges = program.trace()
        at = [FREE[0] + a if n < 3 else a for n, a in enumerate(arguments)]
        program.call(name, *at)
        count, cycles = Walk(decode(elf), CHIPS["nrf52840"].table).cycles(edges)
        errors.append(cycles / blocks / told - 1)
        print(
            f"{Path(file).stem + ' ' + name[8:]:<34}{count / blocks:>14,.1f}"
            f"{cycles / blocks:>10,.1f}{told:>11,.1f}{errors[-1]:>+8.1%}"
        )
    return errors


def main() -> None:
    """Prints both comparisons."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        head = f"{'instructions':>14}{'modelled':>10}{'measured':>11}{'error':>8}"
        print(f"{'AES on a Cortex-M4, cycles':<34}{head}")
        errors = aes(Path(sys.argv[2]), work)
        mean = sum(map(abs, errors)) / len(errors)
        print(f"mean error {mean:.1%}, largest {max(map(abs, errors)):.1%}\n")
        print(f"{'CoreMark a MHz':<34}{'modelled':>10}{'published':>11}{'error':>8}")
        ideals = {}
        for chip in CHIPS.values():
            ideal, real, count = coremark(Path(sys.argv[1]), work, chip.name)
            rows = [(f"{chip.table.name}, ideal memory", ideal, chip.table.name)]
            rows += [(f"{chip.name}, from flash", real, chip.name)]
            for what, value, key in rows:
                told = PUBLISHED.get(key)
                text = f"{told:>11.2f}{value / told - 1:>+8.1%}" if told else f"{'-':>11}"
                print(f"{what:<34}{value:>10.2f}{text}")
            print(f"    {count:,.0f} instructions an iteration")
            ideals[chip.table.name] = ideal
        gain = ideals["cortex-m33"] / ideals["cortex-m4"]
        told = PUBLISHED["cortex-m33"] / PUBLISHED["cortex-m4"]
        print(f"{'M33 against M4':<34}{gain:>10.2f}{told:>11.2f}{gain / told - 1:>+8.1%}")


if __name__ == "__main__":
    main()

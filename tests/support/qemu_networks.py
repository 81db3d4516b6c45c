"""Many compiled networks in one program, on a bare Cortex-M core in QEMU."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from otolith.compile import Compiled
from otolith.native.sources import lib
from support.compiled_batch import ENGINE, as_one
from support.objects import objects
from support.qemu_cores import HERE, MACHINES

Rounds = Sequence[Sequence[np.ndarray]]  # [round][input] or [round][output], int8


def build(
    machine: str,
    compiled: Sequence[Compiled],
    inputs: Sequence[Rounds],
    folder: Path,
    data: int | None = None,
):
    """Build the image. Its main() is in networks_main.c. data: where variables lie, if not in the
    machine's RAM."""
    machine_flags, (code, ram, timer, tick) = MACHINES[machine]
    data = ram if data is None else data
    text, table = as_one(compiled)
    bytes_of_all = np.concatenate([a.ravel() for net in inputs for once in net for a in once])
    (folder / "networks.h").write_text(
        f"{ENGINE}{text}\nstatic const engine_t engines[] = {{\n{table}\n}};\n"
        f"#define TIMER {timer:#x}u\n#define TICK_INSTRUCTIONS {tick}u\n"
        f"enum {{ ROUNDS = {len(inputs[0])} }};\n"
        "extern const int8_t inputs_of_all[];\n"
        '__asm__(".section .rodata\\ninputs_of_all: .incbin '
        f'\\"{folder / "inputs.bin"}\\"\\n.text");\n'
    )
    (folder / "inputs.bin").write_bytes(bytes_of_all.tobytes())
    image = folder / "networks.elf"
    flags = ["-std=c11", "-O3", "-mthumb", *machine_flags]
    flags += ["-Wall", "-Wextra", "-Werror", "-ffunction-sections", "-fdata-sections"]
    kernels = objects("nn", "arm-none-eabi-gcc", flags)
    command = ["arm-none-eabi-gcc", *flags, f"-I{folder}"]
    command += [*(f"-I{i}" for i in lib("nn").include), "-Wl,--gc-sections"]
    command += ["-nostartfiles", "--specs=nosys.specs", f"-T{HERE / 'bare.ld'}"]
    command += [f"-Wl,--defsym=CODE={code:#x},--defsym=DATA={data:#x}"]
    command += [str(HERE / "networks_main.c"), *kernels, "-o", str(image)]
    subprocess.run(command, check=True)
    return image


def run(machine: str, compiled: Sequence[Compiled], inputs: Sequence[Rounds], folder: Path):
    """Run the image.

    Returns outputs, indexed as in compiled_batch.run, and the instructions of each network's last
    round.
    """
    image = build(machine, compiled, inputs, folder)
    command = ["qemu-system-arm", "-M", machine, "-nographic", "-icount", "shift=0"]
    command += ["-semihosting-config", "enable=on,target=native", "-kernel", str(image)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{done.returncode}: {(done.stdout + done.stderr)[-500:]}"
    lines = (done.stdout + done.stderr).splitlines()
    counts = [int(line.split()[1]) for line in lines if line.startswith("instructions")]
    raw = bytes.fromhex("".join(x for x in lines if set(x) <= set("0123456789abcdef")))
    results, at = [], 0
    for one, rounds in zip(compiled, inputs, strict=True):
        results.append([])
        for _ in rounds:
            outputs = []
            for tensor in one.schedule.network.outputs:
                size = tensor.count
                outputs.append(np.frombuffer(raw, np.int8, size, at).reshape(tensor.shape))
                at += size
            results[-1].append(outputs)
    assert at == len(raw) and len(counts) == len(compiled)
    return results, counts

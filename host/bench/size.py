"""Bytes of an engine by itself: its objects of a built image linked to nothing but libc."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path

from host.deploy.firmware import Firmware
from host.errors import UserError
from host.paths import ROOT

API = ("nn_init", "nn_set_input", "nn_invoke", "nn_output")
LIBRARIES = re.compile(r"lib(nn|nn_\w+|tflm\w*|pico-tflmicro)\.a$")


def core_flags(board: str) -> list[str]:
    """The compiler's -mcpu and floating-point flags of a board."""
    told = json.loads((ROOT / "boards" / f"{board}.json").read_text())["build"]
    return [f"-mcpu={told['cpu']}", "-mthumb", *told.get("core_flags", [])]


def engine_bytes(firmware: Firmware, board: str) -> tuple[int, int]:
    """(flash, RAM) of a program that is the network and its engine, weights and arena included,
    and does nothing but nn_init() and nn_invoke()."""
    objects = sorted((firmware.folder / "model").glob("*.o"))
    objects = [path for path in objects if not path.name.startswith("pipeline")]
    archives = [p for p in sorted(firmware.folder.rglob("*.a")) if LIBRARIES.search(p.name)]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "engine.elf"
        command = ["arm-none-eabi-g++", *core_flags(board), "-nostartfiles", "-Wl,--gc-sections"]
        command += ["--specs=nosys.specs", "-Wl,-e,nn_invoke", "-Wl,--no-warnings"]
        command += [f"-Wl,-u,{name}" for name in API]
        command += ["-Wl,--defsym=nn_profile=nn_invoke"]  # the bench app's; no code
        command += [*map(str, objects), "-Wl,--start-group", *map(str, archives)]
        command += ["-Wl,--end-group", "-o", str(program)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise UserError(f"linking the engine alone: {done.stderr.strip().splitlines()[-1]}")
        told = subprocess.run(
            ["arm-none-eabi-size", program], capture_output=True, text=True, check=True
        ).stdout
    text, data, bss = map(int, told.splitlines()[1].split()[:3])
    return text + data, data + bss

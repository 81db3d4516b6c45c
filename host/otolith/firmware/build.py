"""Building and uploading firmware with PlatformIO."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from otolith.errors import UserError
from otolith.firmware import tflm
from otolith.paths import ROOT


@dataclass(frozen=True)
class Firmware:
    """What a build leaves in <build folder>/<env>/."""

    env: str
    folder: Path

    @property
    def uf2(self) -> Path:
        return self.folder / "firmware.uf2"

    @property
    def elf(self) -> Path:
        return self.folder / "firmware.elf"

    @property
    def map(self) -> Path:
        return self.folder / "firmware.map"


def platformio(*arguments: str, model: Path | None = None, **variables: str) -> str:
    """Run PlatformIO in this checkout; its output, or a UserError with its last telling line."""
    environment = {**os.environ, **variables}
    if model is not None:
        environment["OTOLITH_MODEL"] = str(Path(model).resolve())
    done = subprocess.run(
        [sys.executable, "-m", "platformio", "run", "-d", str(ROOT), *arguments],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        telling = [line for line in lines if line.startswith("Error:")] or [
            line for line in lines if "error:" in line.lower()
        ]
        reason = (telling or lines or ["no output"])[0].removeprefix("Error: ")
        raise UserError(f"pio run {' '.join(arguments)}: {reason}")
    return done.stdout


def build_folder() -> Path:
    """Where PlatformIO builds; a user may move it, as tests do."""
    return Path(os.environ.get("PLATFORMIO_BUILD_DIR") or ROOT / ".pio" / "build")


def build(env: str, model: Path | None = None, keep_rows: bool = True) -> Firmware:
    """Build environment `env` of platformio.ini around `model` (a .tflite).

    keep_rows: False computes every window whole, whatever the model says."""
    tflm.require(env)
    platformio("-e", env, model=model, **({} if keep_rows else {"OTOLITH_KEEP_ROWS": "no"}))
    return Firmware(env, build_folder() / env)


def upload(env: str, model: Path | None = None, port: str | None = None) -> None:
    """Build and upload; `port` is the serial port of a board that runs Otolith already."""
    arguments = ["-e", env, "-t", "upload"]
    if port:
        arguments += ["--upload-port", port]
    platformio(*arguments, model=model)

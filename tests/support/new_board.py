"""Builds firmware for a board defined by one additional JSON file."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from otolith import paths


def build(name: str, about: dict, folder: Path, model: bytes | None = None, app: str = "") -> Path:
    """Build for boards/ plus this JSON file, by default the inference app.

    Returns the build folder.
    """
    shutil.copytree(paths.ROOT / "boards", folder / "boards")
    (folder / "boards" / f"{name}.json").write_text(json.dumps(about))
    section = f"\n[env:{name}]\nboard = {name}\n" + (f"custom_app = {app}\n" if app else "")
    project = (paths.ROOT / "platformio.ini").read_text()
    (folder / "platformio.ini").write_text(project + section)
    environment = {
        **os.environ,
        "PLATFORMIO_BOARDS_DIR": str(folder / "boards"),
        "PLATFORMIO_BUILD_DIR": str(folder / "build"),
    }
    if model is not None:
        (folder / "model.tflite").write_bytes(model)
        environment["OTOLITH_MODEL"] = str(folder / "model.tflite")
    environment.pop("PLATFORMIO_CORE_DIR", None)
    command = [sys.executable, "-m", "platformio", "run", "-c", str(folder / "platformio.ini")]
    done = subprocess.run(
        [*command, "-e", name],
        cwd=paths.ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
    return folder / "build" / name

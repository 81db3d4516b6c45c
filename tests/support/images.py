"""Builds firmware images for tests that run them."""

import shutil
from pathlib import Path

from otolith.firmware import build as firmware


def build(env: str, model: bytes | None, folder: Path, kind: str = "uf2") -> Path:
    """The image of an environment, where a later build with another model leaves it as it is;
    kind: the file's suffix."""
    network = None
    if model is not None:
        network = folder / "network.tflite"
        network.write_bytes(model)
    built = firmware.build(env, network).folder / f"firmware.{kind}"
    return Path(shutil.copy(built, folder / f"{env}.{kind}"))

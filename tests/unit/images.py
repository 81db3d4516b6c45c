"""Builds firmware images for tests that run them."""

import shutil
from pathlib import Path

import pytest

from host import paths
from host.deploy import firmware


def build(env: str, model: bytes | None, folder: Path, kind: str = "uf2") -> Path:
    """The image of an environment, where a later build with another model leaves it as it is;
    kind: the file's suffix."""
    network = None
    if model is not None:
        network = folder / "network.tflite"
        network.write_bytes(model)
    builds = paths.TOOLS / "test-build"  # what the user built last stays as it is
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLATFORMIO_BUILD_DIR", str(builds))
        firmware.build(env, network)
    return Path(shutil.copy(builds / env / f"firmware.{kind}", folder / f"{env}.{kind}"))

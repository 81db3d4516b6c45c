"""Builds firmware images for tests that run them."""

import os
import shutil
from pathlib import Path

from otolith.firmware import build as firmware
from support import shared

# Everything an image is built from besides its network. The compiler is in host/otolith.
SOURCES = ("firmware", "lib", "platform", "boards", "platformio.ini", "host/otolith")
KEPT = ("elf", "uf2", "bin", "hex", "map", "zip")


def build(env: str, model: bytes | None, folder: Path, kind: str = "uf2") -> Path:
    """Build an image, once for all tests and test processes.

    Args:
        env: an environment of platformio.ini.
        model: a .tflite file; None for an app without a network.
        folder: receives a copy of the image, and the network (network.tflite).
        kind: suffix of the file to return.

    Returns:
        <folder>/<env>.<kind>, with the linker's map beside it.
    """

    def make(made: Path) -> None:
        network = None
        if model is not None:
            network = made / "network.tflite"
            network.write_bytes(model)
        # One build folder per environment, so that libraries are compiled only once.
        with shared.lock(f"build-{env}"):
            before = os.environ.get("PLATFORMIO_BUILD_DIR")
            os.environ["PLATFORMIO_BUILD_DIR"] = str(shared.TEST_BUILD / "env" / env)
            try:
                built = firmware.build(env, network).folder
            finally:
                if before is None:
                    del os.environ["PLATFORMIO_BUILD_DIR"]
                else:
                    os.environ["PLATFORMIO_BUILD_DIR"] = before
            for suffix in KEPT:
                if (file := built / f"firmware.{suffix}").exists():
                    shutil.copy(file, made / file.name)

    # OTOLITH_* and SDKs in other places change the image too
    given = sorted(
        f"{name}={value}"
        for name, value in os.environ.items()
        if name == "OTOLITH_KEEP_ROWS"
        or name.endswith("_SDK_PATH")
        or (name.startswith("PLATFORMIO_") and name != "PLATFORMIO_BUILD_DIR")
    )
    key = ["image", env, model or b"", shared.digest(*SOURCES), shared.toolchain(), *given]
    made = shared.once(key, make)
    folder.mkdir(parents=True, exist_ok=True)
    for file in made.iterdir():
        name = file.name.replace("firmware.", f"{env}.")
        if not name.startswith("."):
            shutil.copy(file, folder / name)
    return folder / f"{env}.{kind}"

"""Builds firmware images for tests that run them."""

import os
import shutil
from pathlib import Path

from otolith.firmware import build as firmware
from support import shared

# All that goes into an image beside its network. The compiler is in host/otolith.
SOURCES = ("firmware", "lib", "platform", "boards", "platformio.ini", "host/otolith")
KEPT = ("elf", "uf2", "bin", "hex", "map", "zip")


def build(env: str, model: bytes | None, folder: Path, kind: str = "uf2") -> Path:
    """An image, built once for all tests and test processes.

    Args:
        env: an environment of platformio.ini.
        model: a .tflite; None: the app has no network.
        folder: where the image is put; it gets the network too (network.tflite).
        kind: suffix of the file that is returned.

    Returns:
        <folder>/<env>.<kind>, with the linker's map beside it.
    """

    def make(made: Path) -> None:
        network = None
        if model is not None:
            network = made / "network.tflite"
            network.write_bytes(model)
        # A build folder an environment: its libraries are compiled once, whoever builds.
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

    # OTOLITH_* and the SDKs that stand elsewhere change an image too
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

"""Builds firmware images for tests that run them."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from otolith.firmware import build as firmware
from support import shared

# Everything an image is built from besides its network. The compiler is in host/otolith.
SOURCES = ("firmware", "lib", "platform", "boards", "platformio.ini", "host/otolith")
KEPT = ("elf", "uf2", "bin", "hex", "map", "zip")


def build(
    env: str,
    model: bytes | Sequence[bytes] | None,
    folder: Path,
    kind: str = "uf2",
    gate: str | None = None,
    options: Sequence[str] = (),
) -> Path:
    """Build an image, once for all tests and test processes.

    Args:
        env: an environment of platformio.ini.
        model: a .tflite file, or several; None for an app without a network.
        folder: receives a copy of the image, and the network (network.tflite).
        kind: suffix of the file to return.
        gate: name of the network that gates the others.
        options: what differs from the board's JSON, such as "microphone=i2s".

    Returns:
        <folder>/<env>.<kind>, with the linker's map beside it.
    """

    def make(made: Path) -> None:
        network: Path | list[Path] | None = None
        if isinstance(model, bytes):
            network = made / "network.tflite"
            network.write_bytes(model)
        elif model is not None:
            network = [made / f"network_{number}.tflite" for number in range(len(model))]
            for file, data in zip(network, model, strict=True):
                file.write_bytes(data)
        # One build folder per environment, so that libraries are compiled only once.
        place = "-".join([env, *options])
        with shared.lock(f"build-{place}"):
            before = os.environ.get("PLATFORMIO_BUILD_DIR")
            os.environ["PLATFORMIO_BUILD_DIR"] = str(shared.TEST_BUILD / "env" / place)
            try:
                built = firmware.build(env, network, gate=gate, options=options).folder
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
    networks = model if isinstance(model, bytes) else b"".join(model or ())
    if gate:
        given.append(f"gate={gate}")
    given += options
    key = ["image", env, networks, shared.digest(*SOURCES), shared.toolchain(), *given]
    made = shared.once(key, make)
    folder.mkdir(parents=True, exist_ok=True)
    for file in made.iterdir():
        name = file.name.replace("firmware.", f"{env}.")
        if not name.startswith("."):
            shutil.copy(file, folder / name)
    return folder / f"{env}.{kind}"

"""Firmware images for the tests on the virtual Pico, each built once."""

import shutil
from pathlib import Path

import pytest
import small_models

from host import paths
from host.deploy import firmware


def _build(env: str, model: bytes | None, folder: Path) -> Path:
    """The image, where a later build with another model does not overwrite it."""
    network = None
    if model is not None:
        network = folder / "network.tflite"
        network.write_bytes(model)
    builds = paths.TOOLS / "test-build"  # what the user built last stays as it is
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLATFORMIO_BUILD_DIR", str(builds))
        firmware.build(env, network)
    return Path(shutil.copy(builds / env / "firmware.uf2", folder / f"{env}.uf2"))


@pytest.fixture(scope="session")
def bench_image(tmp_path_factory) -> Path:
    """The bench app around small_models.sums()."""
    return _build("pico-bench", small_models.sums(), tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="session")
def inference_image(tmp_path_factory) -> Path:
    """The inference app around small_models.loudness()."""
    return _build("pico", small_models.loudness(), tmp_path_factory.mktemp("inference"))


@pytest.fixture(scope="session")
def slow_image(tmp_path_factory) -> Path:
    """The inference app around small_models.slow(): it can't keep up."""
    return _build("pico", small_models.slow(), tmp_path_factory.mktemp("slow"))


@pytest.fixture(scope="session")
def mic_image(tmp_path_factory) -> Path:
    """The USB microphone."""
    return _build("pico-mic", None, tmp_path_factory.mktemp("mic"))

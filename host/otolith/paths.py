"""Paths in this checkout. Everything that `host setup` installs is below TOOLS or .venv."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIB = ROOT / "lib"
MODELS = ROOT / "models"
BOARDS = Path(os.environ.get("PLATFORMIO_BOARDS_DIR", ROOT / "boards"))
TOOLS = Path(os.environ.get("OTOLITH_TOOLS", ROOT / ".otolith"))

PICO_SDK = Path(os.environ.get("PICO_SDK_PATH", TOOLS / "pico-sdk"))
CMSIS_DSP = TOOLS / "cmsis-dsp"  # the cmsisdsp sdist, unpacked
TFLM_FRONTEND = TOOLS / "tflm-frontend"  # TFLM's audio front end, from an sdist
NODE_MODULES = TOOLS / "node" / "node_modules"
BOOTROM = TOOLS / "bootrom" / "rp2040_b1.bin"
NATIVE = TOOLS / "native"  # lib/ compiled for this computer; file names contain a hash


def test_data() -> Path:
    """Folder of real recordings for tests and benchmarks ($OTOLITH_DATA). It may not exist."""
    return Path(os.environ.get("OTOLITH_DATA", ROOT.parent / "shared" / "data"))


def test_models() -> Path:
    """Folder of third-party models for tests ($OTOLITH_MODELS). It may not exist."""
    return Path(os.environ.get("OTOLITH_MODELS", ROOT.parent / "shared" / "models"))

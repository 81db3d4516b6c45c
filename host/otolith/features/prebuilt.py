"""Compiles what a released wheel carries: python -m otolith.features.prebuilt FOLDER.

FOLDER then holds prebuilt/ (libraries for this system) and tflm-frontend/ (sources of the log-mel
tables, with their licence). setup.py puts it into the wheel.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from otolith import paths
from otolith.features import logmel, native
from otolith.native import carry
from otolith.native.sources import tflm_frontend


def prebuild(folder: Path) -> None:
    """Fills a folder for setup.py.

    Args:
        folder: It is made anew.

    Raises:
        UserError: There is no compiler, or `host setup` has not fetched the log-mel sources.
    """
    shutil.rmtree(folder, ignore_errors=True)
    libraries = folder / "prebuilt"
    libraries.mkdir(parents=True)
    own, tflm = native.sources(), tflm_frontend()
    flags = (*own.flags, *native.FLAGS)
    carry(libraries, "features", own.files, native.HEADERS, own.include, flags)
    carry(libraries, "tflm-tables", tflm.files, logmel.HEADERS, tflm.include, tflm.flags)
    shutil.copytree(paths.TFLM_FRONTEND, folder / "tflm-frontend")


if __name__ == "__main__":
    prebuild(Path(sys.argv[1]))

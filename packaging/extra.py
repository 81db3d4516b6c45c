"""Makes what a released wheel carries beyond the checkout: python packaging/extra.py FOLDER.

Libraries for this system, the sources of the log-mel tables, and ready models that are trained.
setup.py puts them into the wheel if OTOLITH_EXTRA names the folder. cibuildwheel runs this on every
system (pyproject.toml).
"""

import shutil
import sys
from pathlib import Path

from otolith import paths
from otolith.errors import UserError
from otolith.features.prebuilt import prebuild
from otolith.setup.registries import install_tflm_frontend

# A folder of models/ may hold networks of others, adopted there: those are not ours to publish.
READY = (
    *("environment", "fire_alarm", "hey_otto", "keyword", "on_off"),
    *("smart_lock", "smart_lock_small"),
)


def make(folder: Path) -> None:
    """Fill `folder` anew; raises UserError."""
    if not paths.TFLM_FRONTEND.is_dir():
        install_tflm_frontend()
    prebuild(folder)
    for tflite in (file for name in READY for file in (paths.MODELS / name).glob("*.tflite")):
        target = folder / "models" / tflite.parent.name / tflite.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tflite, target)


if __name__ == "__main__":
    try:
        make(Path(sys.argv[1]))
    except UserError as error:
        sys.exit(f"Error: {error.message}")

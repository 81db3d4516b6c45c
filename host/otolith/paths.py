"""Paths in this checkout or in the installed wheel. `host setup` installs below TOOLS or .venv.

A wheel carries lib/, firmware/, boards/ and so on in the folder "home" of the package (setup.py).
Nothing is written there: TOOLS is then in the user's cache folder.

What commands build and keep is below TOOLS too. A user who can't write there, because the checkout
belongs to another user, gets a folder of their own: USER_CACHE.
"""

import hashlib
import os
import sys
from pathlib import Path

from otolith.version import VERSION


def _user_caches() -> Path:
    """The folder in which this system keeps a user's caches."""
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"])
    home = Path(os.path.expanduser("~"))
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    return home / ".cache"


PACKAGE = Path(__file__).resolve().parent
INSTALLED = (PACKAGE / "home" / "lib").is_dir()  # from a wheel
ROOT = PACKAGE / "home" if INSTALLED else PACKAGE.parents[1]
LIB = ROOT / "lib"
MODELS = ROOT / "models"
BOARDS = Path(os.environ.get("PLATFORMIO_BOARDS_DIR", ROOT / "boards"))
# a wheel's: virtual environments with one version of Otolith share what `host setup` gets
_TOOLS = _user_caches() / "otolith" / VERSION if INSTALLED else ROOT / ".otolith"
TOOLS = Path(os.environ.get("OTOLITH_TOOLS", _TOOLS))

PICO_SDK = Path(os.environ.get("PICO_SDK_PATH", TOOLS / "pico-sdk"))
CMSIS_DSP = TOOLS / "cmsis-dsp"  # the cmsisdsp sdist, unpacked
# TFLM's audio front end, from an sdist; a released wheel carries it
TFLM_FRONTEND = (ROOT if (ROOT / "tflm-frontend").is_dir() else TOOLS) / "tflm-frontend"
NODE_MODULES = TOOLS / "node" / "node_modules"
STUDIO_MODULES = TOOLS / "studio" / "node_modules"  # libraries of Studio's pages
BOOTROM = TOOLS / "bootrom" / "rp2040_b1.bin"

# a folder a checkout or virtual environment, because two may build different things
USER_CACHE = _user_caches() / "otolith" / hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:12]


def writable(folder: Path) -> bool:
    """Whether this user can write to a folder, or could create it."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


def cache(folder: Path) -> Path:
    """Where to keep what is built: `folder`, or this user's own if they can't write there.

    Args:
        folder: A folder below TOOLS or ROOT.
    """
    kept = INSTALLED and folder.is_relative_to(ROOT)  # of the wheel: even root leaves it as it is
    return folder if writable(folder) and not kept else USER_CACHE / folder.name


NATIVE = cache(TOOLS / "native")  # lib/ compiled for this computer; file names contain a hash
# what the checkout's owner has built, for users who can't add to it
OWNERS = None if NATIVE.is_relative_to(TOOLS) else TOOLS / "native"
PREBUILT = ROOT / "prebuilt"  # libraries that a released wheel carries (native/prebuilt.py)


def test_data() -> Path:
    """Folder of real recordings for tests and benchmarks ($OTOLITH_DATA). It may not exist."""
    return Path(os.environ.get("OTOLITH_DATA", ROOT.parent / "shared" / "data"))


def test_models() -> Path:
    """Folder of third-party models for tests ($OTOLITH_MODELS). It may not exist."""
    return Path(os.environ.get("OTOLITH_MODELS", ROOT.parent / "shared" / "models"))

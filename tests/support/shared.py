"""Expensive results that tests share: firmware images and trained models, each made once.

A result is a folder below .otolith/test-build/shared. Its name is a hash of everything it was made
from, so a changed source or setting makes a new result. A lock keeps pytest-xdist processes from
making the same result twice: the second process waits and uses what the first has made.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from otolith import paths

TEST_BUILD = paths.TOOLS / "test-build"
SHARED = TEST_BUILD / "shared"
OLD_S = 7 * 24 * 3600  # results unused for this long are removed
IGNORED = ("__pycache__", ".pyc")


def lock(name: str) -> FileLock:
    """The lock with this name, shared by all test processes of this checkout."""
    folder = TEST_BUILD / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{name}.lock")


@functools.cache
def digest(*parts: str) -> str:
    """A hash of files, or of all files in folders, including their names."""
    found = hashlib.sha256()
    for part in parts:
        top = paths.ROOT / part
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and not str(path).endswith(IGNORED):
                found.update(f"{path.relative_to(paths.ROOT)}\0".encode())
                found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


@functools.cache
def toolchain() -> str:
    """Versions of the tools that an image's bytes depend on."""
    gcc = subprocess.run(["arm-none-eabi-gcc", "--version"], capture_output=True, text=True)
    return f"{gcc.stdout.splitlines()[:1]} platformio {version('platformio')}"


def once(key: Iterable[str | bytes], make: Callable[[Path], None]) -> Path:
    """The folder that make(folder) fills, made the first time `key` is requested.

    Args:
        key: everything the result depends on.
        make: fills an empty folder. If it raises, nothing is kept.

    Returns:
        A folder to read from. Copy files before changing them.
    """
    name = hashlib.sha256()
    for part in key:
        data = part.encode() if isinstance(part, str) else part
        name.update(len(data).to_bytes(8, "little") + data)
    folder = SHARED / name.hexdigest()[:32]
    with lock(folder.name):
        if not folder.is_dir():
            unfinished = folder.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            make(unfinished)
            unfinished.rename(folder)
    (folder / ".used").touch()
    return folder


def remove_old() -> None:
    """Remove results of earlier runs that have not been used for a week."""
    for folder in SHARED.glob("*"):
        used = folder / ".used"
        if used.exists() and time.time() - used.stat().st_mtime > OLD_S:
            shutil.rmtree(folder, ignore_errors=True)


def trained(spec, name: str = "trained") -> Path:
    """A folder with what train(spec) writes: the .tflite, metrics.json, report.html, ...

    Args:
        spec: an otolith.settings Spec.
        name: the name of the result folder. For a spec that trains on a base, use the name of its
            folder, which is then hashed as well.
    """
    from otolith.train import train

    def make(folder: Path) -> None:
        train(spec, folder)

    python = f"{sys.version_info[:2]} tensorflow {version('tf-keras')} numpy {version('numpy')}"
    sources = digest("host/otolith", "lib/features", "lib/pdm", "lib/listen", "lib/detect")
    return once([name, repr(spec), sources, python], make)

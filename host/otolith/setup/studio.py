"""Parts of Otolith Studio: libraries of its pages, and what its tests need (`host setup --dev`)."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from otolith import paths
from otolith.setup import debian, registries
from otolith.setup.part import Found, Part, run

HINT = "host setup"
HINT_DEV = "host setup --dev"
PAGE = paths.PACKAGE / "studio" / "package.json"
TESTS = paths.ROOT / "tests" / "studio" / "tools" / "package.json"
LIBRARIES = paths.STUDIO_MODULES.parent
CHECKERS = paths.TOOLS / "studio-tests"


def finder(manifest: Path, folder: Path):
    """A finder for the packages of a package.json, each in its pinned version."""

    def find() -> Found | None:
        wanted = json.loads(manifest.read_text())["dependencies"]
        for name, version in wanted.items():
            installed = folder / "node_modules" / name / "package.json"
            if not installed.exists() or json.loads(installed.read_text())["version"] != version:
                return None
        return Found(", ".join(f"{n} {v}" for n, v in wanted.items()), str(folder))

    return find


def installer(manifest: Path, folder: Path):
    """An installer for the packages of a package.json."""
    return lambda: registries.npm_install(manifest, folder)


def find_chromium() -> Found | None:
    """Find Debian's Chromium."""
    path = shutil.which("chromium")
    if path is None:
        return None
    found = re.search(r"Chromium (\d[\d.]*)", run(path, "--version"))
    return Found(found[1], path) if found else None


LIBRARIES_PART = Part(
    "Studio's libraries",
    "pages of host studio",
    finder(PAGE, LIBRARIES),
    HINT,
    installer(PAGE, LIBRARIES),
)

DEV = [
    Part(
        "Chromium",
        "tests Studio's pages",
        find_chromium,
        debian.one_line(("chromium",)),
        lambda: debian.install("chromium"),
    ),
    Part(
        "TypeScript, axe-core",
        "check Studio's pages",
        finder(TESTS, CHECKERS),
        HINT_DEV,
        installer(TESTS, CHECKERS),
    ),
]

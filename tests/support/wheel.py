"""The wheel of this checkout, built once, and fresh virtual environments with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from otolith import paths
from otolith.features.prebuilt import prebuild
from support import shared

FOLDERS = ("boards", "firmware", "host", "lib", "models", "platform")
FILES = ("LICENSE", "MANIFEST.in", "README.md", "platformio.ini", "pyproject.toml", "setup.py")
BASELINE = "bench/results/tflm_baseline.json"


def run(*command: object, cwd: Path, **variables: str | None) -> subprocess.CompletedProcess[str]:
    """Run a command that has to succeed; a variable that is None is not set."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("OTOLITH", "PLATFORMIO"))}
    own |= {k: v for k, v in variables.items() if v is not None}
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={k: v for k, v in own.items() if variables.get(k, "") is not None},
        capture_output=True,
        text=True,
        timeout=2400,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done


def wheel() -> Path:
    """A wheel with the native library of this system, made from a copy of the sources."""

    def make(folder: Path) -> None:
        copy, extra = folder / "copy", folder / "extra"
        tracked = ["git", "ls-files", *FOLDERS]
        listed = subprocess.run(tracked, cwd=paths.ROOT, capture_output=True, text=True, check=True)
        for name in (*listed.stdout.splitlines(), *FILES, BASELINE):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(paths.ROOT / name, copy / name)
        prebuild(extra)
        pip = (sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check")
        run(*pip, "--no-deps", ".", "-w", folder, cwd=copy, OTOLITH_EXTRA=str(extra))
        for used in (copy, extra):
            shutil.rmtree(used)

    made = shared.once(["wheel", shared.digest(*FOLDERS, *FILES, BASELINE)], make)
    return next(made.glob("*.whl"))


@dataclass(frozen=True)
class Installed:
    """A virtual environment with Otolith from the wheel. Its dependencies are this Python's.

    folder: Of the environment. home: What the environment's user has as a home folder.
    """

    folder: Path
    home: Path

    @property
    def package(self) -> Path:
        """The installed package."""
        return next(self.folder.glob("lib/python*/site-packages/otolith"))

    def run(self, name: str, *arguments: object, cwd: Path, **variables: str | None) -> str:
        """What a program of the environment prints."""
        told = {"HOME": str(self.home), "XDG_CACHE_HOME": None, "PYTHONPATH": None, **variables}
        told = {"PYTHONDONTWRITEBYTECODE": "1", **told}
        return run(self.folder / "bin" / name, *arguments, cwd=cwd, **told).stdout

    def tools(self) -> Path:
        """The folder that `host setup` fills."""
        code = "import json; from otolith import paths; print(json.dumps(str(paths.TOOLS)))"
        return Path(json.loads(self.run("python", "-c", code, cwd=self.home)))


# what `host setup` gets besides the pico-sdk and TinyUSB
GOT = ("bootrom", "native", "node", "studio", "pio-core/appstate.json", "pio-core/packages")
PROGRAMS = ("cc", "git", "node", "npm", "arm-none-eabi-gcc")


def link_tools(tools: Path) -> None:
    """Fill a wheel's folder of tools with this checkout's, but for the sources that git gets."""
    (tools / "pio-core").mkdir(parents=True)
    for name in GOT:
        (tools / name).symlink_to(paths.TOOLS / name)


def link_programs(folder: Path, *more: str) -> str:
    """Make a folder for PATH that has what `host setup` looks for, and no apt-get."""
    folder.mkdir(parents=True)
    for name in (*PROGRAMS, *more):
        (folder / name).symlink_to(shutil.which(name) or name)
    return str(folder)


def install(folder: Path) -> Installed:
    """Make a virtual environment in `folder` and install the wheel there."""
    venv, home = folder / "venv", folder / "home"
    home.mkdir(parents=True)
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=folder)
    pip = (sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "install", "-q")
    options = ("--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check")
    run(*pip, *options, wheel(), cwd=folder)
    site = next(venv.glob("lib/python*/site-packages"))
    # not the checkout's host/, which an editable installation has on the path
    there = [p for p in sys.path if p.endswith("site-packages") or "dist-packages" in p]
    (site / "dependencies.pth").write_text("".join(f"{p}\n" for p in there))
    return Installed(venv, home)

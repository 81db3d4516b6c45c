"""The wheel in a fresh virtual environment, as an ordinary user: every Python, git's mirror."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from otolith import paths
from otolith.paths import ROOT
from otolith.setup import parts
from otolith.version import VERSION
from support import git_mirror
from support.three_sounds import three_sounds
from support.users import ordinary
from support.wheel import PROGRAMS, install, link_programs, link_tools, wheel

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
RESULT = ROOT / "bench" / "results" / "pythons.txt"
COMPILER = ("cc", "as", "ld")
STEPS = (
    "host --version",
    "otolith --version",
    "host doctor",
    "host doctor --report",
    "host new bell --hear ring,knock",
    "host data import sounds --dataset bell/dataset --yes",
    "host data split --dataset bell/dataset",
    "host train bell --epochs 1",
    "host classify sounds/ring/ring0.wav --model bell/bell.tflite",
    "host summarize bell/bell.tflite",
    "host export bell/bell.tflite --for c -o c",
    "host export bell/bell.tflite --for zephyr -o zephyr.zip",
)


def interpreter(version):
    """The command of a Python, or None."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    installed = sorted(pyenv.glob(f"{version}.*/bin/python{version}"))
    for command in (shutil.which(f"python{version}"), *map(str, installed)):
        # pyenv's shim of a version that is not selected exists and fails
        if command and subprocess.run([command, "-c", ""], capture_output=True).returncode == 0:
            return command
    return None


@pytest.fixture
def folder():
    """A folder with a space and umlauts in its name, which every user can reach."""
    with tempfile.TemporaryDirectory(prefix="Geräusche für mich ") as name:
        os.chmod(name, 0o755)
        home = Path(name) / "home"
        home.mkdir(mode=0o777)
        home.chmod(0o777)
        yield Path(name)


@pytest.mark.soak
@pytest.mark.timeout(3600)  # it downloads TensorFlow
@pytest.mark.parametrize("version", PYTHONS)
def test_the_wheel_does_everything_with_every_python(version, folder):
    """From an import to a trained, exported network; with a compiler, without apt-get on PATH."""
    python = interpreter(version)
    assert python, f"make soak needs python{version}, on PATH or from pyenv"
    home, programs = folder / "home", folder / "venv" / "bin"
    subprocess.run([python, "-m", "venv", folder / "venv"], check=True)
    # without byte-compiling, which is half of the time and not what is tested
    pip = [programs / "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    package, start = f"{wheel()}[train]", _clocks()
    subprocess.run([*pip, package], check=True, cwd=folder)
    took = {"pip install --no-compile 'otolith[train]'": _clocks() - start}
    tools = folder / "tools"
    tools.mkdir()
    for name in COMPILER:
        (tools / name).symlink_to(shutil.which(name))
    three_sounds(home / "sounds")
    own = {
        "HOME": str(home),
        "PATH": f"{programs}{os.pathsep}{tools}",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    said = {}
    for step in STEPS:
        start = _clocks()
        done = subprocess.run(
            [*ordinary(), programs / step.split()[0], *step.split()[1:]],
            cwd=home,
            env=own,
            capture_output=True,
            text=True,
            timeout=1200,
        )
        # doctor fails as long as parts are missing, and names them
        right = {0, 1} if step == "host doctor" else {0}
        assert done.returncode in right, f"{step}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        assert "Traceback" not in done.stderr
        said[step], took[step] = done.stdout, _clocks() - start
    assert said["host --version"] == f"otolith, version {VERSION}\n"
    assert str(folder) not in said["host doctor --report"]
    assert (home / "bell" / "bell.tflite").is_file() and (home / "c" / "LICENSE").is_file()
    assert (home / "zephyr.zip").is_file()
    exact = re.search(r"\d+\.\d+\.\d+", subprocess.getoutput(f"'{python}' --version"))
    _note(exact[0], took)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_project_builds_with_what_git_got_from_a_mirror(folder):
    """The real trees at the pinned tags, an ordinary user, no apt-get on PATH."""
    tinyusb = parts.find_tinyusb()
    assert tinyusb is not None, "run `host setup`"
    trees = {"pico-sdk": paths.PICO_SDK, "tinyusb": Path(tinyusb.where)}
    mirror = git_mirror.make(folder / "mirror", trees)
    programs = [path.name for path in Path("/usr/bin").glob("arm-none-eabi-*")]
    path = link_programs(folder / "programs", *set(programs) - set(PROGRAMS), "sh")
    installed = install(folder / "otolith")
    home = folder / "home"
    link_tools(home / "tools")
    for made in (home / "tools", home / "tools" / "pio-core"):
        made.chmod(0o777)
    own = {
        "HOME": str(home),
        "PATH": path,
        "LANG": "C.UTF-8",
        "OTOLITH_TOOLS": str(home / "tools"),
        "GIT_CONFIG_GLOBAL": str(mirror.config),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    python = installed.folder / "bin" / "python"
    for arguments in (
        ("-c", git_mirror.SET_UP, *mirror.commits.values()),
        ("-m", "otolith", "new", "bell", "--from", "fire_alarm", "--board", "pico"),
        ("-m", "platformio", "run", "-d", "bell", "-e", "pico"),
    ):
        done = subprocess.run(
            [*ordinary(), python, *arguments],
            cwd=home,
            env=own,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, f"{arguments[:3]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    assert sorted(p.name for p in (home / "tools" / "tinyusb").iterdir()) == sorted(
        p.name for p in Path(tinyusb.where).iterdir()
    )
    assert (home / "bell" / ".pio" / "build" / "pico" / "firmware.uf2").stat().st_size > 100_000


def _clocks():
    """Wall time, and the CPU time of all programs that have ended."""
    used = os.times()
    return np.array([time.monotonic(), used.children_user + used.children_system])


def _note(version, took):
    """Replace the part of RESULT about one Python."""
    head = "$ pytest --soak tests/unit/test_install.py\nA fresh environment: wall time, CPU.\n"
    parts = RESULT.read_text().split("\n\n")[1:] if RESULT.exists() else []
    kept = {part.split("\n")[0].split(" ")[1].rpartition(".")[0]: part.rstrip() for part in parts}
    lines = [f"{wall:6.1f} s  {cpu:6.1f} s  {step}" for step, (wall, cpu) in took.items()]
    kept[version.rpartition(".")[0]] = "\n".join([f"Python {version}", *lines])
    RESULT.write_text("\n\n".join([head.rstrip(), *(kept[name] for name in sorted(kept))]) + "\n")

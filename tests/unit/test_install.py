"""A fresh virtual environment of every supported Python installs the package and starts it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from otolith.paths import ROOT
from otolith.version import VERSION

PYTHONS = ("3.10", "3.11", "3.12", "3.13")


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


@pytest.mark.soak
@pytest.mark.parametrize("version", PYTHONS)
def test_a_fresh_environment_installs_and_starts(version, tmp_path):
    python = interpreter(version)
    assert python, f"make soak needs python{version}, on PATH or from pyenv"
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    programs = tmp_path / "venv" / "bin"
    pip = [programs / "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, f"{ROOT}[train]"], check=True, cwd=tmp_path)

    def run(*command):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    for name in ("host", "otolith"):
        assert run(programs / name, "--version").split()[-1] == VERSION
        assert "spec.toml" in run(programs / name, "train", "--help")
    rooms = "import otolith.train.run, otolith.evaluate.cli, otolith.listen.chain; print('ready')"
    assert run(programs / "python", "-c", rooms) == "ready\n"

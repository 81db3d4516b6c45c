"""A fresh virtual environment of every supported Python installs the package and starts it."""

import shutil
import subprocess
import sys

import pytest

from otolith.paths import ROOT
from otolith.version import VERSION

PYTHONS = ("3.10", "3.11", "3.12")


def interpreter(version):
    """The command of a Python, or None."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    command = shutil.which(f"python{version}")
    works = command and subprocess.run([command, "-c", ""], capture_output=True).returncode == 0
    return command if works else None


@pytest.mark.soak
@pytest.mark.parametrize("version", PYTHONS)
def test_a_fresh_environment_installs_and_starts(version, tmp_path):
    python = interpreter(version)
    assert python, f"make soak needs python{version} on PATH"
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

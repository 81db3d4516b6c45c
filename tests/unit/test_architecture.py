"""docs/architecture.md states the import rules, and modules can be imported on any system."""

import re
import subprocess
import sys
from collections import Counter

from otolith.paths import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def layers():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (contract,) = settings["tool"]["importlinter"]["contracts"]
    return [{name.strip() for name in row.split(":")} for row in contract["layers"]]


def test_the_table_in_the_docs_is_the_one_that_is_checked():
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| \d+ \| ([^|]+) \|", text, re.M)
    assert [set(re.findall(r"`(\w+)`", row)) for row in rows] == layers()


def test_every_room_stands_in_the_table():
    package = ROOT / "host" / "otolith"
    rooms = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert rooms - {"__init__", "__main__", "__pycache__"} == set().union(*layers())


def test_an_upward_import_is_found(tmp_path):
    """import-linter with this contract rejects a copy in which settings import train."""
    (tmp_path / "otolith").symlink_to(ROOT / "host" / "otolith")
    text = (ROOT / "pyproject.toml").read_text()
    swapped = text.replace('"audio : settings"', '"audio"').replace(
        '    "sweep",\n', '    "settings",\n    "sweep",\n'
    )
    assert swapped != text
    (tmp_path / "pyproject.toml").write_text(swapped)
    program = "from importlinter.cli import lint_imports_command as lint; lint()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "is not allowed to import otolith.settings" in done.stdout


def test_no_two_test_files_share_a_name():
    """pytest collects only one of them."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []

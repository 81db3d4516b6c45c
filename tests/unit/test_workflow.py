"""The workflow that tests boards names boards, environments, paths and options that exist."""

import configparser
import re
import shlex

import pytest
import yaml

from host import paths

WORKFLOW = paths.ROOT / ".github" / "workflows" / "hil.yml"


@pytest.fixture(scope="module")
def jobs():
    return yaml.safe_load(WORKFLOW.read_text())["jobs"]


def commands(job):
    return [step["run"] for step in job["steps"] if "run" in step]


def test_it_runs_on_a_desk_and_without_one(jobs):
    assert jobs["desk"]["runs-on"][:2] == ["self-hosted", "otolith"]
    assert "--board virtual-pico" in " ".join(commands(jobs["virtual"]))
    assert "${{ matrix.board }}" in jobs["desk"]["concurrency"]["group"]


def test_boards_and_apps_can_be_built(jobs):
    config = configparser.ConfigParser()
    config.read(paths.ROOT / "platformio.ini")
    matrix = jobs["desk"]["strategy"]["matrix"]
    for board in matrix["board"]:
        assert (paths.ROOT / "boards" / f"{board}.json").is_file()
        for app, env in (("inference", board), ("usb_mic", f"{board}-mic")):
            assert app in matrix["app"]
            assert config.has_section(f"env:{env}")


def test_every_option_of_pytest_is_one_it_has(jobs):
    conftest = (paths.ROOT / "tests" / "hil" / "conftest.py").read_text()
    known = set(re.findall(r'addoption\(\s*"(--[\w-]+)"', conftest)) | {"--port", "--junit-xml"}
    for job in jobs.values():
        for command in commands(job):
            words = shlex.split(command)
            if words[0] == ".venv/bin/pytest":
                assert {w for w in words if w.startswith("--")} <= known
                assert (paths.ROOT / words[1]).is_dir()

"""The workflow that tests boards uses boards, environments, paths and options that exist."""

import configparser
import re
import shlex

import pytest
import yaml

from otolith import paths
from otolith.cli import main

OF_PLUGINS = {"--port", "--root-logdir", "--junit-xml"}  # options of pytest-embedded and pytest
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
    for board in jobs["desk"]["strategy"]["matrix"]["board"]:
        assert (paths.ROOT / "boards" / f"{board}.json").is_file()
        for env in (board, f"{board}-mic"):
            assert config.has_section(f"env:{env}")
    apps = re.findall(r"--app (\w+)", " ".join(commands(jobs["desk"])))
    assert sorted(apps) == ["inference", "usb_mic"]
    for app in apps:
        assert (paths.ROOT / "firmware" / app).is_dir()


def test_targets_of_make_and_commands_of_host_exist(jobs):
    targets = re.findall(r"^(\w+):", (paths.ROOT / "Makefile").read_text(), re.MULTILINE)
    lines = [command for job in jobs.values() for command in commands(job)]
    made = re.findall(r"\bmake (\w+)", " ".join(lines))
    assert made == ["setup", "setup"] and set(made) <= set(targets)
    for line in lines:
        if line.startswith(".venv/bin/host "):
            _, command, folder = shlex.split(line)
            assert command in main.list_commands(None) and (paths.ROOT / folder).is_dir()


def test_what_is_kept_is_what_the_tests_write(jobs):
    for job in jobs.values():
        (kept,) = [s for s in job["steps"] if s.get("uses", "").startswith("actions/upload")]
        assert kept["if"] == "always()"
        written = re.findall(r"--(?:root-logdir|junit-xml) (\w+)", " ".join(commands(job)))
        assert written and set(written) == {kept["with"]["path"]}


def test_every_option_of_pytest_is_one_it_has(jobs):
    conftest = (paths.ROOT / "tests" / "hil" / "conftest.py").read_text()
    known = set(re.findall(r'addoption\(\s*"(--[\w-]+)"', conftest)) | OF_PLUGINS
    for job in jobs.values():
        for command in commands(job):
            words = shlex.split(command)
            if words[0] == ".venv/bin/pytest":
                assert {w for w in words if w.startswith("--")} <= known
                assert (paths.ROOT / words[1]).is_dir()

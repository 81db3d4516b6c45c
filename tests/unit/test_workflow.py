"""The boards, environments, paths and options that the workflows use exist."""

import configparser
import importlib
import re
import shlex
import subprocess
import sys

import pytest
import yaml

from otolith import paths
from otolith.cli import main
from otolith.errors import UserError
from otolith.firmware.build import Firmware
from otolith.version import VERSION

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

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


@pytest.fixture(scope="module")
def release():
    text = (paths.ROOT / ".github" / "workflows" / "ci.yml").read_text()
    return yaml.safe_load(text)["jobs"], text


def test_a_tag_publishes_only_what_every_job_passed(release):
    jobs, text = release
    assert re.search(r'tags: \["v\*"\]', text)
    assert set(jobs["release"]["needs"]) == set(jobs) - {"release", "publish"}
    assert jobs["publish"]["needs"] == ["release"]
    for name in ("release", "publish"):
        assert jobs[name]["if"] == "startsWith(github.ref, 'refs/tags/v')"
    assert [name for name, job in jobs.items() if "permissions" in job] == ["publish"]


def test_what_the_release_calls_exists(release):
    jobs, _ = release
    said = " ".join(command for job in jobs.values() for command in commands(job))
    targets = re.findall(r"^(\w+):", (paths.ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"setup", "release", "lint"} <= set(re.findall(r"\bmake (\w+)", said)) <= set(targets)
    assert "python packaging/release.py --sums" in said
    about = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["tool"]["cibuildwheel"]
    for script in re.findall(r"packaging/\w+\.py", said + about["before-build"]):
        assert (paths.ROOT / script).is_file()
    assert about["environment"]["OTOLITH_EXTRA"] in about["before-build"]
    kept = {}
    for job in jobs.values():
        for step in job["steps"]:
            kind = step.get("uses", "").partition("@")[0]
            if kind == "actions/upload-artifact":
                kept[step["with"]["name"].partition("$")[0]] = step["with"]["path"]
            if kind == "actions/download-artifact":
                assert (step["with"].get("name") or step["with"]["pattern"][:-1]) in kept
    assert kept == {"wheel-": "wheels", "dist": "dist"}


def test_checksums_are_those_that_sha256sum_checks(tmp_path):
    for name in ("a.whl", "b.uf2"):
        (tmp_path / name).write_bytes(name.encode() * 100)
    script = paths.ROOT / "packaging" / "release.py"
    told = [sys.executable, script, "--sums", "--out", tmp_path]
    for _ in range(2):  # the sums of a second run leave the first's file out
        subprocess.run(told, check=True, capture_output=True)
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "a.whl: OK\nb.uf2: OK\n"


@pytest.fixture
def packaging(monkeypatch):
    monkeypatch.syspath_prepend(str(paths.ROOT / "packaging"))
    return importlib.import_module("release")


def test_a_release_says_why_a_model_has_no_image(packaging, tmp_path, capsys, monkeypatch):
    for name in ("mine", "wide"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "spec.toml").write_text(
            '[model]\nclasses = ["background", "ring"]\n'
        )
    (tmp_path / "models" / "wide" / "wide.tflite").write_bytes(b"x")
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    monkeypatch.setattr(packaging, "KEPT", str(tmp_path / "kept"))
    builds = []

    def build(board, tflite):
        builds.append(board)
        if board == "pico_w":
            raise UserError("flash is full")
        folder = tmp_path / "built"
        folder.mkdir(exist_ok=True)
        for suffix in ("elf", "bin", "hex", "uf2"):
            (folder / f"firmware.{suffix}").write_text(suffix)
        return Firmware(board, folder)

    monkeypatch.setattr(packaging, "build", build)
    boards = ["pico", "pico_w", "arduino_nano33ble_sense", "nrf52840_dk", "xg24_dev_kit"]
    out = tmp_path / "dist"
    out.mkdir()
    made = packaging.images(["mine", "wide"], out, train=False, boards=boards)
    assert sorted(path.name.replace(VERSION, "V") for path in made) == [
        "wide-arduino_nano33ble_sense-V.bin",
        "wide-nrf52840_dk-V.hex",
        "wide-pico-V.uf2",
        "wide-xg24_dev_kit-V.hex",
    ]
    assert all(path.read_text() == path.suffix[1:] for path in made)
    listed, said = (out / "IMAGES.md").read_text(), capsys.readouterr().out
    assert all(f"| {path.name} | " in listed for path in made)
    for reason in (
        "mine: not trained (host train models/mine, or --train)",
        "wide on pico_w: flash is full",
    ):
        assert f"\n- {reason}\n" in listed
        assert f"left out: {reason}\n" in said
    assert {"fire_alarm", "keyword", "on_off"} <= set(packaging.extra.READY)
    # a release that was stopped goes on: what is there is not built again
    before = {path.name: path.read_bytes() for path in made}
    builds.clear()
    again = packaging.images(["wide"], out, train=False, boards=boards)
    assert builds == ["pico_w"] and before == {path.name: path.read_bytes() for path in again}
    packaging.forget_others()
    assert len(list((tmp_path / "kept").rglob("*.*"))) == len(made)
    (tmp_path / "models" / "wide" / "wide.tflite").write_bytes(b"y")
    packaging.images(["wide"], out, train=False, boards=boards)
    assert set(builds) == set(boards)
    monkeypatch.setattr(packaging, "sources", lambda: "others")
    packaging.forget_others()
    assert not list((tmp_path / "kept").rglob("*.*"))


def test_a_wheel_takes_no_network_of_others(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(paths.ROOT / "packaging"))
    extra = importlib.import_module("extra")
    monkeypatch.setattr(extra, "prebuild", lambda folder: None)
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    for name in ("fire_alarm", "okay_nabu"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / f"{name}.tflite").write_bytes(b"x")
    extra.make(tmp_path / "extra")
    copied = [path.name for path in (tmp_path / "extra").rglob("*.tflite")]
    assert copied == ["fire_alarm.tflite"]

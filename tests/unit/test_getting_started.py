"""The commands of docs/getting_started.md, in their order, in an empty folder."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from otolith import paths
from otolith.train import run as training
from support.chain_model import network
from support.evaluate_case import host
from support.three_sounds import three_sounds

PAGE = (paths.ROOT / "docs" / "getting_started.md").read_text()
COMMANDS = [
    line.partition("  #")[0].strip()
    for line in re.findall(r"^ {4}(.+)$", PAGE, re.M)
    if line.startswith(("host ", "cd doorbell", "pio "))
]
PROGRAMS = {"host": ["-m", "otolith"], "pio": ["-m", "platformio"]}
# Need a microphone or a board; the recordings come in by `host data import` instead.
# Each is run elsewhere: the test file, and what in it shows that.
ELSEWHERE = {
    "host record": ("virtual/test_record_stack.py", '"record"'),
    "pio run -e pico-mic": ("virtual/conftest.py", '"pico-mic"'),
    "host monitor": ("virtual/test_live.py", '"monitor"'),
    "host adopt": ("unit/test_wake_words.py", '"adopt"'),
    "host doctor": ("unit/test_setup.py", "cli.doctor"),
    "host boards": ("unit/test_board_pins.py", '"boards"'),
    "host studio": ("studio/test_robust.py", '"studio"'),
}
WITHOUT = tuple(ELSEWHERE)
README = (paths.ROOT / "README.md").read_text()


def run(line, folder):
    words = shlex.split(line)
    command = [sys.executable, *PROGRAMS[words[0]], *words[1:]]
    # the tests' own build folder is not a newcomer's
    own = {k: v for k, v in os.environ.items() if k != "PLATFORMIO_BUILD_DIR"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=own)
    assert done.returncode == 0, f"{line}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def test_the_page_names_every_step():
    firsts = [" ".join(line.split()[:2]) for line in COMMANDS]
    for step in ("host new", "host record", "host data", "host train", "host export"):
        assert step in firsts


def test_every_command_of_the_readme_is_run_here_or_elsewhere():
    """Those of its code blocks and in `...`; `make test` is what runs this."""
    lines = re.findall(r"^ {4}(.+)$", README, re.M) + re.findall(r"`([^`\n]+)`", README)
    commands = [part.strip() for line in lines for part in line.partition("  #")[0].split("&&")]
    asked = [c for c in commands if re.match(r"(host|otolith|pio|cd|make) \S", c)]
    assert len(asked) >= 8
    for command in asked:
        if command in ("make demo", "make test", "make docs"):
            assert re.search(rf"^{command[5:]}:", (paths.ROOT / "Makefile").read_text(), re.M)
        elif not command.startswith(WITHOUT):
            assert command in COMMANDS, command
    for file, shown in ELSEWHERE.values():
        assert shown in (paths.ROOT / "tests" / file).read_text(), file


@pytest.mark.slow
def test_a_newcomer_gets_through(tmp_path, monkeypatch):
    """All but the training: `make soak` and test_training_flow train.

    The dry run fits for two seconds here, for a minute at most elsewhere.
    """
    monkeypatch.setattr(training, "_DRY_SECONDS", 2.0)
    folder = tmp_path / "an empty folder"
    folder.mkdir()
    three_sounds(tmp_path / "sounds")
    ran = []
    for line in COMMANDS:
        if line.startswith(WITHOUT):
            continue
        if line.startswith("cd "):
            folder = folder / line[3:]
            continue
        line = line.replace("~/sounds", shlex.quote(str(tmp_path / "sounds")))
        if line == "host train .":
            with monkeypatch.context() as patch:
                patch.chdir(folder)
                done = host("train", ".", "--dry-run")
            assert done.exit_code == 0 and "the spec works" in done.output, done.output
            shutil.copy(_trained(tmp_path), folder / "doorbell.tflite")
        elif "train-and-deploy" not in line:
            run(line, folder)
        ran.append(line.split(" -")[0])
    assert (folder / "Doorbell" / "library.properties").is_file()
    assert (folder / "dataset" / "metadata.csv").read_text().count("test") >= 6
    assert len(ran) >= 6


def _trained(tmp_path):
    file = tmp_path / "loud.tflite"
    file.write_bytes(network(2))
    return file


@pytest.mark.soak
def test_a_newcomer_trains_and_hears_on_the_virtual_pico(tmp_path):
    three_sounds(tmp_path / "sounds")
    run("host new doorbell --hear ring,knock", tmp_path)
    folder = tmp_path / "doorbell"
    imported = f"host data import {shlex.quote(str(tmp_path / 'sounds'))} --dataset dataset --yes"
    for line in (imported, "host data split", "host train ."):
        run(line, folder)
    said = run("host train-and-deploy . --no-train", folder)
    assert "board pico" in said and "no board attached" in said


@pytest.mark.slow
def test_a_project_builds_where_it_is(tmp_path):
    run("host new loud --hear loud --board xg24_dev_kit", tmp_path)
    shutil.copy(_trained(tmp_path), tmp_path / "loud" / "loud.tflite")
    run("pio run -e xg24_dev_kit", tmp_path / "loud")
    assert (tmp_path / "loud/.pio/build/xg24_dev_kit/firmware.hex").stat().st_size > 10000

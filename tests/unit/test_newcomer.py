"""The commands of docs/getting_started.md with only the wheel, in an empty folder."""

import os
import re
import shlex
import shutil
import time

import pytest

from otolith import paths
from otolith.paths import test_data as real_data
from support.chain_model import network
from support.wheel import install

PAGE = (paths.ROOT / "docs" / "getting_started.md").read_text()
COMMANDS = [
    line.partition("  #")[0].strip()
    for line in re.findall(r"^ {4}(.+)$", PAGE, re.M)
    if line.startswith(("host ", "cd doorbell", "pio "))
]
RESULT = paths.ROOT / "bench" / "results" / "newcomer.txt"
# Need a microphone or a board; the recordings come in by `host data import` instead.
WITHOUT = ("host record", "pio run -e pico-mic", "host monitor")

TOOLS = ("bootrom", "native", "node", "pico-sdk", "tinyusb")
OF_PIO = ("appstate.json", "packages")  # not platforms, where the checkout's is linked


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory):
    """The wheel in a fresh environment; what `host setup` gets is there already."""
    installed = install(tmp_path_factory.mktemp("a new computer"))
    tools = installed.tools()
    (tools / "pio-core").mkdir(parents=True)
    for name in (*TOOLS, *(f"pio-core/{name}" for name in OF_PIO)):
        (tools / name).symlink_to(paths.TOOLS / name)
    return installed


def recordings(folder):
    """Twenty takes of two sounds and a minute of background, from ESC-10."""
    esc = real_data() / "esc10"
    for label, kind, count in (
        ("ring", "009*", 20),
        ("knock", "001*", 20),
        ("background", "002*", 12),
    ):
        (folder / label).mkdir(parents=True)
        files = sorted(next(esc.glob(kind)).iterdir())[:count]
        assert len(files) == count
        for file in files:
            shutil.copy(file, folder / label)


def walk(newcomer, tmp_path, instead):
    """Run the page's commands; `instead` has others, by how a line begins, or None for none.

    Returns:
        The project's folder, what each command said, and its seconds: wall time and CPU.
    """
    folder = tmp_path / "an empty folder"
    folder.mkdir()
    recordings(tmp_path / "sounds")
    said, times = {}, {}
    for line in COMMANDS:
        if line.startswith("cd "):
            folder = folder / line[3:]
            continue
        begin = next((name for name in instead if line.startswith(name)), None)
        line = line if begin is None else instead[begin]
        if line is None or line.startswith(WITHOUT):
            continue
        words = shlex.split(line.replace("~/sounds", shlex.quote(str(tmp_path / "sounds"))))
        start, before = time.monotonic(), os.times()
        said[line] = newcomer.run(*words, cwd=folder)
        after = os.times()
        cpu = after.children_user + after.children_system
        cpu -= before.children_user + before.children_system
        times[line] = (time.monotonic() - start, cpu)
        if line.startswith("host train . --dry-run"):
            shutil.copy(_trained(tmp_path), folder / "doorbell.tflite")
    assert (folder / "Doorbell" / "library.properties").is_file()
    assert (folder / "dataset" / "metadata.csv").read_text().count("test") >= 6
    return folder, said, times


@pytest.mark.soak
def test_a_newcomer_gets_through_with_only_the_wheel(newcomer, tmp_path):
    """All but the training, which `make soak` does, and what needs a trained network."""
    instead = {"host train .": "host train . --dry-run", "host train-and-deploy": None}
    _, said, _ = walk(newcomer, tmp_path, instead)
    assert len(said) >= 7 and "the spec works" in said["host train . --dry-run"]


@pytest.mark.soak
@pytest.mark.timeout(5000)  # a training, on a machine that may be busy
def test_a_newcomer_trains_and_hears_on_the_virtual_pico(newcomer, tmp_path):
    """The page as it is, and the time of each step."""
    folder, said, times = walk(newcomer, tmp_path, {})
    assert (folder / "doorbell.tflite").is_file() and (folder / "report.html").is_file()
    tried = next(text for line, text in said.items() if "train-and-deploy" in line)
    assert "board pico" in tried and "no board attached" in tried and "verdict" in tried
    RESULT.write_text(
        "$ pytest --soak tests/unit/test_newcomer.py -k trains\n"
        "Getting started with only the wheel, on this machine; training starts from base_sound.\n"
        f"{'wall':>8}  {'CPU':>8}\n"
        + "".join(f"{w:6.1f} s  {cpu:6.1f} s  {line}\n" for line, (w, cpu) in times.items())
    )


def _trained(tmp_path):
    file = tmp_path / "loud.tflite"
    file.write_bytes(network(2))
    return file


@pytest.mark.soak
def test_a_project_builds_where_it_is(newcomer, tmp_path):
    newcomer.run("host", "new", "loud", "--hear", "loud", "--board", "xg24_dev_kit", cwd=tmp_path)
    shutil.copy(_trained(tmp_path), tmp_path / "loud" / "loud.tflite")
    pio = ("-m", "platformio", "run", "-e", "xg24_dev_kit")
    newcomer.run("python", *pio, cwd=tmp_path / "loud")
    assert (tmp_path / "loud/.pio/build/xg24_dev_kit/firmware.hex").stat().st_size > 10000

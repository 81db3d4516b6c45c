"""The wheel alone is enough: it has firmware, boards, models and the native library."""

import json
import subprocess
import zipfile

import numpy as np
import pytest

from otolith import paths
from otolith.audio.wav import write_wav
from support import git_mirror
from support.chain_model import network
from support.wheel import install, link_programs, link_tools, wheel

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return install(tmp_path_factory.mktemp("an ünusual folder"))


def test_every_file_of_the_checkout_that_runs_or_builds_is_in_the_wheel():
    with zipfile.ZipFile(wheel()) as archive:
        there = set(archive.namelist())
    listed = subprocess.run(["git", "ls-files"], cwd=paths.ROOT, capture_output=True, text=True)
    tracked = listed.stdout.splitlines()
    assert len(tracked) > 500
    for top in ("boards/", "firmware/", "lib/", "models/", "platform/", "platformio.ini"):
        mine = {f"otolith/home/{name}" for name in tracked if name.startswith(top)}
        assert mine and mine <= there
    package = {name.removeprefix("host/") for name in tracked if name.startswith("host/otolith/")}
    assert package <= there
    ours = {f"otolith/home/{name}" for name in tracked}
    assert {name for name in there if name.endswith(".tflite")} <= ours
    assert not [name for name in there if name.endswith(".pyc")]
    assert len([name for name in there if name.startswith("otolith/home/prebuilt/")]) == 4


def test_commands_work_without_compiler_and_checkout(installed, tmp_path):
    """`host features` needs the native library, `host new` boards, `host export` lib/."""
    (tmp_path / "sounds").mkdir()
    write_wav(
        tmp_path / "sounds" / "noise.wav",
        np.random.default_rng(1).integers(-9000, 9000, 16000, "<i2"),
    )
    (tmp_path / "loud.tflite").write_bytes(network(2))
    nothing = {"PATH": str(tmp_path)}
    before = {path: path.stat().st_mtime_ns for path in installed.package.rglob("*")}
    for preset in ("keyword", "micro_speech"):
        command = ("features", "sounds", "-o", f"{preset}.npz", "--preset", preset)
        installed.run("host", *command, cwd=tmp_path, **nothing)
        assert np.load(tmp_path / f"{preset}.npz")["noise.wav"].any()
    installed.run("host", "new", "bell", "--from", "fire_alarm", cwd=tmp_path, **nothing)
    exported = ("export", "loud.tflite", "--for", "c", "-o", "loud", "--board", "pico")
    installed.run("host", *exported, cwd=tmp_path, **nothing)
    assert (tmp_path / "loud" / "LICENSE").is_file()
    assert before == {path: path.stat().st_mtime_ns for path in installed.package.rglob("*")}
    assert not list(installed.home.rglob("*.so"))  # the wheel's own was used


def test_setup_from_the_wheel_gets_the_pico_sdk_from_a_mirror(installed, tmp_path):
    """The mirror's commits can't be the pinned ones: git_mirror.SET_UP tells the package."""
    mirror = git_mirror.make(tmp_path / "mirror")
    tools = tmp_path / "tools"
    link_tools(tools)
    told = {"PATH": link_programs(tmp_path / "programs"), "OTOLITH_TOOLS": str(tools)}
    told |= {"GIT_CONFIG_GLOBAL": str(mirror.config), "PICO_SDK_PATH": None}
    before = sorted(tools.iterdir())
    with pytest.raises(AssertionError, match=r"Error: pico-sdk, TinyUSB: .* is commit .*not used"):
        installed.run("host", "setup", cwd=tmp_path, **told)
    assert sorted(tools.iterdir()) == before
    installed.run("python", "-c", git_mirror.SET_UP, *mirror.commits.values(), cwd=tmp_path, **told)
    assert {path.name for path in set(tools.iterdir()) - set(before)} == {"pico-sdk", "tinyusb"}
    found = json.loads(installed.run("host", "doctor", "--json", cwd=tmp_path, **told))
    versions = {row["name"]: row["version"] for row in found}
    assert (versions["pico-sdk"], versions["TinyUSB"]) == ("2.1.1", "0.18.0")


def test_without_its_library_and_a_compiler_a_wheel_says_one_line(installed, tmp_path):
    (tmp_path / "sounds").mkdir()
    write_wav(tmp_path / "sounds" / "noise.wav", np.zeros(16000, "<i2"))
    home = installed.package / "home"
    (home / "prebuilt").rename(home / "away")
    try:
        done = subprocess.run(
            [installed.folder / "bin" / "host", "features", "sounds", "-o", "noise.npz"],
            cwd=tmp_path,
            env={"HOME": str(installed.home), "PATH": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        (home / "away").rename(home / "prebuilt")
    assert done.returncode == 1 and done.stderr == (
        "Error: there is no C compiler: install gcc or clang, or run `pip install ziglang`\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["sounds"]

"""host setup off Debian: other package managers, git at pinned tags, PlatformIO's registry."""

import subprocess
from dataclasses import replace

import pytest

from otolith import paths
from otolith.errors import UserError
from otolith.setup import debian, git, parts, registries, system

UBUNTU = """Types: deb
URIs: http://archive.ubuntu.com/ubuntu/ http://mirror.example/ubuntu
Suites: noble noble-updates
Components: main universe
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg
"""
DEBIAN = """Types: deb
# the usual one is off
Enabled: no
URIs: http://off.example/debian

Types: deb
URIs: http://near.example/debian-security
 http://near.example/debian
Suites: trixie
"""


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """git repositories that stand for those on the network; returns their commits by name."""
    commits = {}
    told = {"GIT_CONFIG_COUNT": "2"}
    for number, (name, repository) in enumerate(
        (("pico-sdk", git.PICO_SDK), ("tinyusb", git.TINYUSB))
    ):
        folder = tmp_path / "a mirror" / name
        folder.mkdir(parents=True)
        (folder / "file").write_text(name)

        def run(*command, folder=folder):
            who = ("-c", "user.name=x", "-c", "user.email=x@y")
            done = subprocess.run(
                ["git", *who, *command], cwd=folder, check=True, capture_output=True, text=True
            )
            return done.stdout.strip()

        run("init", "-q")
        run("add", ".")
        run("commit", "-qm", "release")
        run("tag", repository.tag)
        commits[name] = run("rev-parse", "HEAD")
        told[f"GIT_CONFIG_KEY_{number}"] = f"url.{folder.as_uri()}.insteadOf"
        told[f"GIT_CONFIG_VALUE_{number}"] = repository.url
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(paths, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(paths, "PICO_SDK", tmp_path / "tools" / "pico-sdk")
    monkeypatch.setattr(debian, "has_mirror", lambda: False)
    monkeypatch.delenv("PICO_SDK_PATH", raising=False)
    return commits


def test_without_a_debian_mirror_git_gets_the_sources(mirror, tmp_path, monkeypatch):
    for name in ("PICO_SDK", "TINYUSB"):
        pinned = getattr(git, name)
        commit = mirror[name.lower().replace("_", "-")]
        monkeypatch.setattr(git, name, replace(pinned, commit=commit))
    parts.install_pico_sdk()
    tools = tmp_path / "tools"
    assert (tools / "pico-sdk" / "file").read_text() == "pico-sdk"
    assert (tools / "tinyusb" / "file").read_text() == "tinyusb"
    assert sorted(path.name for path in tools.iterdir()) == ["pico-sdk", "tinyusb"]


def test_another_commit_than_the_pinned_one_is_not_used(mirror, tmp_path):
    with pytest.raises(UserError, match=r"tag 2\.1\.1 is commit .*: not used") as error:
        parts.install_pico_sdk()
    assert "\n" not in error.value.message and not list((tmp_path / "tools").iterdir())


def test_a_pico_sdk_of_the_users_own_is_not_replaced(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("PICO_SDK_PATH", str(tmp_path / "mine"))
    monkeypatch.setattr(paths, "PICO_SDK", tmp_path / "mine")
    with pytest.raises(UserError, match=r"PICO_SDK_PATH=.*no pico-sdk 2\.1\.1 there"):
        parts.install_pico_sdk()


@pytest.mark.parametrize(
    ("text", "uris"),
    [(UBUNTU, []), (DEBIAN, ["http://near.example/debian"]), (f"{UBUNTU}\n{DEBIAN}", None)],
)
def test_apt_sources_in_both_formats_are_understood(text, uris, tmp_path, monkeypatch):
    assert debian._mirrors(text) == (["http://near.example/debian"] if uris is None else uris)
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "x.sources").write_text(text)
    (tmp_path / "sources.list.d" / "x.sources.save").write_text("URIs: http://old.example/debian")
    monkeypatch.setattr(debian, "APT", tmp_path)
    assert debian.sources() == text


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("apt-get", "sudo apt-get install -y gcc-arm-none-eabi"),
        ("dnf", "sudo dnf install -y arm-none-eabi-gcc-cs"),
        ("pacman", "sudo pacman -S --needed arm-none-eabi-gcc"),
        ("brew", "brew install --cask gcc-arm-embedded"),
        ("nothing", "install the Arm GNU Toolchain 12 or later"),
    ],
)
def test_the_advice_names_the_package_manager_that_is_there(program, said, tmp_path, monkeypatch):
    (tmp_path / program).write_text("#!/bin/sh\n")
    (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert system.advice(system.ARM).startswith(said)


def test_winget_is_named_on_windows(monkeypatch):
    monkeypatch.setattr(system.sys, "platform", "win32")
    monkeypatch.setattr(system.shutil, "which", lambda name: name if name == "winget" else None)
    assert system.advice(system.ARM).startswith("winget install --exact --id Arm.")


def test_the_arm_toolchain_comes_from_platformio_without_root(tmp_path, monkeypatch):
    """An ordinary user with no apt-get on PATH; the registry is a stand-in."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(registries, "ARM_TOOLCHAIN", tmp_path / "toolchain-gccarmnoneeabi")
    asked = []

    def run(*command, **options):
        asked.append(command[1:])
        folder = tmp_path / "toolchain-gccarmnoneeabi" / "bin"
        folder.mkdir(parents=True)
        gcc = folder / "arm-none-eabi-gcc"
        gcc.write_text("#!/bin/sh\necho 12.3.1\n")
        gcc.chmod(0o755)

    monkeypatch.setattr(registries, "run", run)
    assert parts.find_arm() is None
    parts.install_arm()
    assert asked[0][-1] == f"platformio/toolchain-gccarmnoneeabi@{registries.ARM_VERSION}"
    found = parts.find_arm()
    assert found is not None and found.version == "12.3.1"

    def refused(*command, **options):
        raise UserError("no network")

    monkeypatch.setattr(registries, "run", refused)
    with pytest.raises(UserError, match=r"run: install the Arm GNU Toolchain .*no network"):
        parts.install_arm()

"""host setup off Debian: other package managers, git at pinned tags, PlatformIO's registry."""

import re
import shutil
import zlib
from dataclasses import replace

import pytest
from click.testing import CliRunner

from otolith import paths
from otolith.errors import UserError
from otolith.setup import cli, debian, git, parts, registries, system
from support import git_mirror

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


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """git repositories on this disk with the pinned tags."""
    return git_mirror.make(tmp_path_factory.mktemp("made") / "a mirror of änything")


@pytest.fixture
def mirror(pristine, tmp_path, monkeypatch):
    """A copy of the repositories, which git uses instead of those on the network."""
    shutil.copytree(pristine.folder, tmp_path / "mirror")
    config = tmp_path / "mirror" / "gitconfig"
    there = (tmp_path / "mirror").as_uri()
    config.write_text(config.read_text().replace(pristine.folder.as_uri(), there))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setattr(paths, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(paths, "PICO_SDK", tmp_path / "tools" / "pico-sdk")
    monkeypatch.setattr(debian, "has_mirror", lambda: False)
    monkeypatch.delenv("PICO_SDK_PATH", raising=False)
    for name, repository in (("PICO_SDK", "pico-sdk"), ("TINYUSB", "tinyusb")):
        pinned = replace(getattr(git, name), commit=pristine.commits[repository])
        monkeypatch.setattr(git, name, pinned)
    ours = [part for part in parts.PARTS if part.install is parts.install_pico_sdk]
    assert [part.name for part in ours] == ["pico-sdk", "TinyUSB"]
    monkeypatch.setattr(cli, "PARTS", ours)
    return replace(pristine, folder=tmp_path / "mirror", config=config)


def test_without_a_debian_mirror_git_gets_the_sources(mirror, tmp_path):
    done = CliRunner().invoke(cli.setup)
    assert done.exit_code == 0, done.output
    tools = tmp_path / "tools"
    assert sorted(path.name for path in tools.iterdir()) == ["pico-sdk", "tinyusb"]
    assert [path.name for path in (tools / "pico-sdk").iterdir()] == ["pico_sdk_version.cmake"]
    assert parts.find_pico_sdk().version == "2.1.1" and parts.find_tinyusb().version == "0.18.0"
    assert "pico-sdk 2.1.1\n  TinyUSB 0.18.0" in CliRunner().invoke(cli.setup).output


def _no_tag(mirror, name):
    mirror.run(name, "tag", "--delete", git_mirror.PINNED[name].tag)


def _no_repository(mirror, name):
    shutil.rmtree(mirror.repository(name))


def _other_commit(mirror, name):
    """The tag moves to another commit with the same files."""
    tree = mirror.run(name, "rev-parse", "HEAD^{tree}").strip()
    other = mirror.run(name, "commit-tree", tree, "-m", "other").strip()
    mirror.run(name, "tag", "--force", git_mirror.PINNED[name].tag, other)


def _loose(mirror, name):
    """The file of the repository's one blob."""
    blob = mirror.run(name, "ls-tree", "-r", "HEAD").split()[2]
    return mirror.repository(name) / "objects" / blob[:2] / blob[2:]


def _other_file(mirror, name):
    """A file's content is another, under the old one's name."""
    file = _loose(mirror, name)
    file.chmod(0o644)
    file.write_bytes(zlib.compress(b"blob 5\0ABCDE"))


def _cut(mirror, name):
    file = _loose(mirror, name)
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:20])


@pytest.mark.parametrize("name", ["pico-sdk", "tinyusb"])
@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (_no_tag, r"git says: Remote branch .* not found"),
        (_no_repository, r"git says: '.*' does not appear to be a git repository"),
        (_other_commit, r"tag .* is commit [0-9a-f]{40}, not [0-9a-f]{40}: not used"),
        (_other_file, r"git says: \w"),
        (_cut, r"git says: \w"),
    ],
)
def test_a_bad_mirror_is_one_line_and_leaves_nothing(name, broken, said, mirror, tmp_path):
    """Not even the other repository, which is whole: the next setup begins anew."""
    broken(mirror, name)
    done = CliRunner().invoke(cli.setup)
    assert done.exit_code == 1
    *_, last = done.output.splitlines()
    url = re.escape(git_mirror.PINNED[name].url)
    assert re.fullmatch(f"Error: pico-sdk, TinyUSB: {url}[:,] .*{said}.*", last), last
    assert len([line for line in done.output.splitlines() if "fatal" in line]) == 0
    assert not list((tmp_path / "tools").iterdir())


def test_without_git_one_line_says_what_to_do(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = CliRunner().invoke(cli.setup)
    assert (
        "Error: pico-sdk, TinyUSB: git is missing: install it, or set PICO_SDK_PATH" in done.output
    )
    assert not list((tmp_path / "tools").iterdir())


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

"""git repositories on this disk that stand for those on the network."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from otolith.setup import git

PINNED = {"pico-sdk": git.PICO_SDK, "tinyusb": git.TINYUSB}
VERSION_CMAKE = "".join(
    f"set(PICO_SDK_VERSION_{part} {number})\n"
    for part, number in zip(
        ("MAJOR", "MINOR", "REVISION"), git.PICO_SDK.tag.split("."), strict=True
    )
)
VERSION_H = "".join(
    f"#define TUSB_VERSION_{part} {number}\n"
    for part, number in zip(("MAJOR", "MINOR", "REVISION"), git.TINYUSB.tag.split("."), strict=True)
)
# `host setup` of an installed wheel that takes the mirror's commits for the pinned ones
SET_UP = """import sys
from dataclasses import replace
from otolith.cli import main
from otolith.setup import git
git.PICO_SDK = replace(git.PICO_SDK, commit=sys.argv[1])
git.TINYUSB = replace(git.TINYUSB, commit=sys.argv[2])
main(["setup"])
"""


@dataclass(frozen=True)
class Mirror:
    """Bare repositories in `folder`, and a file for GIT_CONFIG_GLOBAL that leads to them.

    commits: Of the pinned tags, by repository.
    """

    folder: Path
    config: Path
    commits: dict[str, str]

    def repository(self, name: str) -> Path:
        """The bare repository."""
        return self.folder / f"{name}.git"

    def run(self, name: str, *command: str) -> str:
        """What a git command in a repository prints."""
        return _git("--git-dir", str(self.repository(name)), *command)


def make(folder: Path, trees: dict[str, Path] | None = None) -> Mirror:
    """Make bare repositories with the pinned tags.

    Args:
        folder: Is created.
        trees: What a repository holds, by name. Without it, only what the versions are read from.
    """
    folder.mkdir(parents=True)
    config = folder / "gitconfig"
    lines, commits = ["[safe]", "directory = *"], {}
    for name, pinned in PINNED.items():
        work, bare = folder / name, folder / f"{name}.git"
        if trees:
            shutil.copytree(trees[name], work)
        else:
            _write(
                work / "pico_sdk_version.cmake"
                if name == "pico-sdk"
                else work / "src" / "tusb_option.h",
                VERSION_CMAKE if name == "pico-sdk" else VERSION_H,
            )
        _git("init", "--quiet", str(work))
        _git("-C", str(work), "add", "--force", ".")
        _git("-C", str(work), "commit", "--quiet", "--message", "release")
        _git("-C", str(work), "tag", pinned.tag)
        commits[name] = _git("-C", str(work), "rev-parse", "HEAD").strip()
        _git("clone", "--quiet", "--bare", str(work), str(bare))
        shutil.rmtree(work)
        lines += [f'[url "{bare.as_uri()}"]', f"insteadOf = {pinned.url}"]
    config.write_text("\n".join(lines) + "\n")
    return Mirror(folder, config, commits)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(text)


def _git(*command: str) -> str:
    who = ("-c", "user.name=x", "-c", "user.email=x@y", "-c", "core.autocrlf=false")
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", *who, *command], check=True, capture_output=True, text=True, env=env
    ).stdout

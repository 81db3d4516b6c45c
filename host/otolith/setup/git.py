"""Source trees from git at pinned tags; the commit is the checksum."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from otolith.errors import UserError
from otolith.setup.part import run


@dataclass(frozen=True)
class Repository:
    """A tag of a repository, and the commit that it has to be."""

    url: str
    tag: str
    commit: str


PICO_SDK = Repository(
    "https://github.com/raspberrypi/pico-sdk", "2.1.1", "bddd20f928ce76142793bef434d4f75f4af6e433"
)
# the commit of pico-sdk's submodule lib/tinyusb
TINYUSB = Repository(
    "https://github.com/hathach/tinyusb", "0.18.0", "86ad6e56c1700e85f1c5678607a762cfe3aa2f47"
)


def unpack(repository: Repository, folder: Path) -> None:
    """Clone one commit into a folder, without its history.

    git's own settings decide where from: url.<mirror>.insteadOf names a mirror.

    Args:
        repository: What to clone.
        folder: Must not exist yet.

    Raises:
        UserError: There is no git, it can't reach the repository, or the tag is another commit.
    """
    if shutil.which("git") is None:
        raise UserError("git is missing: install it, or set PICO_SDK_PATH to a pico-sdk 2.1.1")
    quiet = ("-c", "advice.detachedHead=false")
    branch = ("--depth", "1", "--branch", repository.tag)
    run("git", *quiet, "clone", "--quiet", *branch, repository.url, str(folder))
    commit = run("git", "-C", str(folder), "rev-parse", "HEAD").strip()
    if commit != repository.commit:
        shutil.rmtree(folder)
        raise UserError(
            f"{repository.url}: tag {repository.tag} is commit {commit}, not "
            f"{repository.commit}: not used"
        )
    shutil.rmtree(folder / ".git", ignore_errors=True)  # read-only files on Windows

"""Source trees from git at pinned tags; the commit is the checksum."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from otolith.errors import UserError, shown


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
    # --no-local: git recomputes the hash of every object, of a mirror on this disk too
    branch = ("--no-local", "--depth", "1", "--branch", repository.tag)
    _git(repository, "clone", "--quiet", *branch, repository.url, str(folder))
    commit = _git(repository, "-C", str(folder), "rev-parse", "HEAD").strip()
    if commit != repository.commit:
        shutil.rmtree(folder)
        raise UserError(
            f"{repository.url}: tag {repository.tag} is commit {commit}, not "
            f"{repository.commit}: not used"
        )
    shutil.rmtree(folder / ".git", ignore_errors=True)  # read-only files on Windows


# Files as they are in the repository, and no waiting for ever on a dead network.
_SETTINGS = {
    "advice.detachedHead": "false",
    "core.autocrlf": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
}


def _git(repository: Repository, *command: str) -> str:
    """What a git command prints. A UserError holds git's reason."""
    own = {k: v for k, v in os.environ.items() if k not in ("GIT_DIR", "GIT_WORK_TREE")}
    own |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}  # nobody is asked for a password
    told = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
    done = subprocess.run(
        ["git", *told, *command],
        env=own,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        # the first is the reason, the remote's too; what follows are consequences and advice
        why = next((line for line in lines if "fatal: " in line), "".join(lines[-1:]))
        why = shown(why.rpartition("fatal: ")[2].strip())
        raise UserError(f"{repository.url}, tag {repository.tag}: git says: {why}")
    return done.stdout

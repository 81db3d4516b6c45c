"""Debian packages: apt installs them for root; others are unpacked into the tools folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from otolith.errors import UserError
from otolith.setup.part import run

APT = Path("/etc/apt")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def one_line(packages: tuple[str, ...]) -> str:
    """The command that a user without root rights has to run."""
    return f"sudo apt-get install -y {' '.join(packages)}"


def is_root() -> bool:
    """Whether apt-get may install. Windows has no root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def install(*packages: str) -> None:
    """Install Debian packages.

    Raises:
        UserError: There is no apt-get, or the user is not root; the message holds the command.
    """
    if shutil.which("apt-get") is None:
        raise UserError(f"apt-get is missing: install by other means: {', '.join(packages)}")
    if not is_root():
        raise UserError(f"run: {one_line(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        run("apt-get", "install", "-y", "--no-install-recommends", *packages, env=environment)
    except UserError:  # package lists may be missing or old
        run("apt-get", "update", env=environment)
        run("apt-get", "install", "-y", "--no-install-recommends", *packages, env=environment)


def sources() -> str:
    """apt's configured sources on this machine, one-line and deb822 format alike."""
    found = sorted(APT.glob("sources.list.d/*"))
    files = [APT / "sources.list", *(f for f in found if f.suffix in (".list", ".sources"))]
    return "\n\n".join(f.read_text(errors="replace") for f in files if f.is_file())


def has_mirror() -> bool:
    """Whether apt here can fetch Debian's packages: not on Ubuntu, whose mirrors are others."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb") and KEYRING.exists()):
        return False
    return bool(_mirrors(sources()))


def _mirrors(text: str) -> list[str]:
    """URIs of Debian's archive in apt's sources, in both formats; those turned off left out."""
    uris: list[str] = []
    for stanza in re.split(r"\n\s*\n", text):
        if re.search(r"^Enabled:\s*no\b", stanza, re.M | re.I):
            continue
        for field in re.findall(r"^URIs:(.*(?:\n[ \t]+.*)*)", stanza, re.M):
            uris += field.split()
        uris += re.findall(r"^deb(?: \[[^\]]*\])?\s+(\S+)", stanza, re.M)
    return [uri for uri in uris if re.search(r"/debian/?$", uri)]


def mirror(text: str) -> str:
    """Find the Debian mirror in apt's sources.

    Args:
        text: Contents of sources.list and sources.list.d.

    Raises:
        UserError: No Debian mirror is named.
    """
    found = _mirrors(text)
    if not found:
        raise UserError(
            "no Debian mirror in /etc/apt: set PICO_SDK_PATH to a pico-sdk 2.1.1 instead"
        )
    return found[0]


def unpack(packages: dict[str, str], suite: str, target: Path) -> None:
    """Download Debian packages and unpack them into a folder.

    The system is not changed: apt uses lists and a cache in a temporary folder, and checks
    signatures.

    Args:
        packages: Exact version of each package, by name.
        suite: Debian release, such as "trixie".
        target: Folder to unpack into.
    """
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        for name in ("state/lists/partial", "cache/archives/partial"):
            (base / name).mkdir(parents=True)
        (base / "debian.sources").write_text(
            f"Types: deb\nURIs: {mirror(sources())}\nSuites: {suite}\nComponents: main\n"
            f"Signed-By: {KEYRING}\n"
        )
        (base / "apt.conf").write_text(
            f'Dir::Etc::sourcelist "{base}/debian.sources";\nDir::Etc::sourceparts "-";\n'
            f'Dir::State "{base}/state";\nDir::State::status "/var/lib/dpkg/status";\n'
            f'Dir::Cache "{base}/cache";\nAPT::Sandbox::User "";\n'
        )
        environment = {**os.environ, "APT_CONFIG": str(base / "apt.conf")}
        run("apt-get", "update", env=environment, cwd=base)
        for name, version in packages.items():
            run("apt-get", "download", f"{name}={version}", env=environment, cwd=base)
        target.mkdir(parents=True, exist_ok=True)
        for archive in sorted(base.glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", archive, target], check=True)

"""The system's package manager: what a part is called there, and the line that installs it."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass

# manager -> its program and the command that a person runs
MANAGERS = {
    "apt": ("apt-get", "sudo apt-get install -y"),
    "dnf": ("dnf", "sudo dnf install -y"),
    "pacman": ("pacman", "sudo pacman -S --needed"),
    "brew": ("brew", "brew install"),
    "winget": ("winget", "winget install --exact --id"),
}
_SYSTEMS = {"darwin": ("brew",), "win32": ("winget",)}


@dataclass(frozen=True)
class Packages:
    """Names of packages by manager; empty where a manager lacks them.

    other: What to do without any of these managers.
    """

    apt: tuple[str, ...] = ()
    dnf: tuple[str, ...] = ()
    pacman: tuple[str, ...] = ()
    brew: tuple[str, ...] = ()
    winget: tuple[str, ...] = ()
    other: str = "install it by other means"

    def of(self, manager: str) -> tuple[str, ...]:
        """The names for a manager."""
        names: tuple[str, ...] = getattr(self, manager)
        return names


ARM = Packages(
    apt=("gcc-arm-none-eabi", "libnewlib-arm-none-eabi", "libstdc++-arm-none-eabi-newlib"),
    dnf=("arm-none-eabi-gcc-cs", "arm-none-eabi-gcc-cs-c++", "arm-none-eabi-newlib"),
    pacman=("arm-none-eabi-gcc", "arm-none-eabi-newlib"),
    brew=("--cask", "gcc-arm-embedded"),
    winget=("Arm.GnuArmEmbeddedToolchain",),
    other="install the Arm GNU Toolchain 12 or later",
)
COMPILER = Packages(
    apt=("gcc", "libc6-dev"),
    dnf=("gcc", "glibc-devel"),
    pacman=("gcc",),
    other="`pip install ziglang`",
)
NODE = Packages(
    apt=("nodejs",),
    dnf=("nodejs",),
    pacman=("nodejs",),
    brew=("node",),
    winget=("OpenJS.NodeJS.LTS",),
    other="install Node.js 18 or later",
)
NPM = Packages(
    apt=("npm",),
    dnf=("npm",),
    pacman=("npm",),
    brew=("node",),
    winget=("OpenJS.NodeJS.LTS",),
    other="install Node.js 18 or later",
)
QEMU = Packages(
    apt=("qemu-system-arm",),
    dnf=("qemu-system-arm",),
    pacman=("qemu-system-arm",),
    brew=("qemu",),
    winget=("SoftwareFreedomConservancy.QEMU",),
)
PORTAUDIO = Packages(
    apt=("libportaudio2",), dnf=("portaudio",), pacman=("portaudio",), brew=("portaudio",)
)


def manager() -> str | None:
    """The package manager of this computer, or None."""
    for name in _SYSTEMS.get(sys.platform, ("apt", "dnf", "pacman", "brew")):
        if shutil.which(MANAGERS[name][0]):
            return name
    return None


def advice(packages: Packages) -> str:
    """What a person runs to get `packages` on this computer."""
    name = manager()
    if name and packages.of(name):
        return f"{MANAGERS[name][1]} {' '.join(packages.of(name))}"
    return packages.other

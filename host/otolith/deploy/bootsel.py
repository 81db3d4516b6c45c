"""Uploads a UF2 to an RP2040 or RP2350 in BOOTSEL mode, by its USB drive or by picotool."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from otolith.errors import UserError
from otolith.progress import Step, tell

APPEAR_SECONDS = 10.0  # from the `bootsel` command to a mounted drive
_PICOTOOL_S = 120.0  # for a whole image
_PIECE = 1 << 16  # bytes between two steps of progress


def mounts() -> list[Path]:
    """Folders where drives are mounted, on Linux, macOS and Windows.

    OTOLITH_DRIVES names them instead, where the system does not list them.
    """
    if named := os.environ.get("OTOLITH_DRIVES"):
        return [Path(folder) for folder in named.split(os.pathsep)]
    table = Path("/proc/mounts")
    if table.exists():
        points = [line.split()[1] for line in table.read_text().splitlines()]
        return [Path(p.replace("\\040", " ")) for p in points]
    if os.name == "nt":
        return [Path(f"{letter}:/") for letter in "DEFGHIJKLMNOPQRSTUVWXYZ"]
    volumes = Path("/Volumes")
    return list(volumes.iterdir()) if volumes.exists() else []


@dataclass(frozen=True)
class Drive:
    """A boot loader's drive. board: What its INFO_UF2.TXT calls the board."""

    folder: Path
    board: str


def drives(candidates: Iterable[Path] | None = None) -> list[Drive]:
    """The drives of boot loaders.

    Args:
        candidates: folders to look at. None: where drives are mounted.
    """
    found = []
    for folder in mounts() if candidates is None else candidates:
        try:
            info = (folder / "INFO_UF2.TXT").read_text(errors="replace")
        except OSError:
            continue
        about = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
        name = about.get("Model") or about.get("Board-ID") or "unknown board"
        found.append(Drive(folder, name.strip()))
    return found


def find_drive(candidates: Iterable[Path] | None = None, name: str = "RP2") -> Path | None:
    """Find a boot loader's drive by a name in its INFO_UF2.TXT.

    Args:
        candidates: folders to look at. None: where drives are mounted.
        name: "RPI-RP2" finds the boot ROM of an RP2040, "RP2350" that of an RP2350, "RP2" both.
    """
    for folder in mounts() if candidates is None else candidates:
        try:
            if name in (folder / "INFO_UF2.TXT").read_text(errors="replace"):
                return folder
        except OSError:
            continue
    return None


def copy(uf2: Path, drive: Path) -> None:
    """Copy `uf2` to the drive. The boot loader flashes it while it arrives, then reboots."""
    data = uf2.read_bytes()
    try:
        with open(drive / uf2.name, "wb") as target:
            for start in range(0, len(data), _PIECE):
                target.write(data[start : start + _PIECE])
                target.flush()
                os.fsync(target.fileno())
                tell(Step(f"copying to {drive}", min(1.0, (start + _PIECE) / len(data))))
    except OSError as error:
        raise UserError(
            f"{drive}: {error.strerror}: bring the board into its boot loader again"
        ) from (error)


def ask_for_bootsel(port: str) -> None:
    """Tell a board that runs Otolith to reboot into BOOTSEL mode."""
    import serial

    try:
        with serial.Serial(port, timeout=1) as line:
            line.write(b"\nbootsel\n")
            line.flush()
    except (serial.SerialException, OSError) as error:
        raise UserError(f"{port}: {error}: is the board plugged in?") from error


def by_picotool(uf2: Path) -> str | None:
    """Load `uf2` by picotool, which needs no drive. None: no picotool, or no board for it."""
    program = shutil.which("picotool")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "load", "-x", str(uf2)], capture_output=True, timeout=_PICOTOOL_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else "loaded by picotool"


def upload(
    uf2: Path,
    port: str | None = None,
    drives: Iterable[Path] | None = None,
    name: str = "RP2",
) -> str:
    """Upload a UF2 file.

    Args:
        uf2: the file.
        port: of a board that runs Otolith; it is rebooted into BOOTSEL mode first.
        drives: folders to look at for the drive. None: where drives are mounted.
        name: what its INFO_UF2.TXT must contain: find_drive().

    Returns:
        How it was uploaded, for the terminal.

    Raises:
        UserError: no board is in BOOTSEL mode.
    """
    if port:
        ask_for_bootsel(port)
    deadline = time.monotonic() + (APPEAR_SECONDS if port else 0)
    while True:
        if drive := find_drive(drives, name):
            copy(uf2, drive)
            return f"copied to {drive}"
        if (done := by_picotool(uf2)) is not None:
            return done
        if time.monotonic() >= deadline:
            raise UserError(
                "no board in BOOTSEL mode: hold BOOTSEL while plugging it in, then upload again "
                f"(or copy {uf2} to its drive)"
            )
        time.sleep(0.5)

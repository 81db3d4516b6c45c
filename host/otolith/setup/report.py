"""What `host doctor --report` prints: facts for a bug report, and nothing personal."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable, Sequence

from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from otolith import __version__
from otolith.setup.part import Part

PACKAGES = ("numpy", "tensorflow-cpu", "tensorflow", "platformio", "sounddevice", "soundfile")


def report(parts: Sequence[Part], ports: Iterable[ListPortInfo] | None = None) -> str:
    """Describe this computer for a bug report, as Markdown.

    It holds versions, parts and attached USB serial devices. It holds no paths, user names, host
    names or serial numbers.

    Args:
        parts: The parts of the set-up to look for.
        ports: Serial ports to describe. By default those attached now.

    Returns:
        Lines to paste into an issue.
    """
    lines = [
        f"- Otolith {__version__}",
        f"- Python {platform.python_version()} on {platform.system()} {platform.machine()}",
    ]
    lines += [f"- {name} {version}" for name in PACKAGES if (version := _version(name))]
    for part in parts:
        found = part.find()
        state = found.version if found else "optional, missing" if part.optional else "MISSING"
        lines.append(f"- {part.name}: {state}")
    devices = [port for port in (list_ports.comports() if ports is None else ports) if port.vid]
    lines += [f"- USB serial device {_device(port)}" for port in devices]
    if not devices:
        lines.append("- no USB serial device attached")
    return "\n".join(lines)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _device(port: ListPortInfo) -> str:
    """Vendor, product and name; the name is the device's own and may hold anything."""
    name = "".join(c for c in port.product or "" if c.isprintable())[:60]
    return f"{port.vid:04x}:{port.pid or 0:04x} {name}".rstrip()

"""Serial ports that a page may name."""

from __future__ import annotations

import os
import re

from otolith.device.transports import serial_ports
from otolith.errors import UserError, short, shown

# Names that systems give to serial ports and pseudo-terminals. No other device is opened.
_NAMES = re.compile(
    r"/dev/(tty(USB|ACM|AMA|S|GS|\.)[\w.-]*|cu\.[\w.-]+|pts/\d+|serial/by-\w+/[\w:.-]+)|COM\d+"
)


def checked(name: str) -> str:
    """A serial port's name, as a page sent it.

    Raises:
        UserError: It is no serial port.
    """
    if any(port.name == name for port in serial_ports()):
        return name
    is_device = os.name == "nt" or bool(_NAMES.fullmatch(os.path.realpath(name)))
    if _NAMES.fullmatch(name) and is_device and (os.name == "nt" or os.path.exists(name)):
        return name
    raise UserError(f"no board at {short(shown(name))}: plug it in again, then look again")

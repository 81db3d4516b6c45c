"""A virtual EFR32MG24 board: a register model for each peripheral that the firmware uses."""

from otolith.virtual.efr32mg24.block import MisuseError
from otolith.virtual.efr32mg24.chip import VirtualEfr32mg24

__all__ = ["MisuseError", "VirtualEfr32mg24"]
